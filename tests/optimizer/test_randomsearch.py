"""Random search draws what the search space draws."""

from __future__ import annotations

import pytest

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import RandomSearch
from maggy.searchspace import Searchspace
from maggy.testing import OptimizerContract


class TestRandomSearch(OptimizerContract):
    def make(self):
        return RandomSearch()

    def test_a_space_of_lists_only_can_be_searched(self):
        space = Searchspace(a=("DISCRETE", [1, 2]), b=("CATEGORICAL", ["x", "y"])).seeded(3)
        assert {tuple(params.values()) for params in self.drive(self.start(space)).params} == {
            (1, "x"),
            (1, "y"),
            (2, "x"),
            (2, "y"),
        }

    def test_the_draws_are_those_of_the_space_and_none_is_wasted(self):
        optimizer = self.start(self.make_space(5))
        expected = self.make_space(5).get_random_parameter_values(4)
        assert [optimizer.get_suggestion().params for _ in range(3)] == expected[:3]
        assert optimizer.searchspace.get_random_parameter_values(1) == expected[3:]


@pytest.mark.parametrize("space", [None, Searchspace()])
def test_a_space_without_parameters_is_refused(space):
    optimizer = RandomSearch()
    optimizer.num_trials, optimizer.searchspace = 1, space
    with pytest.raises(BadArgumentsError, match="at least one hyperparameter"):
        optimizer.initialize()


def test_the_name_is_that_in_the_printed_results():
    assert RandomSearch().name() == "RandomSearch"
