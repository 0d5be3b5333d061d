"""The thread that called ``lagom`` runs calls of other threads, prints, and ends the wait."""

import pytest

from maggy.core.experiment_driver import foreground as module
from maggy.core.experiment_driver import worker_wait
from maggy.core.experiment_driver.ctrl_c import TimeIsUp
from maggy.core.experiment_driver.foreground import Foreground


class Texts:
    """Stand for the recorder and the progress: keep what they are told."""

    def __init__(self):
        self.logged, self.shown, self.waited_for = [], [], []

    def log(self, text):
        self.logged.append(text)

    def say(self, text):
        self.shown.append(text)

    say_unless_shown = say

    def waiting(self, text):
        self.waited_for.append(text)

    def next_drawing(self):
        return None

    def draw_if_due(self):
        pass


@pytest.fixture
def texts():
    return Texts()


@pytest.fixture
def foreground(texts):
    return Foreground(texts, texts, "driver.example")


def test_calls_run_in_their_order_until_one_ends_the_experiment(foreground):
    numbers = []
    for number in range(3):
        foreground.post(numbers.append, number)
    foreground.post(foreground.end)
    foreground.post(numbers.append, 3)
    foreground.wait(None)
    assert numbers == [0, 1, 2]
    assert foreground.backlog == 1


def test_the_first_error_counts(foreground):
    first, second = ValueError("first"), ValueError("second")
    foreground.fail(first)
    foreground.fail(second)
    assert foreground.error is first
    assert foreground.is_over


def test_without_a_worker_the_user_reads_once_what_the_reason_may_be(
    foreground, texts, monkeypatch
):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
    foreground.wake()
    foreground.wake()
    foreground.post(foreground.end)
    foreground.wait(None)
    (text,) = texts.shown
    assert text.startswith("No worker has come yet")
    assert "unpacking an archive" in text
    assert text.endswith("cannot reach the driver at driver.example.")
    assert texts.logged == texts.shown


def test_with_a_worker_there_is_no_hint(foreground, texts, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
    foreground.post(foreground.worker_came, 0)
    foreground.post(foreground.end)
    foreground.wait(None)
    assert texts.shown == []


@pytest.mark.parametrize("verbose", [0, 1])
def test_missing_workers_are_said_and_logged_but_not_shown_without_verbose(
    texts, monkeypatch, verbose
):
    monkeypatch.setattr(worker_wait, "SECONDS_BETWEEN_LINES", 0.0)
    foreground = Foreground(texts, texts, "driver", num_workers=3, verbose=verbose)
    for partition in (0, 2, 2, 1):
        foreground.post(foreground.worker_came, partition)
    foreground.post(foreground.end)
    foreground.wait(None)
    lines = [f"Waiting for executors: {count} of 3" for count in (1, 2)]
    assert texts.logged == lines
    assert texts.shown == (lines if verbose else [])
    assert list(dict.fromkeys(texts.waited_for)) == [
        "Waiting for executors: 0 of 3",
        *lines,
        "",
    ]
    assert texts.waited_for[-1] == ""


def test_the_end_of_the_time_is_said_and_raised(foreground, texts):
    with pytest.raises(TimeIsUp, match=r"max_seconds=0 are over"):
        foreground.wait(0.0)
    assert texts.shown == ["The experiment ends after max_seconds=0 with the trials that it has."]


def test_an_error_ends_the_wait_for_a_condition(foreground):
    foreground.post(foreground.fail, ValueError())
    foreground.wake()
    rounds = iter(range(2))
    foreground.wait_while(lambda: next(rounds, None) is not None)
    assert isinstance(foreground.error, ValueError)
    assert foreground.backlog == 1
