"""A configuration whose mean so far is worse than the worst fold of the best one is stopped."""

import math

import pytest

from maggy.earlystop import Decision
from maggy.sklearn import WorstFoldRule
from maggy.testing import EarlyStopContract, final_with, trial_with


class TestWorstFold(EarlyStopContract):
    def make(self):
        return WorstFoldRule()


def ended(scores, name, early=False):
    """Return a trial that has run on all folds, or was stopped."""
    trial = final_with([sum(scores[: k + 1]) / (k + 1) for k in range(len(scores))], name)
    trial.early_stop = early
    if not early:
        trial.outputs = {"test_scores": list(scores)}
    return trial


def stops(means, finals, direction="max"):
    trial = trial_with(means)
    return WorstFoldRule().decide(trial, finals, [trial], direction) is Decision.STOP


FINALS = [ended([0.5, 0.9, 0.7], "a"), ended([0.8, 0.9, 0.7], "b"), ended([0.2, 0.3, 0.1], "c")]


@pytest.mark.parametrize(
    ("means", "expected"),
    [([0.69], True), ([0.7], False), ([0.9, 0.69], True), ([0.1, 0.71], False), ([], False)],
)
def test_the_last_mean_is_compared_with_the_worst_fold_of_the_best_trial(means, expected):
    assert stops(means, FINALS) == expected
    mirrored = [ended([-score for score in final.outputs["test_scores"]], "m") for final in FINALS]
    assert stops([-mean for mean in means], mirrored, "min") == expected


def test_a_mean_that_only_rounding_makes_smaller_is_not_worse():
    scores, worst = [35 / 36, 33 / 36, 34 / 36], 34 / 36
    mean = sum(scores) / 3
    assert mean < worst
    assert not stops([mean], [ended([worst, 1.0, 1.0], "best")])
    assert stops([mean - 1e-6], [ended([worst, 1.0, 1.0], "best")])
    # Scores that cancel one another, and scores that are small themselves.
    assert not stops([0.5, -1e-17], [ended([0.0, 0.5, 0.5], "best")])
    assert stops([1e-12], [ended([2e-12, 3e-12, 3e-12], "best")])
    assert stops([-math.inf], [ended([0.5, 0.5, 0.5], "best")])


def test_nan_is_worse_than_any_fold():
    assert stops([0.9, math.nan], FINALS)
    assert not stops([math.nan], [])


def test_a_trial_that_was_stopped_is_never_the_best():
    assert not stops([0.1], [ended([0.9, 0.9], "stopped", early=True)])
    assert not stops([0.5], [ended([0.5, 0.9], "a"), ended([0.9, 0.9], "stopped", early=True)])


def test_the_first_of_two_equal_trials_counts():
    assert stops([0.6], [ended([0.7, 0.8, 0.9], "a"), ended([0.5, 0.9, 1.0], "b")])


def test_it_waits_for_no_number_of_trials():
    assert not WorstFoldRule.waits_for_finals


def test_it_says_what_it_has_compared():
    best, trial = ended([0.8, 0.9, 0.7], "b"), trial_with([0.25])
    best.number = 12
    text = WorstFoldRule().explain(trial, [best], [trial], "max")
    assert text == "0.25 is below 0.7, the worst fold of trial 12, the best so far"
    trial = trial_with([math.nan])
    text = WorstFoldRule().explain(trial, [best], [trial], "max")
    assert text.startswith("the mean is NaN, which is worse than 0.7, the worst fold of trial 12")
