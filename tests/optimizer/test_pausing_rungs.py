"""Which running trials pause at a rung, and which paused ones go on."""

import math

import pytest

from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import Decision
from maggy.optimizer import Asha
from maggy.optimizer.pausing_rungs import PausingRungs
from maggy.testing import EarlyStopContract, trial_with
from maggy.trial import Trial


class TestPausingRungs(EarlyStopContract):
    def make(self):
        return PausingRungs([1, 2, 4], 2)


def running(number, values):
    trial = trial_with(values, number)
    trial.status = Trial.RUNNING
    return trial


def decide(rungs, trial, direction="max"):
    decision = rungs.decide(trial, [], [trial], direction)
    if decision is Decision.PAUSE:
        trial.status = Trial.PAUSED
    return decision


def test_a_trial_pauses_at_its_rung_and_goes_on_when_it_is_among_the_best():
    rungs = PausingRungs([1, 2, 4], 2)
    first, second = running(1, [0.5]), running(2, [0.25])
    assert decide(rungs, first) is Decision.PAUSE  # the best half of one trial is none
    assert rungs.explain(first, [], [], "max") == (
        "it is not among the best 1/2 of 1 trials at 1 steps"
    )
    assert rungs.next_to_continue() is None
    assert decide(rungs, second) is Decision.PAUSE
    assert rungs.next_to_continue() is first
    assert rungs.next_to_continue() is None


@pytest.mark.parametrize(("direction", "sign"), [("max", 1), ("min", -1)])
def test_one_of_two_goes_on_at_once_and_a_rung_counts_once(direction, sign):
    rungs = PausingRungs([1, 2, 4], 2)
    decide(rungs, running(1, [0.0]), direction)
    good = running(2, [sign * 0.5])
    assert decide(rungs, good, direction) is Decision.CONTINUE
    assert decide(rungs, good, direction) is Decision.CONTINUE
    good.append_metric({"step": 1, "value": sign * 0.75})
    assert decide(rungs, good, direction) is Decision.PAUSE
    bad = running(3, [math.nan])
    assert decide(rungs, bad, direction) is Decision.PAUSE


def test_a_trial_at_the_last_rung_ends_by_itself():
    rungs = PausingRungs([2, 4], 2)
    assert decide(rungs, running(1, [0.5])) is Decision.CONTINUE
    assert decide(rungs, running(2, [0.5] * 4)) is Decision.PAUSE
    assert len(rungs._rungs) == 1


def test_a_trial_that_was_promoted_before_it_has_paused_goes_on_as_soon_as_it_has():
    rungs = PausingRungs([1, 8], 2)
    first = running(1, [0.5])
    assert rungs.decide(first, [], [first], "max") is Decision.PAUSE  # and it still runs
    decide(rungs, running(2, [0.25]))
    assert rungs.next_to_continue() is None
    first.status = Trial.PAUSED
    assert rungs.next_to_continue() is first


def test_a_trial_that_was_promoted_and_reaches_the_next_rung_before_it_pauses_waits_there():
    rungs = PausingRungs([1, 2, 8], 2)
    first = running(1, [0.5])
    rungs.decide(first, [], [first], "max")
    decide(rungs, running(2, [0.25]))
    assert rungs.next_to_continue() is None
    first.append_metric({"step": 1, "value": 0.5})
    assert decide(rungs, first) is Decision.PAUSE
    assert rungs.next_to_continue() is None


def test_recorded_trials_stand_on_their_rungs_and_only_paused_ones_wait():
    rungs = PausingRungs([1, 2, 4], 2)
    done, paused, other = running(1, [0.1] * 4), running(2, [0.5]), running(3, [0.4])
    done.status, paused.status, other.status = Trial.FINALIZED, Trial.PAUSED, Trial.PAUSED
    rungs.restore([done, paused, other], "max")
    assert rungs.next_to_continue() is paused
    assert rungs.next_to_continue() is None
    assert len(rungs._rungs[0]) == 3


def test_another_way_to_stop_is_refused():
    with pytest.raises(BadArgumentsError, match="stopping must be 'pause' or None, but got 'stop'"):
        Asha(stopping="stop")
