"""The rules that end an experiment."""

from __future__ import annotations

import math
import random

import pytest

from maggy.common.ended_trials import EndedTrials
from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import AbstractExperimentStop, Patience, Threshold
from maggy.testing import ExperimentStopContract
from maggy.trial import Trial


class TestPatience(ExperimentStopContract):
    def make(self):
        return Patience(3)

    def test_three_trials_without_an_improvement_end_it(self):
        assert not self.ends([0.5, 0.4, 0.4])
        assert self.ends([0.5, 0.4, 0.4, 0.3])
        assert not self.ends([0.5, 0.4, 0.4, 0.6])

    def test_an_equal_metric_is_no_improvement(self):
        assert self.ends([0.5] * 4)

    def test_min_mirrors_max(self):
        for metrics in ([0.5, 0.4, 0.3, 0.2], [0.5, 0.6, 0.7, 0.8], [0.5, 0.6, 0.6, 0.6, 0.6]):
            assert self.ends(metrics, "max") == self.ends([-metric for metric in metrics], "min")


class TestThreshold(ExperimentStopContract):
    def make(self):
        return Threshold(0.5)

    def make_mirrored(self):
        return Threshold(-0.5)

    def test_a_trial_that_reaches_the_metric_ends_the_experiment(self):
        assert not self.ends([0.1, 0.49])
        assert self.ends([0.1, 0.5, 0.2])
        assert not self.ends([0.51, 0.9], "min")
        assert self.ends([0.51, 0.5], "min")


def test_a_small_improvement_counts_only_above_min_delta():
    def finals(*metrics):
        return TestPatience().finals(metrics)

    assert Patience(2, min_delta=0.1).experiment_check(finals(0.5, 0.55, 0.6), "max") is not None
    assert Patience(2, min_delta=0.1).experiment_check(finals(0.5, 0.55, 0.61), "max") is None


@pytest.mark.parametrize("rule", [Patience(3, min_delta=0.1), Threshold(2.0)])
@pytest.mark.parametrize("direction", ["max", "min"])
def test_a_trial_is_read_once_however_many_checks_there_are(rule, direction):
    class Counted(Trial):
        looks = 0

        def __getattribute__(self, name):
            Counted.looks += name == "final_metric"
            return super().__getattribute__(name)

    store, noise, mirror = EndedTrials(), random.Random(1), 1 if direction == "max" else -1
    for number in range(100):
        trial = Counted({"x": number})
        trial.final_metric = mirror * noise.choice([0.0, 0.05, 0.11, noise.random()])
        store.append(trial)
        # The rule reads a plain list anew at every call, but the driver's store only once.
        copies = [Trial({"x": final.params["x"]}) for final in store]
        for copy, final in zip(copies, store, strict=True):
            copy.final_metric = final.__dict__["final_metric"]
        assert rule.experiment_check(store, direction) == rule.experiment_check(copies, direction)
    assert Counted.looks <= 3 * len(store)


@pytest.mark.parametrize("arguments", [(0,), (2.5,), ("3",), (3, -1), (3, math.nan), (3, None)])
def test_patience_checks_its_arguments(arguments):
    with pytest.raises(BadArgumentsError, match="must be"):
        Patience(*arguments)


@pytest.mark.parametrize("metric", [math.nan, math.inf, "1", None, True])
def test_a_threshold_must_be_a_finite_number(metric):
    with pytest.raises(BadArgumentsError, match="finite number"):
        Threshold(metric)


@pytest.mark.parametrize("rule", [Patience(3), Threshold(2.0)])
def test_an_unknown_direction_is_refused(rule):
    with pytest.raises(BadArgumentsError, match="direction"):
        rule.experiment_check([], "up")


def test_without_a_check_there_is_no_rule():
    class Incomplete(AbstractExperimentStop):
        pass

    with pytest.raises(TypeError, match="experiment_check"):
        Incomplete()
