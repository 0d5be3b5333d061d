"""Successive halving of running trials."""

from __future__ import annotations

import math
import random

import pytest

from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import Decision, SuccessiveHalvingRule
from maggy.testing import EarlyStopContract, final_with, trial_with


class TestSuccessiveHalving(EarlyStopContract):
    def make(self):
        return SuccessiveHalvingRule(min_step=2, reduction_factor=3)


def trials(*values, steps=(1,)):
    return [
        trial_with([value] * len(steps), str(index), steps) for index, value in enumerate(values)
    ]


def stops(rule, running, finals=(), direction="max"):
    return [
        index
        for index, trial in enumerate(running)
        if rule.decide(trial, list(finals), running, direction) is Decision.STOP
    ]


@pytest.mark.parametrize(("direction", "sign"), [("max", 1), ("min", -1)])
def test_one_in_reduction_factor_trials_goes_on(direction, sign):
    running = trials(*(sign * value for value in (0.1, 0.5, 0.9, 0.3, 0.7, 0.2)))
    assert stops(SuccessiveHalvingRule(1, 3), running, direction=direction) == [0, 1, 3, 5]


def test_a_rung_with_too_few_trials_stops_no_trial():
    assert stops(SuccessiveHalvingRule(1, 3), trials(0.1, 0.9)) == []
    assert stops(SuccessiveHalvingRule(1, 2), trials(0.1, 0.9)) == [0]


def test_final_trials_count_too():
    finals = [final_with([0.5], "final", [1])]
    assert stops(SuccessiveHalvingRule(1, 2), trials(0.1), finals) == [0]


def test_a_trial_is_compared_with_the_trials_that_reached_its_highest_rung():
    rule = SuccessiveHalvingRule(1, 2)
    far = trial_with([0.2, 0.2], "far", [1, 2])
    # No other trial is at step 2. Of the three at step 1 one goes on.
    assert stops(rule, [far, *trials(0.9, 0.8)]) == [2]
    also_far = trial_with([0.1, 0.5], "also far", [1, 2])
    assert stops(rule, [far, also_far]) == [0]


def test_the_value_at_a_rung_is_the_best_value_up_to_it():
    rule = SuccessiveHalvingRule(2, 2)
    early = trial_with([0.9, 0.1, 0.1], "early", [1, 2, 3])
    late = trial_with([0.1, 0.2, 1.0], "late", [1, 2, 3])
    assert stops(rule, [early, late]) == [1]


def test_a_report_above_a_rung_reaches_it():
    rule = SuccessiveHalvingRule(4, 2)
    assert stops(rule, [trial_with([0.1], "a", [7]), trial_with([0.9], "b", [5])]) == [0]
    assert stops(rule, [trial_with([0.1], "a", [3]), trial_with([0.9], "b", [5])]) == []


def test_equal_values_go_on_together_and_nan_is_the_worst():
    assert stops(SuccessiveHalvingRule(1, 2), trials(0.5, 0.5)) == []
    for direction in ("max", "min"):
        finals = [final_with([0.5], name, [1]) for name in ("one", "two", "three")]
        assert stops(SuccessiveHalvingRule(1, 2), trials(0.5), finals, direction) == []
    assert stops(SuccessiveHalvingRule(1, 2), trials(math.nan, 0.5)) == [0]
    assert stops(SuccessiveHalvingRule(1, 2), trials(math.nan, math.nan)) == []


def test_a_second_check_does_not_iterate_over_the_histories():
    class Counted(list):
        reads = 0

        def __getitem__(self, index):
            Counted.reads += (
                len(range(*index.indices(len(self)))) if isinstance(index, slice) else 1
            )
            return super().__getitem__(index)

        def __iter__(self):
            raise AssertionError("the rule iterated over a history")

    running = [trial_with([0.5] * 5000, str(index)) for index in range(10)]
    rule = SuccessiveHalvingRule(1, 3)
    assert stops(rule, running) == []
    for trial in running:
        trial.metric_history, trial.step_history = (
            Counted(trial.metric_history),
            Counted(trial.step_history),
        )
    assert stops(rule, running) == []
    assert Counted.reads < 100 * len(running)


@pytest.mark.parametrize("direction", ["max", "min"])
def test_the_values_in_memory_are_those_that_would_be_computed_anew(direction):
    rule, noise = SuccessiveHalvingRule(2, 2), random.Random(8)
    running = [trial_with([], str(index)) for index in range(6)]
    for _ in range(400):
        trial = noise.choice(running)
        fate = noise.random()
        if fate < 0.02:  # its worker is lost
            trial.reset()
            trial.attempts += 1
        elif fate < 0.04:  # it ends, and another trial with the same parameters begins
            running[running.index(trial)] = trial = trial_with([], trial.params["name"])
        last = trial.step_history[-1] if trial.step_history else 0
        trial.append_metric(
            {
                "step": last + noise.choice([0, 1, 1, 3]),
                "value": noise.choice([noise.random(), math.nan]),
            }
        )
        expected = SuccessiveHalvingRule(2, 2).decide(trial, [], running, direction)
        assert rule.decide(trial, [], running, direction) == expected
    assert len(rule._rung_values) <= 2 * len(running) + 1


def test_the_memory_does_not_grow_with_the_ended_trials():
    rule = SuccessiveHalvingRule(1, 2)
    for number in range(100):
        running = [trial_with([0.5] * 3, f"{number} {index}", [1, 2, 3]) for index in range(3)]
        stops(rule, running)
    assert len(rule._rung_values) <= 3 * len(running)


def test_a_new_experiment_starts_without_the_old_trials():
    rule, running = SuccessiveHalvingRule(1, 2), trials(0.1, 0.9, steps=(1, 2, 3))
    assert stops(rule, running) == [0]
    assert rule._rung_values
    rule.start()
    assert not rule._rung_values


@pytest.mark.parametrize("arguments", [(0, 2), (1, 1), (1.5, 2), (1, "2"), (None, 2)])
def test_the_arguments_must_be_whole_numbers_within_bounds(arguments):
    with pytest.raises(BadArgumentsError, match="must be a whole number"):
        SuccessiveHalvingRule(*arguments)
