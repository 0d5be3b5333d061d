"""A user's own optimizer: what it must have, and what it inherits."""

from __future__ import annotations

import pytest

from maggy.optimizer import AbstractOptimizer, RandomSearch
from maggy.testing import OptimizerContract
from maggy.trial import Trial


class Climber(AbstractOptimizer):
    """Waits for every result, and varies the best configuration. It has no constructor."""

    def initialize(self):
        self.left = self.num_trials

    def get_suggestion(self, trial=None):
        if self.left == 0:
            return None
        if self.trial_store:
            return "IDLE"
        self.left -= 1
        params = self.searchspace.get_random_parameter_values(1)[0]
        if self.final_store and self.left % 2:
            pick = max if self.direction == "max" else min
            best = pick(self.final_store, key=lambda final: final.final_metric)
            first = next(iter(params))
            params = {**best.params, first: params[first]}
        return Trial(params)


class TestClimber(OptimizerContract):
    def make(self):
        return Climber()


def test_only_get_suggestion_must_be_written():
    class Nothing(AbstractOptimizer):
        def get_suggestion(self, trial=None):
            return None

    optimizer = Nothing()
    optimizer.initialize()
    optimizer.finalize_experiment([])
    assert optimizer.name() == "Nothing"


def test_without_get_suggestion_there_is_no_optimizer():
    class Incomplete(AbstractOptimizer):
        pass

    with pytest.raises(TypeError, match="get_suggestion"):
        Incomplete()


def test_a_class_with_its_own_get_suggestion_is_not_independent_unless_it_says_so():
    class Learner(RandomSearch):
        def get_suggestion(self, trial=None):
            return super().get_suggestion(trial)

    class Renamed(RandomSearch):
        def name(self):
            return "Mine"

    class Sure(Learner):
        independent = True

    assert [
        optimizer_class.independent for optimizer_class in (RandomSearch, Learner, Renamed, Sure)
    ] == [
        True,
        False,
        True,
        True,
    ]
