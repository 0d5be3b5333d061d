"""The recorder writes the start of a trial when it has time, the end always, and both in order."""

import json
import queue
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.waiting import HANG, process, read_until, wait_until

import maggy
from maggy.common.files import AnyFiles
from maggy.core.experiment_driver import recorder as module
from maggy.core.experiment_driver.instructions import Points
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.messages import WorkerId
from maggy.records.directory import ExperimentStore
from maggy.records.ownership import Ownership
from maggy.records.process import Process
from maggy.records.recorded import read_experiment
from maggy.records.running_files import read_runs
from maggy.trial import Trial

pytestmark = pytest.mark.loopback

FILES = AnyFiles()


@pytest.fixture
def store(tmp_path):
    return ExperimentStore.create(FILES, str(tmp_path), "app")


@pytest.fixture
def notes():
    return []


@pytest.fixture
def recorder(store, notes):
    recorder_to_close = Recorder(store, notes.append)
    yield recorder_to_close
    recorder_to_close.close()


@pytest.fixture
def busy(store, recorder, monkeypatch):
    """Keep the writer busy until the test sets this event."""
    is_busy, release, real = threading.Event(), threading.Event(), store.append_log
    monkeypatch.setattr(
        store, "append_log", lambda text: (is_busy.set(), release.wait(), real(text))
    )
    recorder.log("busy")
    # Without this wait, the writer could check the directory's owner later, during the test.
    assert is_busy.wait(HANG)
    yield release
    release.set()


def ended(number):
    trial = Trial({"x": number})
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    return trial


def names(store, trial):
    return FILES.list(store.trial_directory(trial.trial_id))


def writes(monkeypatch):
    """Return a list that collects the names of the trials' files in the order of writing."""
    names_in_order, real = [], AnyFiles.write_bytes

    def write(self, path, *rest, **options):
        real(self, path, *rest, **options)
        if "/owner-" not in path:
            names_in_order.append(path.rpartition("/")[2])

    monkeypatch.setattr(AnyFiles, "write_bytes", write)
    return names_in_order


def test_a_trial_that_ends_before_its_beginning_is_written_is_five_writes(
    store, recorder, busy, monkeypatch
):
    names_in_order, trial = writes(monkeypatch), ended(1)
    recorder.trial_begins(trial)
    recorder.trial_ended(trial)
    busy.set()
    recorder.close()
    assert len(names_in_order) == len(set(names_in_order)) == 5
    assert set(names_in_order) == set(names(store, trial))
    assert names_in_order[-1] == "trial.json"


def test_lines_that_are_logged_soon_keep_their_place_in_the_log(store, recorder, busy):
    recorder.log("first")
    recorder.log_soon("second")
    recorder.log_soon("third")
    recorder.log("fourth")
    recorder.log_soon("fifth")
    busy.set()
    recorder.close()
    lines = Path(store.directory, "maggy.log").read_text().splitlines()
    texts = [line[24:] for line in lines]
    begin = texts.index("first")
    assert texts[begin : begin + 5] == ["first", "second", "third", "fourth", "fifth"]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", line) for line in lines)


def test_much_output_is_written_without_a_rest(store, recorder, monkeypatch):
    monkeypatch.setattr(module, "MANY_CHARACTERS", 1000)
    monkeypatch.setattr(recorder._writer, "sweep", lambda function: None)  # no sweeps
    is_written = threading.Event()
    real = store.append_output
    monkeypatch.setattr(store, "append_output", lambda *file: (real(*file), is_written.set()))
    trial = Trial({"x": 1})
    for _ in range(10):
        recorder.lines(trial.trial_id, WorkerId(0, 0, 0), ["x" * 100])
    assert is_written.wait(10)


def test_the_beginning_of_a_trial_is_written_when_there_is_time(store, recorder, busy):
    trial = Trial({"x": 1})
    recorder.trial_begins(trial)
    busy.set()
    recorder.close()
    assert ".hparams.json" in names(store, trial)
    assert "trial.json" not in names(store, trial)


def test_a_beginning_that_cannot_be_written_holds_up_no_other_and_no_output(
    store, recorder, notes, busy, monkeypatch
):
    bad, fine = Trial({"x": 1}), Trial({"x": 2})
    real = store.begin_trial

    def begin(trial):
        if trial is bad:
            raise NotADirectoryError("a file is in the way")
        real(trial)

    monkeypatch.setattr(store, "begin_trial", begin)
    recorder.trial_begins(bad)
    recorder.trial_begins(fine)
    recorder._add(store.append_output, fine.trial_id, text="a line\n")
    busy.set()

    def has_begun():
        recorder.log("a record")  # each record gives the writer another turn
        recorder._add(store.append_output, fine.trial_id, text="more\n")
        return ".hparams.json" in names(store, fine)

    wait_until(has_begun, "the beginning of the other trial", pause=0.05)
    assert {".hparams.json", "output.log"} <= set(names(store, fine))
    assert len(notes) == 1


def test_a_trial_never_begins_after_its_end(store, recorder, monkeypatch):
    """Repeat the sequence, because a late record of the start would replace the end only rarely."""
    for number in range(300):
        trial = ended(number)
        recorder.trial_begins(trial)
        recorder.trial_ended(trial)
    recorder.close()
    trials, unreadable = store.read_trials()
    assert len(trials) == 300
    assert unreadable == []


def test_what_fails_for_a_moment_is_written_all_the_same(store, recorder, notes, monkeypatch):
    real, failures = store.begin_trial, iter([OSError("away"), OSError("away")])

    def begin(trial):
        for failure in failures:
            raise failure
        real(trial)

    monkeypatch.setattr(store, "begin_trial", begin)
    trial = Trial({"x": 1})
    recorder.trial_begins(trial)
    recorder.close()
    assert json.loads(
        FILES.read_bytes(f"{store.trial_directory(trial.trial_id)}/.hparams.json")
    ) == {"x": 1}
    assert len(notes) == 1


@pytest.fixture
def now(store):
    """Return the owner's clock, which a driver on another host may follow."""
    time = [1000.0]
    store.ownership._clock = lambda: time[0]
    store.ownership.renew()
    return time


def follow(store, now):
    now[0] += 100
    Ownership(
        FILES, store.directory, clock=lambda: now[0], process=Process("other-host", pid=7)
    ).take()


def test_once_another_driver_owns_the_directory_nothing_more_is_written_and_it_is_told_once(
    store, recorder, notes, busy, now
):
    errors, is_reported = [], threading.Event()
    recorder.when_lost(lambda error: (errors.append(error), is_reported.set()))
    recorder.trial_ended(ended(1))
    recorder.trial_begins(Trial({"x": 2}))
    follow(store, now)
    before = sorted(FILES.list(store.directory))
    busy.set()
    assert is_reported.wait(HANG)
    recorder.log("more")
    recorder.close()
    assert [str(error) for error in errors] == [str(errors[0])]
    assert "is now owned by process 7 on other-host" in str(errors[0])
    assert sorted(FILES.list(store.directory)) == before
    assert "more" not in FILES.read_bytes(f"{store.directory}/maggy.log").decode()
    assert notes == []


def test_that_another_driver_owns_the_directory_is_told_later_to_one_who_asks_later(
    store, recorder, now
):
    follow(store, now)
    recorder.log("more")
    recorder.close()
    errors = []
    recorder.when_lost(errors.append)
    assert errors == [recorder.lost]


def test_a_closed_recorder_has_given_the_directory_back(store, recorder):
    recorder.log("a line")
    recorder.close()
    Ownership(FILES, store.directory, process=Process("other-host")).take()


def test_points_are_recorded_while_a_trial_runs_and_removed_at_the_end(store, recorder):
    store.points_seconds = 0.05
    trial = Trial({"x": 1})
    trial.number, trial.start, trial.worker, trial.attempts = 7, 1000.5, 0, 1
    recorder.trial_begins(trial)

    def history():
        runs = read_runs(FILES, store.directory, is_running=True) or {}
        return runs[trial.trial_id].history if runs else None

    wait_until(lambda: history() == [], "the beginning")
    for step in range(3):
        recorder.points_came(Points(trial.trial_id, [(step, 0.5)]))
        trial.append_point(step, 0.5)
        wait_until(lambda: len(history()) == len(trial.metric_history), "the point")
    recorder.points_came(Points(trial.trial_id, [(3, 0.5)]))
    recorder.close()
    assert not [name for name in FILES.list(store.directory) if name.startswith("running-")]
    recorder.points_came(Points(trial.trial_id, [(4, 0.5)]))


def test_points_wait_for_their_time_and_are_written_together(store, recorder, monkeypatch):
    calls = []
    monkeypatch.setattr(recorder._writer, "call_later", lambda *call: calls.append(call))
    trial = Trial({"x": 1})
    recorder.trial_begins(trial)
    for step in range(10):
        recorder.points_came(Points(trial.trial_id, [(step, 0.5)]))
    assert calls == [(recorder._write_points, 5.0)]
    recorder._write_points()
    recorder.points_came(Points(trial.trial_id, [(11, 0.5)]))
    assert len(calls) == 2


def test_points_that_come_with_the_end_of_their_trial_are_left_to_its_record(recorder, monkeypatch):
    monkeypatch.setattr(recorder._writer, "call_later", pytest.fail)
    recorder.points_came(Points("a", [(0, 0.5)], last=True))


def test_a_driver_that_has_lost_its_directory_leaves_what_runs_there_alone(store, recorder, now):
    trial = Trial({"x": 1})
    recorder.trial_begins(trial)
    wait_until(lambda: read_runs(FILES, store.directory, is_running=True))
    follow(store, now)
    recorder.close()
    assert "running-1-1.jsonl" in FILES.list(store.directory)


DRIVER = """
import sys, threading
from maggy.common.files import AnyFiles
from maggy.core.experiment_driver.instructions import Points
from maggy.core.experiment_driver.recorder import Recorder
from maggy.records import directory
from maggy.trial import Trial

directory.POINTS_SECONDS = 0.05
store = directory.ExperimentStore.create(AnyFiles(), sys.argv[1], "app")
recorder = Recorder(store, print)
recorder.experiment({"state": "RUNNING"})
trial = Trial({"x": 1})
trial.number, trial.start, trial.worker, trial.attempts = 1, 1000.5, 0, 1
recorder.trial_begins(trial)
recorder.points_came(Points(trial.trial_id, [(0, 0.5)]))
trial.append_point(0, 0.5)
print("reported", flush=True)
threading.Event().wait()
"""


def test_what_a_running_trial_has_reported_survives_kill_9_until_the_end_of_the_next_call(tmp_path):
    with process(
        [sys.executable, "-c", DRIVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as driver:
        read_until(driver.stdout, "reported")
        directory = tmp_path / "app_1"
        wait_until((directory / "maggy.json").exists, "the record of the experiment")

        def rows():
            return [row for row in maggy.load(directory).running if row["history"]]

        (row,) = wait_until(rows, "the point")
        assert (row["number"], row["steps"], row["history"]) == (1, [0], [0.5])
        driver.kill()
        driver.wait()
    loaded = maggy.load(directory)
    assert (loaded.state, loaded.running) == ("KILLED", [])
    assert read_experiment(FILES, str(directory)).runs[row["trial_id"]].history == [0.5]
    store = ExperimentStore.open(FILES, str(tmp_path), str(directory))
    store.claim()
    recorder = Recorder(store, pytest.fail)
    recorder.experiment({"state": "RUNNING"})
    assert maggy.load(directory).running == []  # nothing has begun anew
    trial = Trial({"x": 1})
    trial.number, trial.start, trial.attempts = 1, 2000.5, 1
    recorder.trial_begins(trial)
    (row,) = wait_until(lambda: maggy.load(directory).running, "the new beginning")
    assert (row["start"], row["history"]) == (2000.5, [])
    names = {path.name for path in directory.glob("running-*")}
    assert names == {"running-1-1.jsonl", "running-2-1.jsonl"}
    recorder.close()
    assert not list(directory.glob("running-*"))


def test_points_of_a_running_trial_are_shown_in_tensorboard_while_it_runs(
    store, recorder, monkeypatch
):
    store.points_seconds = 0.05
    batches = queue.SimpleQueue()
    monkeypatch.setattr(store, "append_points", lambda *arguments: batches.put(arguments))
    trial = Trial({"x": 1})
    recorder.trial_begins(trial)
    for points, times in ([(0, 0.5), (1, 0.25)], [5.0, 6.0]), ([(2, 0.5)], [7.0]):
        recorder.points_came(Points(trial.trial_id, points, times=times))
        timed_points = [(*point, at) for point, at in zip(points, times, strict=True)]
        assert batches.get(timeout=60) == (trial.trial_id, timed_points)
