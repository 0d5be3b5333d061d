"""Optimizers by name."""

from __future__ import annotations

import pytest

from maggy import optimizer as package
from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import RandomSearch, SingleRun, resolve_optimizer
from maggy.searchspace import Searchspace


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("randomsearch", RandomSearch),
        ("RandomSearch", RandomSearch),
        ("none", SingleRun),
        (" NONE ", SingleRun),
    ],
)
def test_names_are_known_in_any_case(name, expected):
    assert type(resolve_optimizer(name)) is expected


def test_none_is_a_single_run():
    assert type(resolve_optimizer(None)) is SingleRun


def test_an_instance_is_itself():
    mine = RandomSearch()
    assert resolve_optimizer(mine) is mine


def test_every_call_makes_a_new_one():
    assert resolve_optimizer("randomsearch") is not resolve_optimizer("randomsearch")


def test_an_unknown_name_lists_the_known_ones_and_the_closest():
    with pytest.raises(
        BadArgumentsError, match=r"one of 'asha', .*'tpe'.* 'RandomSerch'.*mean 'randomsearch'"
    ):
        resolve_optimizer("RandomSerch")


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"Write RandomSearch\(\)\."):
        resolve_optimizer(RandomSearch)


def test_a_class_or_a_pruner_of_optunas_is_refused_with_the_remedy():
    optuna = pytest.importorskip("optuna")
    with pytest.raises(TypeError, match=r"got the class TPESampler\. Write TPESampler\(\)\."):
        resolve_optimizer(optuna.samplers.TPESampler)
    with pytest.raises(TypeError, match="Pass it as es_policy"):
        resolve_optimizer(optuna.pruners.NopPruner())


@pytest.mark.parametrize(
    "name", ["asha", "cmaes", "gridsearch", "hyperband", "nsgaii", "qmc", "randomsearch", "tpe"]
)
def test_a_missing_space_is_refused_when_the_driver_asks_for_the_parameters(name):
    optimizer = resolve_optimizer(name)
    optimizer.num_trials, optimizer.searchspace, optimizer.direction = 5, Searchspace(), "max"
    with pytest.raises(
        BadArgumentsError, match="needs a search space with at least one hyperparameter"
    ):
        optimizer.parameters([optimizer.total_trials()])  # both are asked before Spark is touched


@pytest.mark.parametrize("given", [5, True, [], object, lambda: None])
def test_anything_else_is_refused(given):
    with pytest.raises(
        TypeError, match=r"optimizer must be one of 'asha', .*'tpe'.*AbstractOptimizer"
    ):
        resolve_optimizer(given)


def test_everything_exported_is_there():
    assert all(hasattr(package, name) for name in package.__all__)
