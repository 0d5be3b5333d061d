"""The median stopping rule."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import MedianStoppingRule
from maggy.testing import EarlyStopContract, final_with, trial_with

values = st.lists(st.floats(width=16) | st.sampled_from([0.0, 1.0]), max_size=6)


def stops(running, finals, direction="max"):
    answer = MedianStoppingRule.earlystop_check(running, finals, direction)
    assert answer in (None, running.trial_id)
    return answer is not None


class TestMedianStoppingRule(EarlyStopContract):
    def make(self):
        return MedianStoppingRule()


def test_for_max_a_trial_below_the_median_is_stopped():
    finals = [final_with([value] * 3) for value in (0.1, 0.5, 0.9)]
    assert stops(trial_with([0.4, 0.4, 0.4]), finals)
    assert not stops(trial_with([0.6, 0.6, 0.6]), finals)


def test_for_min_a_trial_above_the_median_is_stopped():
    finals = [final_with([value] * 3) for value in (0.1, 0.5, 0.9)]
    assert stops(trial_with([0.6, 0.6, 0.6]), finals, "min")
    assert not stops(trial_with([0.4, 0.4, 0.4]), finals, "min")


def test_the_rule_explains_itself_by_the_two_values_it_compared():
    finals = [final_with([value] * 3) for value in (0.1, 0.5, 0.9)]
    rule = MedianStoppingRule()
    for trial, direction, text in (
        (trial_with([0.4, 0.3, 0.4]), "max", "0.4 is below the median 0.5 of 3 trials"),
        (trial_with([0.6, 0.7, 0.7]), "min", "0.6 is above the median 0.5 of 3 trials"),
        (trial_with([0.499999, 0.3, 0.4]), "max", "0.499999 is below the median 0.5 of 3 trials"),
        (
            trial_with([math.nan]),
            "max",
            "it has reported nothing but NaN, which is worse than the median 0.5 of 3 trials",
        ),
    ):
        assert rule.explain(trial, finals, [trial], direction) == text


def test_a_tie_goes_on():
    finals = [final_with([0.1] * 10)]
    for direction in ("max", "min"):
        assert not stops(trial_with([0.1] * 7), finals, direction)


def test_the_best_value_of_the_running_trial_counts():
    finals = [final_with([0.5] * 3)]
    assert not stops(trial_with([0.1, 0.9, 0.1]), finals)
    assert stops(trial_with([0.1, 0.4, 0.1]), finals)


def test_the_mean_of_a_final_trial_counts():
    finals = [final_with([0.0, 1.0])]
    assert not stops(trial_with([0.5, 0.5]), finals)
    assert stops(trial_with([0.4, 0.4]), finals)


def test_the_median_of_an_even_number_lies_between_the_middle_two():
    finals = [final_with([value]) for value in (0.0, 0.2, 0.4, 1.0)]
    assert stops(trial_with([0.29]), finals)
    assert not stops(trial_with([0.31]), finals)


def test_later_points_of_the_final_trials_do_not_count():
    finals = [final_with([0.1, 0.1, 9.0, 9.0])]
    assert not stops(trial_with([0.2, 0.2]), finals)


def test_a_final_trial_that_ended_at_an_earlier_step_does_not_count():
    short, long = final_with([9.0]), final_with([0.1, 0.1])
    assert not stops(trial_with([0.2, 0.2]), [short, long])
    assert not stops(trial_with([0.2, 0.2]), [short])


def test_trials_are_compared_at_the_same_step_and_not_after_the_same_number_of_points():
    # The first two points of the final trial reach step 1, those of the running trial step 3.
    finals = [final_with([0.1, 0.1, 0.9, 0.9])]
    assert stops(trial_with([0.3, 0.3], steps=[1, 3]), finals)
    assert not stops(trial_with([0.3, 0.3], steps=[0, 1]), finals)


def test_a_final_trial_that_began_at_a_later_step_does_not_count():
    assert not stops(trial_with([0.2]), [final_with([9.0], steps=[5])])


def test_a_trial_without_anything_to_compare_goes_on():
    assert not stops(trial_with([0.2]), [])
    assert not stops(trial_with([]), [final_with([0.5])])
    assert not stops(trial_with([0.2]), [final_with([])])


def test_the_means_ignore_nan():
    finals = [final_with([math.nan, 0.5]), final_with([math.nan, math.nan])]
    assert stops(trial_with([0.4, 0.4]), finals)
    assert not stops(trial_with([0.6, 0.6]), finals)


@pytest.mark.parametrize("direction", ["max", "min"])
def test_a_trial_with_nothing_but_nan_is_worse_than_any_median(direction):
    assert stops(trial_with([math.nan]), [final_with([0.5])], direction)
    assert not stops(trial_with([math.nan]), [], direction)
    assert not stops(trial_with([math.nan]), [final_with([math.nan])], direction)


def test_a_replaced_point_counts_with_its_last_value():
    running = trial_with([0.1, 0.9])
    running.append_metric({"step": 1, "value": 0.2})
    assert stops(running, [final_with([0.5, 0.5])])


def test_an_unknown_direction_is_refused():
    with pytest.raises(BadArgumentsError, match="direction"):
        stops(trial_with([]), [], "up")


@given(values, st.lists(values, max_size=5))
def test_min_mirrors_max_exactly(running, finals):
    mirrored = [final_with([-value for value in history]) for history in finals]
    up = stops(trial_with(running), [final_with(history) for history in finals], "max")
    assert up == stops(trial_with([-value for value in running]), mirrored, "min")


def test_a_check_does_not_iterate_over_the_histories():
    class Counted(list):
        reads = 0

        def __getitem__(self, index):
            Counted.reads += 1
            return super().__getitem__(index)

        def __iter__(self):
            raise AssertionError("the rule iterated over a history")

    running, final = trial_with([0.5] * 5000), final_with([0.5] * 5000)
    for trial in (running, final):
        trial.metric_history, trial.step_history = (
            Counted(trial.metric_history),
            Counted(trial.step_history),
        )
    stops(running, [final])
    assert Counted.reads < 40
