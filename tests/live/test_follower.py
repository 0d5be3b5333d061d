"""Looks at a recorded experiment read only what is new, and change nothing."""

import json
import os
import shutil
import time
import uuid
from pathlib import Path

import pytest
from helpers.recorded import BEGAN, record_search, tree
from helpers.results import ended_trial

import maggy
from maggy.common.exceptions import ExperimentNotFoundError, RecordsError
from maggy.common.files import AnyFiles
from maggy.live.follower import MAX_OUTPUTS, RECENT_TRIALS, Follower
from maggy.live.snapshot import MAX_OUTPUT_LINES
from maggy.records.trial_memory import MAX_RECHECKS
from maggy.result.opening import result_of
from maggy.trial import Trial


class CountingFiles(AnyFiles):
    """Note what is read."""

    def __init__(self):
        super().__init__()
        self.names = []

    def read_inside(self, folder, name):
        self.names.append(name)
        return super().read_inside(folder, name)

    def read_end_inside(self, folder, name, max_bytes):
        self.names.append(name)
        return super().read_end_inside(folder, name, max_bytes)

    def taken(self):
        names, self.names = self.names, []
        return names


@pytest.fixture(params=["disk", "memory"])
def root(request, tmp_path):
    return str(tmp_path / "logs") if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


def trial_of(number, metric, start=BEGAN + 50):
    trial = ended_trial({"lr": 0.5, "pool": number}, metric, start=start, duration=10)
    trial.number = number
    return trial


def test_a_look_reads_the_experiment_and_what_is_new(root):
    recorded = record_search(root, state=None, running=[{"lr": 0.9, "pool": 9}])
    files = CountingFiles()
    follower = Follower(files, recorded.path)
    first = follower.look()
    assert (first.snapshot.num_ended, first.new_ends, first.is_last) == (3, [], False)
    (running_id,) = first.experiment.beginnings
    files.taken()
    assert follower.look().snapshot.num_ended == 3
    assert set(files.taken()) == {"maggy.json", "owner-1.json", f"{running_id}/trial.json"}
    trial = trial_of(77, 0.9)
    recorded.store.end_trial(trial)
    look = follower.look()
    assert [(ended.number, ended.final_metric) for ended in look.new_ends] == [(77, 0.9)]
    assert look.snapshot.best[0]["number"] == 77
    assert f"{trial.trial_id}/trial.json" in files.taken()
    assert follower.look().new_ends == []


def test_the_last_look_equals_what_load_returns(root):
    recorded = record_search(root, state=None)
    follower = Follower(AnyFiles(), recorded.path)
    follower.look()
    recorded.store.end_trial(trial_of(4, 0.875))
    recorded.store.end_trial(trial_of(5, None))
    recorded.store.release()
    look = follower.look()
    assert look.is_last
    result, loaded = result_of(look.experiment), maggy.load(recorded.path)
    assert dict(result) == dict(loaded)
    assert (result.trials, result.state, result.running) == (loaded.trials, "KILLED", [])
    assert result.searchspace == loaded.searchspace


def test_a_look_that_fails_loses_nothing_that_is_new(tmp_path, monkeypatch):
    recorded = record_search(tmp_path, state=None)
    follower = Follower(AnyFiles(), recorded.path)
    follower.look()
    recorded.store.end_trial(trial_of(7, 0.5))

    def fail(*_, **__):
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr("maggy.live.follower.make_snapshot", fail)
        with pytest.raises(ConnectionResetError):
            follower.look()
    assert [trial.number for trial in follower.look().new_ends] == [7]


def test_a_failed_trial_that_a_resumed_call_runs_again_is_read_again(tmp_path):
    recorded = record_search(tmp_path, state=None)
    follower = Follower(AnyFiles(), recorded.path)
    (failed,) = [row for row in recorded.result.trials if row["metric"] is None]
    assert follower.look().snapshot.num_failed == 1
    fields = json.loads((tmp_path / "app_1" / "maggy.json").read_text())
    recorded.store.write_experiment({**fields, "runs": [*fields["runs"], {"began": BEGAN + 30}]})
    assert follower.look().new_ends == []
    again = ended_trial(failed["params"], 0.99, start=BEGAN + 40, duration=10)
    again.number = failed["number"]
    recorded.store.end_trial(again)
    look = follower.look()
    assert [trial.final_metric for trial in look.new_ends] == [0.99]
    assert (look.snapshot.num_failed, look.snapshot.num_ended) == (0, 3)


def test_the_last_look_reads_all_trials_that_have_run_again(tmp_path):
    recorded = record_search(tmp_path, [None] * (MAX_RECHECKS + 2), state=None)
    follower = Follower(AnyFiles(), recorded.path)
    assert follower.look().snapshot.num_failed == MAX_RECHECKS + 2
    fields = json.loads((tmp_path / "app_1" / "maggy.json").read_text())
    recorded.store.write_experiment({**fields, "runs": [{"began": BEGAN + 90}]})
    for row in recorded.result.trials:
        recorded.store.end_trial(ended_trial(row["params"], 0.5, start=BEGAN + 95))
    recorded.store.release()
    look = follower.look()
    assert (look.is_last, look.snapshot.num_failed) == (True, 0)
    assert len(look.new_ends) == MAX_RECHECKS + 2


def test_the_output_of_running_and_of_recently_ended_trials_is_shown(root):
    metrics = [0.5] * (RECENT_TRIALS + 1)
    running = [{"lr": 0.9, "pool": 9}, {"lr": 0.8, "pool": 8}]
    recorded = record_search(root, metrics, state=None, running=running)
    ids = [row["trial_id"] for row in recorded.result.trials]
    files = CountingFiles()
    follower = Follower(files, recorded.path)
    (talker, _) = follower.look().experiment.beginnings
    for trial_id in ids:
        recorded.store.append_output(trial_id, "the end\n")
    long_line = "x" * 20_000
    lines = [f"Epoch {number}\r" for number in range(MAX_OUTPUT_LINES + 5)]
    recorded.store.append_output(talker, "\n".join([long_line, *lines, "now\n"]))
    follower = Follower(files, recorded.path)
    output = follower.look().snapshot.output
    assert set(output) == {talker, *ids[1:]}
    assert output[ids[1]] == ["the end"]
    assert len(output[talker]) == MAX_OUTPUT_LINES
    assert output[talker][-2:] == [f"Epoch {MAX_OUTPUT_LINES + 4}", "now"]
    recorded.store.append_output(talker, long_line)
    files.taken()
    assert follower.look().snapshot.output[talker] == ["x" * 16 * 2**10]
    assert not [name for name in files.taken() if name.startswith(ids[-1])]
    recorded.store.append_output(talker, "\nlast\n")
    assert follower.look().snapshot.output[talker] == ["last"]  # the long line is cut off
    files.taken()
    follower.has_output = False
    assert follower.look().snapshot.output == {}
    assert not [name for name in files.taken() if name.endswith("output.log")]


def test_the_output_of_a_trial_that_has_run_again_is_read_again(tmp_path):
    recorded = record_search(tmp_path, [None], state=None)
    trial = recorded.result.trials[0]
    recorded.store.append_output(trial["trial_id"], "first\n")
    follower = Follower(AnyFiles(), recorded.path)
    assert follower.look().snapshot.output == {trial["trial_id"]: ["first"]}
    fields = json.loads((tmp_path / "app_1" / "maggy.json").read_text())
    recorded.store.write_experiment({**fields, "runs": [{"began": BEGAN + 90}]})
    recorded.store.append_output(trial["trial_id"], "again\n")
    recorded.store.end_trial(ended_trial(trial["params"], 0.5, start=BEGAN + 95))
    assert follower.look().snapshot.output == {trial["trial_id"]: ["first", "again"]}


def test_the_end_of_a_long_output_is_shown_wherever_it_is(root):
    recorded = record_search(root, [], state=None, running=[{"lr": 0.9, "pool": 9}])
    (trial_id,) = Follower(AnyFiles(), recorded.path).look().experiment.beginnings
    for number in range(30):
        recorded.store.append_output(trial_id, "x" * 10_000 + f"\nEpoch {number}\n")
    output = Follower(AnyFiles(), recorded.path).look().snapshot.output[trial_id]
    assert output == ["Epoch 28", "x" * 10_000, "Epoch 29"]


def test_a_look_reads_the_segments_of_logs_and_of_running_trials_once(root):
    recorded = record_search(root, state=None)
    for name in ("maggy.log.000001", "running-1-7.jsonl.000001", "executor_0_0.log.000002"):
        AnyFiles().write_bytes(f"{recorded.path}/{name}", b"a line\n")
    files = CountingFiles()
    follower = Follower(files, recorded.path)
    follower.look()
    files.taken()
    follower.look()
    assert not [name for name in files.taken() if name.endswith("/trial.json")]


def test_the_output_of_many_running_trials_is_not_read(tmp_path):
    running = [{"lr": 0.5, "pool": number} for number in range(MAX_OUTPUTS + 3)]
    recorded = record_search(tmp_path, [], state=None, running=running)
    for params in running:
        recorded.store.append_output(Trial(params).trial_id, "training\n")
    files = CountingFiles()
    look = Follower(files, recorded.path).look()
    assert len(look.snapshot.running) == MAX_OUTPUTS + 3
    assert sum(name.endswith("output.log") for name in files.taken()) == MAX_OUTPUTS


def test_output_that_is_no_file_inside_the_directory_is_not_read(tmp_path):
    running = [{"lr": 0.9, "pool": 9}, {"lr": 0.8, "pool": 8}, {"lr": 0.7, "pool": 7}]
    recorded = record_search(tmp_path, [], state=None, running=running)
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    follower = Follower(AnyFiles(), recorded.path)
    folders = [Path(recorded.path) / name for name in follower.look().experiment.beginnings]
    (folders[0] / "output.log").symlink_to(secret)
    os.mkfifo(folders[1] / "output.log")
    (folders[2] / "output.log").mkdir()
    assert follower.look().snapshot.output == {}


def test_a_damaged_record_is_named_once(tmp_path):
    recorded = record_search(tmp_path, state=None)
    follower = Follower(AnyFiles(), recorded.path)
    follower.look()
    torn = tmp_path / "app_1" / "0123456789abcdef"
    torn.mkdir()
    (torn / "trial.json").write_text('{"params": {"x"')
    look = follower.look()
    assert len(look.problems) == 1
    assert look.problems[0].startswith("0123456789abcdef/trial.json is damaged")
    assert (follower.look().problems, look.snapshot.num_ended) == ([], 3)
    trial = ended_trial({"x": 1}, 0.5, start=BEGAN + 9)
    shutil.rmtree(torn)
    recorded.store.end_trial(trial)
    look = follower.look()
    assert ([ended.trial_id for ended in look.new_ends], look.experiment.problems) == (
        [trial.trial_id], [],
    )  # fmt: skip


def test_a_directory_that_is_removed_is_an_error(root):
    recorded = record_search(root, state=None)
    follower = Follower(AnyFiles(), recorded.path)
    follower.look()
    if root.startswith("memory://"):
        import fsspec

        fsspec.filesystem("memory").rm(recorded.path, recursive=True)
    else:
        shutil.rmtree(recorded.path)
    with pytest.raises(ExperimentNotFoundError, match=r"app_1 was removed while it was watched\."):
        follower.look()


def test_a_directory_that_is_being_removed_is_not_taken_for_a_killed_experiment(tmp_path):
    recorded = record_search(tmp_path, state=None)
    follower = Follower(AnyFiles(), recorded.path)
    follower.look()
    for name in ("maggy.json", "owner-1.json"):
        (tmp_path / "app_1" / name).unlink()
    with pytest.raises(RecordsError, match="cannot be read any more"):
        follower.look()
    shutil.rmtree(recorded.path)
    with pytest.raises(ExperimentNotFoundError):
        follower.look()


def test_a_damaged_maggy_json_keeps_what_was_read_before(tmp_path):
    recorded = record_search(tmp_path, state=None)
    follower = Follower(AnyFiles(), recorded.path)
    follower.look()
    (tmp_path / "app_1" / "maggy.json").write_text('{"name": "de')
    with pytest.raises(RecordsError):
        follower.look()
    for _ in range(2):
        look = follower.look()
        assert (look.snapshot.name, look.snapshot.state) == ("demo", "RUNNING")
    recorded.store.write_experiment({"name": "mended", "state": "FINISHED"})
    look = follower.look()
    assert (look.snapshot.name, look.snapshot.state, look.is_last) == ("mended", "FINISHED", True)


def test_an_experiment_waits_for_a_worker_and_then_for_a_trial(tmp_path):
    recorded = record_search(tmp_path, [], state=None)
    follower = Follower(AnyFiles(), recorded.path)
    assert follower.look().snapshot.waiting_for == "Waiting for the first worker"
    recorded.store.log_executor(0, 0, "Worker 0\n")
    assert follower.look().snapshot.waiting_for == "Waiting for the first trial"


def test_an_owner_that_is_silent_has_been_killed_after_a_minute(tmp_path):
    from maggy.records.process import Process

    recorded = record_search(tmp_path, state=None)
    now = time.time()
    elsewhere = Process("elsewhere", pid=1)
    for seconds, is_last in ((50, False), (70, True)):
        follower = Follower(
            AnyFiles(),
            recorded.path,
            clock=lambda seconds=seconds: now + seconds,
            process=elsewhere,
        )
        assert follower.look().is_last is is_last


def test_looking_changes_nothing(tmp_path):
    running = [{"lr": 0.9, "pool": 9}]
    recorded = record_search(tmp_path, state=None, running=running)
    (tmp_path / "app_1" / "0123456789abcdef").mkdir()
    (tmp_path / "app_1" / "0123456789abcdef" / "trial.json").write_text("torn")
    before = tree(tmp_path)
    follower = Follower(AnyFiles(), recorded.path)
    for _ in range(3):
        follower.look()
    assert tree(tmp_path) == before
