"""The keeper alone: events in, calls of the policy and word to the listener out."""

import queue

import pytest
from waiting import HANG

from maggy.core.exceptions import ExperimentError
from maggy.core.experiment_driver.instructions import Ask, Began, Ended, Points, WorkerId
from maggy.core.experiment_driver.keeper import Keeper
from maggy.core.experiment_driver.policy import Policy
from maggy.core.messages import Final
from maggy.trial import Trial

WORKER = WorkerId(0, 0, 0)


class Listener:
    """Puts everything that it is told into a queue."""

    def __init__(self):
        self.news = queue.SimpleQueue()

    def __getattr__(self, name):
        return lambda *arguments: self.news.put((name, *arguments))

    def next(self):
        return self.news.get(timeout=HANG)


class Given(Policy):
    """Suggests what it was given, and notes which checks are asked of it."""

    kind, name = "optimization", "Given"

    def __init__(self, *trials):
        self.trials = list(trials)
        self.checked = []

    def start(self, trial_store, final_store, seed):
        pass

    def suggest(self, finished):
        return self.trials.pop(0) if self.trials else None

    def identity(self):
        return {}

    def due(self, trial, steps):
        return True

    def stops(self, trial, final_store):
        self.checked.append(trial.step_history[-1])
        return False


@pytest.fixture
def kept():
    keepers = []

    def start(*trials):
        listener, policy = Listener(), Given(*trials)
        keeper = Keeper(policy, listener, [])
        keepers.append(keeper)
        keeper.start()
        return keeper, listener, policy

    yield start
    for keeper in keepers:
        keeper.close(timeout=HANG)


@pytest.mark.parametrize("restores", [True, False])
@pytest.mark.parametrize("reached", [True, False])
def test_a_resumed_experiment_ends_at_once_if_its_records_say_so(restores, reached):
    class Threshold(Given):
        def restore(self, ended):
            return restores

        def ends(self, final_store):
            return "enough" if any(trial.final_metric >= 0.9 for trial in final_store) else None

    recorded, failed = Trial({"x": 1}), Trial({"x": 2})
    recorded.status, recorded.final_metric = Trial.FINALIZED, 0.95 if reached else 0.85
    failed.status = Trial.ERROR
    listener = Listener()
    keeper = Keeper(Threshold(Trial({"x": 3})), listener, [failed, recorded])
    keeper.start()
    try:
        keeper.put(Ask())
        news = [listener.next()[0] for _ in range(2 if reached else 1)]
        assert news == (["experiment_ends", "exhausted"] if reached else ["suggested"])
    finally:
        keeper.close(timeout=HANG)


def test_points_that_come_with_the_end_of_a_trial_are_kept_and_not_checked(kept):
    keeper, listener, policy = kept(Trial({"x": 1}))
    keeper.put(Ask())
    _, trial, _ = listener.next()
    for event in (
        Began(trial.trial_id, WORKER),
        Points(trial.trial_id, [(1, 0.5)]),
        Points(trial.trial_id, [(2, 0.25)], last=True),
        Ended(trial.trial_id, Final(1, 0, [], 0, [], 0.25, {"metric": 0.25}, False), "", ""),
    ):
        keeper.put(event)
    assert listener.next() == ("trial_began", trial)
    assert listener.next() == ("trial_ended", trial)
    assert trial.metric_history == [0.5, 0.25]
    assert policy.checked == [1]


def test_the_same_trial_object_cannot_be_suggested_twice(kept):
    once = Trial({"x": 1})
    keeper, listener, _ = kept(once, once)
    keeper.put(Ask())
    keeper.put(Ask())
    assert listener.next()[0] == "suggested"
    told, error = listener.next()
    assert told == "policy_failed"
    assert isinstance(error, ExperimentError)
    assert "must suggest a new Trial each time" in str(error)


def test_steps_that_are_no_numbers_are_left_out(kept):
    keeper, listener, _ = kept(Trial({"x": 1}))
    keeper.put(Ask())
    _, trial, _ = listener.next()
    keeper.put(Points(trial.trial_id, [(float("nan"), 1.0), (0, 0.5), (float("inf"), 2.0)]))
    keeper.put(Ended(trial.trial_id, None, "reason", ""))
    assert listener.next() == ("trial_ended", trial)
    assert trial.step_history == [0]
