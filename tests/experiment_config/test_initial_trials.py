"""The initial trials of a search, and a search without a number of trials."""

from __future__ import annotations

import pytest

from maggy import Searchspace
from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import Patience
from maggy.experiment_config import OptimizationConfig
from maggy.experiment_config.keywords import config_from_keywords

SPACE = Searchspace(x=("DOUBLE", [0, 1]), n=("INTEGER", [1, 4]), c=("CONSTANT", ["a"]))


def config(num_trials=4, optimizer="randomsearch", searchspace=SPACE, **options):
    return OptimizationConfig(num_trials, optimizer, searchspace, **options)


def test_initial_trials_become_plain_values_of_the_space():
    trials = [{"n": 2.0, "x": 1}, {"x": 0, "n": 1, "c": "a"}]
    assert config(initial_trials=trials).initial_trials == [
        {"x": 1.0, "n": 2, "c": "a"},
        {"x": 0.0, "n": 1, "c": "a"},
    ]
    assert config(initial_trials=[]).initial_trials == []


@pytest.mark.parametrize(
    ("trials", "text"),
    [
        (
            [{"x": 2, "n": 1}],
            r"initial_trials\[0\] must lie in the search space\. x must be a number from 0 to 1",
        ),
        ([{"x": 1, "n": 1}, {"x": 1}], r"initial_trials\[1\].*n is missing"),
        ([{"x": 1, "n": 1, "y": 1}], r"initial_trials\[0\].*got 'y'"),
        ([5], r"initial_trials\[0\].*must be a dict"),
        ({"x": 1, "n": 1}, "initial_trials must be a list of dicts"),
        ([{"x": 1, "n": 1}] * 5, r"at most num_trials=4 initial trials, but got 5"),
    ],
)
def test_every_initial_trial_is_checked(trials, text):
    with pytest.raises(BadArgumentsError, match=text):
        config(initial_trials=trials)


def test_initial_trials_need_a_search_space():
    with pytest.raises(BadArgumentsError, match="initial_trials need a search space"):
        config(optimizer="none", searchspace=None, initial_trials=[{}])


def test_the_number_of_trials_may_be_left_out_where_the_optimizer_knows_it():
    assert OptimizationConfig(optimizer="hyperband", searchspace=SPACE).num_trials is None
    with pytest.raises(BadArgumentsError, match="num_trials must be a whole number"):
        OptimizationConfig(optimizer="tpe", searchspace=SPACE)


def test_the_optimizer_may_not_be_left_out():
    with pytest.raises(TypeError, match="needs an optimizer"):
        OptimizationConfig(4)


def test_the_keywords_of_0_5_leave_the_number_of_a_grid_to_the_grid():
    keywords = {"optimizer": "gridsearch", "searchspace": SPACE}
    assert config_from_keywords(keywords, has_map_fun=False).num_trials is None
    keywords = {"optimizer": "randomsearch", "searchspace": SPACE}
    assert config_from_keywords(keywords, has_map_fun=False).num_trials == 1


def test_stop_rules_may_be_a_list():
    config(es_policy=["median", Patience(3)])
    with pytest.raises(TypeError, match="es_policy"):
        config(es_policy=["median", 3])
