"""Listeners hear of the end of an experiment whatever happens, before the last line is shown."""

import threading
from types import SimpleNamespace

import pytest
from helpers.listeners import INFO, Diary
from helpers.loopback import Given
from helpers.results import ended_trial
from helpers.waiting import HANG

from maggy.common.exceptions import ExperimentError
from maggy.common.files import AnyFiles
from maggy.core.experiment_driver import Outcome, conclusion
from maggy.core.experiment_driver.conclusion import conclude
from maggy.core.experiment_driver.listening import heard
from maggy.core.experiment_driver.single_policy import SinglePolicy
from maggy.tracking.listener import Tracker

pytestmark = pytest.mark.loopback


@pytest.fixture
def lines(monkeypatch):
    """The lines that the user sees, in their order."""
    lines = []
    monkeypatch.setattr(conclusion, "announce", lines.append)
    return lines


@pytest.fixture
def recorder(lines):
    return SimpleNamespace(result=lambda result: None, tell=lines.append)


def ending(diary, recorder, outcome, policy=None):
    """Conclude an experiment that a listener hears of, and return what the user gets."""
    with heard([diary], INFO, AnyFiles(), recorder, []) as listeners:
        return conclude(
            outcome,
            policy or Given(lambda finished: None),
            recorder,
            directory="folder",
            searchspace=None,
            seconds=1.0,
            listeners=listeners,
        )


def heard_result(diary):
    assert diary.methods() == ["experiment_start", "experiment_end"]
    return diary.calls[-1][1]


def test_the_last_line_comes_after_the_listeners(recorder, lines, monkeypatch):
    class Slow(Diary):
        def on_experiment_end(self, result):
            assert may_end.wait(HANG)
            lines.append("the listener is ready")

    def announce(line):
        lines.append(line)
        if "folder" in line:  # all but the last line is shown, and the listener is not ready yet
            may_end.set()

    may_end = threading.Event()
    monkeypatch.setattr(conclusion, "announce", announce)
    ending(Slow(), recorder, Outcome("FINISHED", [ended_trial({"x": 1}, 0.5)], [], None))
    assert lines[-2:] == ["the listener is ready", "Finished Experiment"]


@pytest.mark.parametrize(
    ("outcome", "error", "state"),
    [
        (Outcome("FINISHED", [ended_trial({"x": 1}, None)], [], None), ExperimentError, "FAILED"),
        (Outcome("FAILED", [ended_trial({"x": 1}, 0.5)], [], OSError("disk")), OSError, "FAILED"),
        (
            Outcome("KILLED", [ended_trial({"x": 1}, 0.5)], [], KeyboardInterrupt()),
            KeyboardInterrupt,
            "KILLED",
        ),
    ],
)
def test_listeners_hear_how_an_experiment_failed(recorder, lines, outcome, error, state):
    diary = Diary()
    with pytest.raises(error):
        ending(diary, recorder, outcome)
    result = heard_result(diary)
    assert (result.state, len(result.trials), result.directory) == (state, 1, "folder")


def test_listeners_hear_of_a_function_that_runs_once(recorder, lines):
    diary, trial = Diary(), ended_trial({}, 0.5)
    trial.final_metric = None
    assert ending(
        diary, recorder, Outcome("FINISHED", [trial], ["value"], None), SinglePolicy()
    ) == ("value")
    result = heard_result(diary)
    assert (dict(result), result.state, result.kind) == ({}, "FINISHED", "single")
    assert [row["status"] for row in result.trials] == ["FINALIZED"]


def test_an_experiment_that_fails_before_it_has_a_result_ends_with_the_earlier_trials(recorder):
    diary, earlier = Diary(), [ended_trial({"x": 1}, 0.5)]
    with (
        pytest.raises(OSError, match="no Spark"),
        heard([diary], INFO, AnyFiles(), recorder, earlier),
    ):
        raise OSError("no Spark")
    result = heard_result(diary)
    assert (result.state, result["best_val"], result.directory) == (
        "FAILED",
        0.5,
        INFO["directory"],
    )


def test_without_listeners_none_is_given(recorder):
    with heard([], INFO, AnyFiles(), recorder, []) as listeners:
        assert listeners is None


def test_a_tracker_says_which_variables_workers_need(recorder):
    class Known(Tracker):
        def prepare(self, info, files):
            return {"EXPERIMENT": info["experiment_id"]}

    with heard([Known(), Diary()], INFO, AnyFiles(), recorder, []) as listeners:
        assert listeners.worker_variables == {"EXPERIMENT": "app_1"}
