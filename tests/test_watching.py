"""``maggy.watch`` looks until an experiment has ended, and an interrupt ends only the looking."""

import json
import math
import shutil
import signal
import time
from contextlib import suppress

import pytest
from helpers.kept_records import RECORDS
from helpers.recorded import BEGAN, record_search, record_single, tree
from helpers.results import ended_trial

import maggy
from maggy import watching
from maggy.common.exceptions import BadArgumentsError, ExperimentNotFoundError
from maggy.common.files import AnyFiles
from maggy.live import View
from maggy.live.follower import Follower
from maggy.watching import PATIENCE_SECONDS, Watching, follow


class Recorder(View):
    """A view that remembers what it is given."""

    def __init__(self, *, shows_output=False):
        self.shows_output = shows_output
        self.shown, self.lines, self.closed = [], [], []

    def show(self, snapshot):
        self.shown.append(snapshot)

    def say(self, text):
        self.lines += text.split("\n")

    def close(self, snapshot):
        self.closed.append(snapshot)


class Story:
    """Stand for the time between two looks, in which the experiment goes on."""

    def __init__(self, *events):
        self.waits = []
        self._events = iter(events)

    def __call__(self, seconds):
        self.waits.append(seconds)
        next(self._events)()


def trial_of(number, metric=0.5):
    trial = ended_trial({"lr": 0.5, "pool": number}, metric, start=BEGAN + 50, duration=1500)
    trial.number = number
    return trial


def run(recorded, *events, view=None, **others):
    story, view = Story(*events), view or Recorder()
    follower = Follower(AnyFiles(), recorded.path)
    watched = Watching(follow(follower, wait=story, **others), view, follower)
    watched.run()
    return watched, view, story


def test_it_looks_until_the_experiment_has_ended(tmp_path):
    recorded = record_search(tmp_path, state=None)
    end = recorded.store.end_trial
    watched, view, story = run(
        recorded, lambda: end(trial_of(7)), lambda: None, lambda: recorded.store.release()
    )
    assert [snapshot.num_ended for snapshot in view.shown] == [3, 4, 4, 4]
    assert [snapshot.state for snapshot in view.shown] == ["RUNNING"] * 3 + ["KILLED"]
    assert view.closed == [view.shown[-1]]
    assert view.lines == ["trial 7: accuracy=0.5 | lr=0.5, pool=7 | 1.5 s"]
    assert all(2 <= seconds <= 5 for seconds in story.waits)
    assert watched.last.is_last


def test_a_view_with_output_gets_no_lines_about_trials(tmp_path):
    recorded = record_search(tmp_path, state=None)
    trial = trial_of(7)

    def end():
        recorded.store.append_output(trial.trial_id, "done\n")
        recorded.store.end_trial(trial)

    _, view, _ = run(recorded, end, recorded.store.release, view=Recorder(shows_output=True))
    assert view.lines == []
    assert view.shown[-1].output == {trial.trial_id: ["done"]}
    assert run(recorded)[1].shown[0].output == {}


def test_of_many_trials_that_end_at_once_a_few_have_a_line(tmp_path):
    recorded = record_search(tmp_path, state=None)

    def end():
        for number in range(10, 40):
            recorded.store.end_trial(trial_of(number))

    _, view, _ = run(recorded, end, recorded.store.release, clock=time.monotonic)
    assert len(view.lines) == 21
    assert view.lines[-1] == "10 more trials have ended."


def test_no_terminal_obeys_a_line_about_a_trial(tmp_path):
    recorded = record_search(tmp_path, state=None)
    trial = ended_trial({"x": "a\x1b[2J\u202eb\nc"}, 0.5, start=BEGAN + 50)
    trial.number = 7
    _, view, _ = run(recorded, lambda: recorded.store.end_trial(trial), recorded.store.release)
    assert len(view.lines) == 1
    assert view.lines[0].isprintable()


def test_damaged_records_have_a_line(tmp_path):
    recorded = record_search(tmp_path, state="KILLED")
    torn = tmp_path / "app_1" / "name\x1b[2J\nof two lines"
    torn.mkdir()
    (torn / "trial.json").write_text("{")
    _, view, _ = run(recorded)
    assert len(view.lines) == 1
    assert view.lines[0].startswith("name of two lines/trial.json is damaged")


def test_a_store_that_refuses_for_a_while_is_waited_for(tmp_path, monkeypatch):
    recorded = record_search(tmp_path, state=None)
    read_inside = AnyFiles.read_inside

    def refuse(self, folder, name):
        raise ConnectionResetError("the store\x1b[2J is gone")

    watched, view, _ = run(
        recorded,
        lambda: monkeypatch.setattr(AnyFiles, "read_inside", refuse),
        lambda: monkeypatch.setattr(AnyFiles, "read_inside", read_inside),
        recorded.store.release,
    )
    assert [snapshot.waiting_for for snapshot in view.shown] == [
        "", "Waiting for the records (ConnectionResetError: the store is gone)", "", "",
    ]  # fmt: skip
    assert [snapshot.num_ended for snapshot in view.shown] == [3] * 4
    assert watched.last.is_last


def test_a_store_that_refuses_for_long_ends_the_watching_with_its_error(tmp_path, monkeypatch):
    recorded = record_search(tmp_path, state=None)
    now = [0.0]

    def refuse(self, folder, name):
        raise ConnectionResetError("the store is gone")

    def pass_time():
        now[0] += PATIENCE_SECONDS / 2 + 1

    def end_of_the_store():
        monkeypatch.setattr(AnyFiles, "read_inside", refuse)

    view = Recorder()
    with pytest.raises(ConnectionResetError):
        run(
            recorded, end_of_the_store, pass_time, pass_time, pass_time,
            view=view, clock=lambda: now[0],
        )  # fmt: skip
    assert len(view.closed) == 1
    with pytest.raises(ConnectionResetError):  # the first look must succeed
        maggy.watch(recorded.path)


def test_an_interrupt_closes_the_view_and_returns_what_has_ended(tmp_path, monkeypatch, capsys):
    recorded = record_search(tmp_path, state=None)

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "_wait", interrupt)
    before = tree(tmp_path)
    result = maggy.watch(recorded.path)
    assert (result.state, len(result.trials)) == ("RUNNING", 3)
    assert dict(result) == dict(maggy.load(recorded.path))
    assert capsys.readouterr().out.count("RUNNING: 3 trials") == 1
    assert tree(tmp_path) == before


def test_an_interrupt_of_a_wait_is_an_interrupt_whenever_it_comes():
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for number in range(2000):
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 1e-5 + number % 200 * 1e-6)
                for _ in range(20):
                    watching._wait(1e-5)
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, handler)


def test_an_interrupt_before_the_first_look_is_an_interrupt(tmp_path, monkeypatch):
    recorded = record_search(tmp_path, state=None)

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Follower, "look", interrupt)
    with pytest.raises(KeyboardInterrupt):
        maggy.watch(recorded.path)


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "KILLED"])
def test_an_experiment_that_has_ended_is_shown_once(tmp_path, capsys, state):
    recorded = record_search(tmp_path, state=state)
    result = maggy.watch("app_1", log_dir=tmp_path)
    assert dict(result) == dict(recorded.result)
    assert (result.state, result.trials) == (state, recorded.result.trials)
    assert capsys.readouterr().out.splitlines() == [
        f"Experiment 'demo' in {recorded.path}",
        f"{state}: 3 trials, 1 failed; best accuracy=0.75; 1:00",
    ]


def test_a_function_that_ran_once_is_watched_too(tmp_path, capsys):
    assert maggy.watch(record_single(tmp_path).path).kind == "single"
    assert "FINISHED: one call of a function" in capsys.readouterr().out


def test_an_experiment_that_is_removed_ends_the_watching(tmp_path):
    recorded = record_search(tmp_path, state=None)
    view = Recorder()
    with pytest.raises(ExperimentNotFoundError, match="was removed while it was watched"):
        run(recorded, lambda: shutil.rmtree(recorded.path), view=view)
    assert len(view.closed) == 1


@pytest.mark.parametrize("release", sorted(path.name for path in RECORDS.iterdir()))
@pytest.mark.parametrize("name", ["search", "ablation"])
def test_the_experiments_of_every_release_are_shown(tmp_path, capsys, release, name):
    directory = tmp_path / "app_1"
    shutil.copytree(RECORDS / release / name, directory)
    before = tree(tmp_path)
    result = maggy.watch(directory)
    assert tree(tmp_path) == before
    with pytest.warns(UserWarning, match="are damaged"):
        assert dict(result) == dict(maggy.load(directory))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Experiment ")
    assert "trial.json is damaged" in lines[-1]
    assert lines[1].startswith("FINISHED: ")
    # Release 2.0 recorded no owner, so nobody can tell that it runs.
    record = json.loads((directory / "maggy.json").read_text())
    (directory / "maggy.json").write_text(json.dumps({**record, "state": "RUNNING"}))
    assert maggy.watch(directory).state == "KILLED"


def test_an_unknown_experiment_is_the_error_of_load(tmp_path):
    with pytest.raises(ExperimentNotFoundError, match="neither"):
        maggy.watch("app_7", log_dir=tmp_path)


@pytest.mark.parametrize("interval", [0, -1, math.nan, math.inf, 1e10, "2", True, 0.01], ids=repr)
def test_an_interval_must_be_a_number_of_seconds(tmp_path, interval):
    recorded = record_search(tmp_path)
    with pytest.raises(
        BadArgumentsError, match=r"interval must be a number of seconds from 0\.05 to 86400"
    ):
        maggy.watch(recorded.path, interval=interval)


@pytest.mark.parametrize(
    ("directory", "look_seconds", "pause"),
    [("/logs/a_1", 0.01, 2.0), ("/logs/a_1", 0.3, 3.0), ("/logs/a_1", 9.0, 5.0),
     ("s3://logs/a_1", 0.01, 30.0)],
)  # fmt: skip
def test_the_pause_suits_the_store(directory, look_seconds, pause):
    times = iter([0.0, 0.0, 0.0, look_seconds])
    waits = []

    class Endless:
        def __init__(self):
            self.directory = directory

        def look(self):
            from types import SimpleNamespace

            return SimpleNamespace(is_last=bool(waits))

    looks = follow(Endless(), wait=waits.append, clock=lambda: next(times, 99.0))
    assert len([*looks]) == 2
    assert waits == [pause]
