"""The policy thread passes events on in order, keeps deadlines, and reports its end."""

import queue
import time

import pytest
from helpers.waiting import HANG

from maggy.core.experiment_driver.instructions import Ask, Began, Ended
from maggy.core.experiment_driver.notices import (
    SuggestionsExhausted,
    TrialBegan,
    TrialEnded,
    TrialSuggested,
)
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.policy_thread import PolicyThread
from maggy.core.experiment_driver.trial_book import TrialBook
from maggy.core.messages import WorkerId
from maggy.trial import Trial

pytestmark = pytest.mark.loopback


class Listener:
    """A listener that puts all notices and errors into a queue."""

    def __init__(self):
        self.notices = queue.SimpleQueue()

    def act(self, notice):
        self.notices.put(notice)

    def policy_failed(self, error):
        self.notices.put(error)

    def next(self):
        return self.notices.get(timeout=HANG)


class Scripted(Policy):
    kind, name = "optimization", "Scripted"

    def __init__(self, *suggestions):
        self.suggestions = list(suggestions)

    def start(self, trial_store, final_store, seed):
        pass

    def suggest(self, finished):
        return self.suggestions.pop(0) if self.suggestions else None

    def identity(self):
        return {}


def new_book(*suggestions):
    return TrialBook(Scripted(*suggestions), [], [], time.monotonic, time.time)


@pytest.fixture
def start():
    threads = []

    def start_thread(*suggestions):
        thread, listener = PolicyThread(new_book(*suggestions)), Listener()
        threads.append(thread)
        thread.start(listener)
        return thread, listener

    yield start_thread
    for thread in threads:
        thread.close(timeout=HANG)


def test_events_are_handled_in_their_order(start):
    trial = Trial({"x": 1})
    thread, listener = start(trial)
    thread.put(Ask())
    thread.put(Began(trial.trial_id, WorkerId(0, 0, 0)), Ended(trial.trial_id, None, "reason", ""))
    assert [listener.next() for _ in range(3)] == [
        TrialSuggested(trial, {"x": 1}),
        TrialBegan(trial),
        TrialEnded(trial),
    ]
    thread.put(Ask())
    assert listener.next() == SuggestionsExhausted()


def test_an_idle_policy_is_asked_again_without_an_event(start):
    trial = Trial({"x": 1})
    thread, listener = start("IDLE", trial)
    thread.put(Ask())
    assert listener.next() == TrialSuggested(trial, {"x": 1})


def test_the_end_of_a_trial_is_announced_though_no_further_event_comes(start):
    trial = Trial({"x": 1})
    thread, listener = start(trial)
    thread.put(Ask())
    thread.put(Ended(trial.trial_id, None, "reason", ""))
    assert [type(listener.next()) for _ in range(2)] == [TrialSuggested, TrialEnded]


def test_a_policy_that_raises_ends_the_thread_and_is_reported(start):
    thread, listener = start("no trial")
    thread.put(Ask())
    assert "must suggest a Trial" in str(listener.next())


def test_a_thread_that_was_not_started_can_be_closed():
    PolicyThread(new_book()).close(timeout=HANG)
