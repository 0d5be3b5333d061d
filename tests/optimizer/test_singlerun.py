"""A single run repeats the empty configuration."""

from __future__ import annotations

from maggy.optimizer import SingleRun
from maggy.testing import OptimizerContract


class TestSingleRun(OptimizerContract):
    uses_seed = False
    uses_space = False

    def make(self):
        return SingleRun()

    def test_every_configuration_is_empty(self):
        assert self.drive().params == [{}] * self.num_trials


def test_no_search_space_is_needed():
    optimizer = SingleRun()
    optimizer.num_trials, optimizer.searchspace = 1, None
    optimizer.initialize()
    assert optimizer.get_suggestion().params == {}
