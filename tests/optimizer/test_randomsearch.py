"""Random search."""

from __future__ import annotations

import pytest
from conformance import OptimizerContract

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import RandomSearch
from maggy.searchspace import Searchspace


class TestRandomSearch(OptimizerContract):
    def make(self):
        return RandomSearch()

    def test_it_searches_a_space_of_lists_only(self):
        space = Searchspace(a=("DISCRETE", [1, 2]), b=("CATEGORICAL", ["x", "y"])).seeded(3)
        assert {tuple(params.values()) for params in self.drive(self.start(space)).params} == {
            (1, "x"),
            (1, "y"),
            (2, "x"),
            (2, "y"),
        }

    def test_it_draws_what_the_space_draws_and_no_more_than_was_asked_for(self):
        optimizer = self.start(self.make_space(5))
        expected = self.make_space(5).get_random_parameter_values(4)
        assert [optimizer.get_suggestion().params for _ in range(3)] == expected[:3]
        assert optimizer.searchspace.get_random_parameter_values(1) == expected[3:]


@pytest.mark.parametrize("space", [None, Searchspace()])
def test_it_needs_a_space_with_a_parameter(space):
    optimizer = RandomSearch()
    optimizer.num_trials, optimizer.searchspace = 1, space
    with pytest.raises(BadArgumentsError, match="at least one hyperparameter"):
        optimizer.initialize()


def test_its_name_is_that_of_the_printed_results():
    assert RandomSearch().name() == "RandomSearch"
