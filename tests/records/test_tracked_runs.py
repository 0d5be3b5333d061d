"""The record of the runs that MLflow has of an experiment."""

import json

import pytest

from maggy.common.files import AnyFiles
from maggy.records.tracked_runs import TrackedRuns, without_password


def record_in(folder, server="http://localhost:5000", experiment="digits"):
    record = TrackedRuns(AnyFiles(), str(folder), server, experiment)
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


def test_no_password_is_recorded(tmp_path):
    record = record_in(tmp_path, server="https://me:secret@localhost:5000/path")
    record.write()
    text = (tmp_path / "mlflow.json").read_text()
    assert "secret" not in text
    assert json.loads(text)["targets"][0]["server"] == "https://localhost:5000/path"


def test_an_at_sign_in_a_path_is_no_password():
    assert without_password("http://host/a@b") == "http://host/a@b"
