"""A training function waits for the driver's decision, but not for a driver that is away."""

import threading
import time

import pytest
from helpers.waiting import HANG, Background

from maggy.common.exceptions import EarlyStopException, NotSupportedError
from maggy.core.reporter import Reporter
from maggy.core.reporting import decision_wait
from maggy.core.reporting.decision_wait import DecisionWait


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(decision_wait, "WAIT_SECONDS", HANG)


class Asked:
    """Sends nothing, and lets the test see when a question is there."""

    def __init__(self):
        self.question = threading.Event()

    def __call__(self):
        self.question.set()
        return True


def test_it_lasts_until_the_driver_has_decided_on_all_points(patient):
    wait, send = DecisionWait(), Asked()
    waiting = Background(wait.wait, 3, send)
    assert send.question.wait(HANG)
    assert wait.asks
    wait.note(2)
    assert wait.asks
    assert not wait._is_decided.is_set()
    wait.note(3)
    waiting.result()
    assert not wait.asks


def test_points_on_which_the_driver_has_decided_are_not_asked_about(patient):
    wait = DecisionWait()
    wait.note(3)
    wait.wait(3, pytest.fail)


def test_where_nobody_answers_it_does_not_wait(patient):
    DecisionWait().wait(1, None)
    DecisionWait().wait(1, lambda: False)


def test_a_driver_that_was_silent_is_waited_for_again_when_it_has_answered(monkeypatch):
    monkeypatch.setattr(decision_wait, "WAIT_SECONDS", 0.01)
    wait, send = DecisionWait(), Asked()
    wait.wait(1, send)
    monkeypatch.setattr(decision_wait, "WAIT_SECONDS", HANG)
    start = time.monotonic()
    wait.wait(2, send)
    assert time.monotonic() - start < HANG / 2
    wait.note(1)
    send.question.clear()
    waiting = Background(wait.wait, 3, send)
    assert send.question.wait(HANG)
    assert waiting.is_alive()
    wait.note(3)
    waiting.result()


def test_a_stopped_trial_ends_at_the_flush(patient):
    asked = Asked()
    reporter = Reporter(asked)
    reporter.broadcast(0.5, 1)
    waiting = Background(reporter.flush)
    assert asked.question.wait(HANG)
    reporter.stop()
    with pytest.raises(EarlyStopException):
        waiting.result()
    assert reporter.stop_metric == 0.5
    with pytest.raises(EarlyStopException):
        reporter.broadcast(0.6, 2)


def test_without_a_metric_there_is_nothing_to_wait_for(patient):
    reporter = Reporter(pytest.fail)
    reporter.flush()
    reporter.stop()
    reporter.flush()


def test_another_process_cannot_flush(patient):
    reporter = Reporter()
    reporter._process = -1
    with pytest.raises(NotSupportedError, match=r"reporter\.flush\(\) must be called in the proc"):
        reporter.flush()
