"""The segments about running trials: one driver each, begun anew, read in between."""

import uuid

import pytest
from helpers.recorded import record_search

from maggy.common.files import AnyFiles
from maggy.records.directory import ExperimentStore
from maggy.records.process import Process
from maggy.records.recorded import read_experiment
from maggy.records.running_files import read_runs
from maggy.records.running_points import FORMAT_LINE, began_line, given_back_line, point_lines
from maggy.result.opening import result_of
from maggy.trial import Trial

FILES = AnyFiles()
RUNNING = {"lr": 0.9, "pool": 9}
TRIAL = Trial(RUNNING).trial_id
BEGAN = FORMAT_LINE + began_line(TRIAL, 4, 1795677490.5, 1, 1)


@pytest.fixture(params=["disk", "memory"])
def root(request, tmp_path):
    return str(tmp_path) if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


def resumed(recorded):
    """Return the store of a driver that goes on with a recorded experiment."""
    store = ExperimentStore.open(
        FILES, recorded.path.rpartition("/")[0], recorded.path, process=Process("other-host")
    )
    store.claim()
    return store


def running_names(path):
    return [name for name in FILES.list(path) if name.startswith("running-")]


def rows(recorded):
    return result_of(read_experiment(FILES, recorded.path)).running


def test_a_running_trial_has_its_number_start_worker_attempts_and_points(root):
    recorded = record_search(root, state=None, running=[RUNNING])
    recorded.store.append_running(BEGAN)
    recorded.store.append_running(point_lines(TRIAL, [(0, 0.5, 1795677491.0), (1, float("nan"))]))
    (row,) = rows(recorded)
    assert {name: row[name] for name in ("number", "start", "worker", "attempts")} == {
        "number": 4, "start": 1795677490.5, "worker": 1, "attempts": 1,
    }  # fmt: skip
    assert (row["steps"], row["history"]) == ([0, 1], [0.5, None])
    assert (row["trial_id"], row["status"], row["params"]) == (TRIAL, "RUNNING", RUNNING)


def test_running_trials_are_in_the_order_of_their_numbers(root):
    others = [{"lr": 0.9, "pool": pool} for pool in range(1, 8)]
    recorded = record_search(root, state=None, running=others)
    for number, params in enumerate(others, 10):
        recorded.store.append_running(began_line(Trial(params).trial_id, number, 1e9, 0, 1))
    assert [row["number"] for row in rows(recorded)] == list(range(10, 17))


def test_a_trial_that_was_given_back_is_no_running_trial(root):
    recorded = record_search(root, state=None, running=[RUNNING])
    recorded.store.append_running(BEGAN + given_back_line(TRIAL))
    assert rows(recorded) == []


def test_a_trial_that_has_ended_since_is_no_running_trial(root):
    recorded = record_search(root, state=None)
    ended = recorded.result.trials[0]
    recorded.store.append_running(began_line(ended["trial_id"], 1, ended["start"], 0, 1))
    experiment = read_experiment(FILES, recorded.path)
    assert (experiment.runs, result_of(experiment).running) == ({}, [])


def test_a_trial_that_runs_again_after_a_failure_is_a_running_trial(root):
    recorded = record_search(root, state=None)
    failed = recorded.result.trials[1]
    line = began_line(failed["trial_id"], 2, failed["start"] + 100, 0, 2)
    recorded.store.append_running(line)
    result = result_of(read_experiment(FILES, recorded.path))
    (row,) = result.running
    assert (row["trial_id"], row["attempts"], row["params"]) == (
        failed["trial_id"], 2, failed["params"],
    )  # fmt: skip
    assert len(result.trials) == 3  # its earlier end counts until the new one


def test_a_line_about_a_trial_without_a_directory_is_left_out(root):
    recorded = record_search(root, state=None)
    for name in ("no such trial", "../app_1", "/etc", "maggy.json", "", "."):
        recorded.store.append_running(began_line(name, 9, 1e9, 0, 1))
    assert rows(recorded) == []


def test_a_driver_that_goes_on_is_not_mixed_with_the_one_before(root):
    other = {"lr": 0.1, "pool": 1}
    recorded = record_search(root, [], state=None, running=[RUNNING, other])
    recorded.store.append_running(BEGAN + point_lines(TRIAL, [(0, 0.5), (1, 0.25)]))
    recorded.store.append_running(began_line(Trial(other).trial_id, 5, 1795677491.0, 0, 1))
    recorded.store.release()  # as if it were dead
    second = resumed(recorded)
    assert read_runs(FILES, recorded.path, is_running=True) == {}
    assert rows(recorded) == []  # it has begun nothing yet
    second.append_running(began_line(TRIAL, 4, 1795677500.0, 0, 1))
    recorded.store.append_running(point_lines(TRIAL, [(2, 0.125)]))
    (row,) = rows(recorded)
    assert (row["start"], row["steps"]) == (1795677500.0, [])
    assert len(running_names(recorded.path)) == 2
    second.remove_running()
    assert running_names(recorded.path) == []


def test_a_suspended_driver_does_not_remove_what_its_follower_has_written(root):
    recorded = record_search(root, state=None, running=[RUNNING])
    recorded.store.append_running(BEGAN)
    recorded.store.release()
    resumed(recorded).append_running(BEGAN)
    recorded.store.remove_running()
    assert running_names(recorded.path) == ["running-2-1.jsonl"]


def test_a_killed_experiment_tells_what_ran_but_nothing_runs(root):
    recorded = record_search(root, state=None, running=[RUNNING])
    recorded.store.append_running(BEGAN + point_lines(TRIAL, [(0, 0.5), (1, 0.25)]))
    recorded.store.release()
    experiment = read_experiment(FILES, recorded.path)
    assert (experiment.overview.state, experiment.beginnings) == ("KILLED", {})
    assert experiment.runs[TRIAL].history == [0.5, 0.25]
    assert result_of(experiment).running == []
    # A driver that goes on, and dies before it has begun that trial anew, loses nothing of it.
    second = resumed(recorded)
    other = recorded.result.trials[1]["trial_id"]
    second.append_running(began_line(other, 2, 1e10, 0, 2))
    second.release()
    experiment = read_experiment(FILES, recorded.path)
    assert set(experiment.runs) == {TRIAL, other}


@pytest.mark.parametrize("removed", ["everything", "the first file", "the first segment"])
def test_a_reader_who_comes_while_the_text_begins_anew_sees_the_old_or_the_new(
    root, removed, monkeypatch
):
    monkeypatch.setattr("maggy.records.log_files.SEGMENT_BYTES", 1)
    recorded = record_search(root, state=None, running=[RUNNING])
    store = recorded.store
    store.append_running(BEGAN)
    store.append_running(point_lines(TRIAL, [(0, 0.5)]))

    def remove_one(_):
        FILES.remove(f"{recorded.path}/running-1-1.jsonl")

    class BeginsAnew(AnyFiles):
        looks = 0

        def list(self, path):
            names = super().list(path)
            self.looks += 1
            if self.looks == 1:
                if removed == "the first segment":
                    monkeypatch.setattr(store._running, "_remove", remove_one)
                store.replace_running(BEGAN + point_lines(TRIAL, [(0, 0.5), (1, 0.25)]))
                if removed == "everything":
                    store.remove_running()
            return names

    files = BeginsAnew()
    runs = read_runs(files, recorded.path, is_running=True)
    if removed == "everything":
        assert runs is None
    else:
        assert runs[TRIAL].history == [0.5, 0.25]


def test_what_is_not_a_driver_s_file_is_left_out(tmp_path):
    recorded = record_search(tmp_path, state=None, running=[RUNNING])
    (tmp_path / "secret").write_text(BEGAN)
    path = tmp_path / "app_1" / "running-1-1.jsonl"
    path.symlink_to(tmp_path / "secret")
    assert read_experiment(FILES, recorded.path).runs == {}
    assert [row["number"] for row in rows(recorded)] == [None]
    path.unlink()
    path.mkdir()
    assert read_experiment(FILES, recorded.path).runs == {}


@pytest.mark.parametrize(
    "name",
    ["running-1-1.jsonl.tmp", "running--1.jsonl", "running-1-x.jsonl", "running-x.jsonl",
     "running-9-1.jsonl", f"running-1-{'9' * 30}.jsonl"],
)  # fmt: skip
def test_files_of_other_names_and_of_no_owner_are_left_out(tmp_path, name):
    recorded = record_search(tmp_path, state=None, running=[RUNNING])
    (tmp_path / "app_1" / name).write_text(BEGAN)
    assert read_runs(FILES, recorded.path, is_running=True) is None
    recorded.store.append_running(BEGAN)
    assert set(read_runs(FILES, recorded.path, is_running=True)) == {TRIAL}


def test_of_a_file_that_is_too_large_the_end_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("maggy.records.running_files._MAX_BYTES", 1000)
    recorded = record_search(tmp_path, state=None, running=[RUNNING])
    recorded.store.append_running(BEGAN)
    for step in range(100):
        recorded.store.append_running(point_lines(TRIAL, [(step, 0.5)]))
    (row,) = rows(recorded)
    assert (row["steps"][-1], row["number"]) == (99, None)
    assert 10 < len(row["steps"]) < 30
