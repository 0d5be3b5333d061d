"""The record of the runs that MLflow has of an experiment."""

import json

import pytest

from maggy.common.exceptions import OwnershipError
from maggy.common.files import AnyFiles
from maggy.records.tracked_runs import Target, TrackedRuns, last_target

SERVER = "http://localhost:5000"


def record_in(folder, server=SERVER, experiment="digits", is_id=False):
    record = TrackedRuns(AnyFiles(), str(folder), server, Target(experiment, is_id))
    record.read()
    return record


def test_what_is_written_is_read_again(tmp_path):
    record = record_in(tmp_path)
    record.parent, record.runs, record.is_complete = "p", {"t1": "r1"}, True
    record.write()
    again = record_in(tmp_path)
    assert (again.parent, again.runs, again.is_complete) == ("p", {"t1": "r1"}, True)


def test_each_server_and_each_experiment_has_runs_of_its_own(tmp_path):
    for parent, target in (
        ("p1", {}),
        ("p2", {"experiment": "other"}),
        ("p3", {"server": "http://elsewhere"}),
    ):
        record = record_in(tmp_path, **target)
        assert record.parent is None
        record.parent = parent
        record.write()
    assert record_in(tmp_path).parent == "p1"
    assert record_in(tmp_path, experiment="other").parent == "p2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "torn {",
        '{"targets": 1}',
        '{"targets": [{"server": "http://localhost:5000", "experiment": "digits", "runs": []}]}',
    ],
)
def test_a_damaged_record_counts_as_empty(tmp_path, text):
    (tmp_path / "mlflow.json").write_text(text)
    record = record_in(tmp_path)
    assert (record.parent, record.runs, record.is_complete) == (None, {}, False)


def test_the_last_target_is_that_of_the_last_write_to_a_server(tmp_path):
    assert last_target(AnyFiles(), str(tmp_path), SERVER) is None
    for experiment, server in (("a", SERVER), ("b", SERVER), ("c", "http://elsewhere")):
        record_in(tmp_path, server, experiment).write()
    assert last_target(AnyFiles(), str(tmp_path), SERVER) == Target("b")
    record_in(tmp_path, experiment="a").write()
    assert last_target(AnyFiles(), str(tmp_path), SERVER) == Target("a")
    record_in(tmp_path, experiment="3", is_id=True).write()
    assert last_target(AnyFiles(), str(tmp_path), SERVER) == Target("3", is_id=True)


def test_no_password_is_recorded(tmp_path):
    record = record_in(tmp_path, server="https://me:secret@localhost:5000/path?password=secret")
    record.write()
    text = (tmp_path / "mlflow.json").read_text()
    assert "secret" not in text
    assert json.loads(text)["targets"][0]["server"] == "https://***@localhost:5000/path?***"


def test_one_writer_at_a_time_has_the_claim_also_within_a_process(tmp_path):
    first, second = record_in(tmp_path), record_in(tmp_path)
    for _ in range(2):
        first.claim()
    with pytest.raises(OwnershipError, match="by one process at a time, and another one"):
        second.claim()
    first.release()
    second.claim()
    with pytest.raises(OwnershipError):
        first.claim()


def test_listeners_for_two_servers_write_side_by_side(tmp_path):
    first, second = record_in(tmp_path), record_in(tmp_path, server="http://elsewhere")
    for record in (first, second):
        record.claim()
    first.parent, second.parent = "p1", "p2"
    first.runs = {"t1": "r1"}
    first.write()
    second.runs = {"t1": "r2"}
    second.write()
    first.runs["t2"] = "r3"
    first.write()
    assert record_in(tmp_path, server="http://elsewhere").runs == {"t1": "r2"}
    assert record_in(tmp_path).runs == {"t1": "r1", "t2": "r3"}
