"""A recorded experiment is read without a change, and its state is told from end and owner."""

import json
import math
import os

import pytest
from helpers.recorded import record_search, tree

from maggy.common.files import AnyFiles
from maggy.records.ownership import SILENCE_SECONDS, Owner, Ownership
from maggy.records.process import Process
from maggy.records.recorded import read_experiment, read_overview

FILES = AnyFiles()
ELSEWHERE = Process("other-host", pid=7)


def state(recorded, **others):
    return read_overview(FILES, recorded.path, **others).state


@pytest.mark.parametrize("end", ["FINISHED", "FAILED", "KILLED"])
def test_the_state_is_the_one_that_is_recorded(tmp_path, end):
    assert state(record_search(tmp_path, state=end)) == end


def test_an_experiment_without_an_end_runs_while_its_owner_lives(tmp_path):
    assert state(record_search(tmp_path, state=None)) == "RUNNING"


def owned_by(recorded, process, last_sign, end=None):
    owner = Owner(process, last_sign, last_sign, end)
    FILES.write_bytes(f"{recorded.path}/owner-2.json", owner.to_json())


@pytest.mark.parametrize(
    ("silence", "expected"), [(SILENCE_SECONDS - 1, "RUNNING"), (SILENCE_SECONDS + 1, "KILLED")]
)
def test_an_owner_elsewhere_is_believed_for_as_long_as_a_second_driver_would_wait(
    tmp_path, silence, expected
):
    recorded = record_search(tmp_path, state=None)
    owned_by(recorded, ELSEWHERE, 1000.0)
    assert state(recorded, clock=lambda: 1000.0 + silence) == expected


def test_an_experiment_whose_owner_is_provably_dead_was_killed(tmp_path):
    recorded = record_search(tmp_path, state=None)
    here = Process("host", "boot", "pid:[1]", 1, "1")
    dead = Process("host", "boot", "pid:[1]", 10**9, "1")
    owned_by(recorded, dead, 1000.0)
    assert state(recorded, clock=lambda: 1000.0, process=here) == "KILLED"


def test_an_experiment_whose_owner_has_gone_without_an_end_was_killed(tmp_path):
    recorded = record_search(tmp_path, state=None)
    owned_by(recorded, ELSEWHERE, 1000.0, end=1000.0)
    assert state(recorded, clock=lambda: 1000.0) == "KILLED"


def test_an_experiment_without_end_and_owner_was_killed(tmp_path):
    # Release 2.0 recorded no owners.
    recorded = record_search(tmp_path, state=None)
    os.unlink(f"{recorded.path}/owner-1.json")
    assert state(recorded) == "KILLED"


def test_an_experiment_that_ends_between_two_looks_is_not_taken_for_a_killed_one(tmp_path):
    recorded = record_search(tmp_path, state=None)
    fields = recorded.store.read_experiment()

    class EndsMeanwhile(AnyFiles):
        def read_inside(self, folder, name):
            data = super().read_inside(folder, name)
            if name == "maggy.json" and json.loads(data)["state"] == "RUNNING":
                recorded.store.write_experiment({**fields, "state": "FINISHED"})
                recorded.store.release()
            return data

    assert read_overview(EndsMeanwhile(), recorded.path).state == "FINISHED"


def test_reading_neither_takes_nor_renews_an_owner(tmp_path):
    recorded = record_search(tmp_path, state=None, running=[{"lr": 0.9, "pool": 9}])
    before = tree(tmp_path)
    read_experiment(FILES, recorded.path, clock=lambda: 1e10)
    assert tree(tmp_path) == before
    # The driver goes on as if nothing had been.
    recorded.store.renew_ownership()
    assert Ownership(FILES, recorded.path)._newest() == 1


def test_a_trial_that_has_begun_and_not_ended_is_told_only_while_the_experiment_runs(tmp_path):
    running = [{"lr": 0.9, "pool": 9}]
    recorded = record_search(tmp_path, state=None, running=running)
    assert [*read_experiment(FILES, recorded.path).beginnings.values()] == running
    recorded = record_search(tmp_path, state="KILLED", running=running)
    assert read_experiment(FILES, recorded.path).beginnings == {}


def test_the_result_of_an_earlier_call_is_not_read_until_a_resumed_one_has_ended(tmp_path):
    recorded = record_search(tmp_path)
    assert read_overview(FILES, recorded.path).result["num_trials"] == 2
    fields = recorded.store.read_experiment()
    recorded.store.claim()
    recorded.store.write_experiment({**fields, "state": "RUNNING"})
    assert read_overview(FILES, recorded.path).result == {}
    recorded.store.release()
    overview = read_overview(FILES, recorded.path)
    assert (overview.state, overview.result) == ("KILLED", {})


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"state": "RUNNING"' + b"}" * 9,
        b'{"a":' * 200_000 + b"1" + b"}" * 200_000, b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"a": ' + b"9" * 100_000 + b"}",
    ],
    ids=lambda content: repr(content[:12]),
)  # fmt: skip
@pytest.mark.parametrize("name", ["maggy.json", "result.json", "trial.json"])
def test_a_damaged_record_is_left_out_named_and_left_where_it_is(tmp_path, name, content):
    recorded = record_search(tmp_path)
    damaged = recorded.result.trials[0]["trial_id"]
    path = f"{damaged}/trial.json" if name == "trial.json" else name
    FILES.write_bytes(f"{recorded.path}/{path}", content)
    before = tree(tmp_path)
    experiment = read_experiment(FILES, recorded.path)
    (problem,) = experiment.problems
    assert problem.startswith(f"{path} is damaged, and left out: ")
    assert len(problem) < 400
    assert len(experiment.trials) == (2 if name == "trial.json" else 3)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["maggy.json", "result.json", "trial.json"])
def test_a_record_that_no_memory_holds_is_left_out_and_not_read(tmp_path, name):
    recorded = record_search(tmp_path)
    damaged = recorded.result.trials[0]["trial_id"]
    path = f"{damaged}/trial.json" if name == "trial.json" else name
    os.truncate(f"{recorded.path}/{path}", 2**42)  # a hole takes no space
    (problem,) = read_experiment(FILES, recorded.path).problems
    assert problem.startswith(f"{path} is damaged, and left out: ")
    assert problem.endswith("has more than 1,073,741,824 bytes.")


@pytest.mark.parametrize(("levels", "count"), [(200, 1), (300, 0)])
def test_a_trial_that_is_nested_deeper_than_lagom_allows_is_left_out(tmp_path, levels, count):
    recorded = record_search(tmp_path, [0.5])
    path = f"{recorded.path}/{recorded.result.trials[0]['trial_id']}/trial.json"
    deep = b'"size": ' + b"[" * levels + b"]" * levels
    FILES.write_bytes(path, FILES.read_bytes(path).replace(b'"size": 0', deep))
    experiment = read_experiment(FILES, recorded.path)
    assert len(experiment.trials) == count
    assert len(experiment.problems) == 1 - count


def test_what_is_said_about_a_damaged_record_is_short_and_can_be_printed(tmp_path):
    recorded = record_search(tmp_path)
    name = "\x1b[2J" + "x" * 200
    os.makedirs(f"{recorded.path}/{name}")
    os.mkfifo(f"{recorded.path}/{name}/trial.json")
    (problem,) = read_experiment(FILES, recorded.path).problems
    assert problem.isprintable()
    assert len(problem.partition("left out: ")[2]) <= 201


@pytest.mark.parametrize("owner", [b"", b'{"seen": NaN}', b"[" * 200_000, b'{"seen": 1e999}'])
def test_a_damaged_owner_is_none(tmp_path, owner):
    recorded = record_search(tmp_path, state=None)
    FILES.write_bytes(f"{recorded.path}/owner-2.json", owner)
    assert state(recorded) == "KILLED"


def test_a_process_number_beyond_those_of_any_system_is_a_dead_process():
    from maggy.records.process import current_process, is_provably_dead

    here = current_process()
    if not here.boot_id:
        pytest.skip("only Linux allows a proof")
    huge = Process(here.host, here.boot_id, here.namespace, 10**300, "1")
    assert is_provably_dead(huge, here)


def test_what_is_not_recorded_in_maggy_json_has_no_effect_on_the_trials(tmp_path):
    recorded = record_search(tmp_path)
    os.unlink(f"{recorded.path}/maggy.json")
    experiment = read_experiment(FILES, recorded.path)
    assert experiment.problems == ["maggy.json is missing. Its fields are unknown."]
    assert (experiment.overview.state, len(experiment.trials)) == ("KILLED", 3)


def test_a_point_that_was_nan_is_nan_again(tmp_path):
    recorded = record_search(tmp_path, [0.5])
    name = recorded.result.trials[0]["trial_id"]
    path = f"{recorded.path}/{name}/trial.json"
    text = FILES.read_bytes(path).replace(b"[0.25]", b"[null]")
    FILES.write_bytes(path, text)
    (trial,) = read_experiment(FILES, recorded.path).trials
    assert math.isnan(trial.metric_history[0])
