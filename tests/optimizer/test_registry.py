"""Optimizers by name: ours, Optuna's samplers, and those of other distributions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.distributions import install

from maggy import optimizer as package
from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import Hyperband, RandomSearch, SingleRun, resolve_optimizer
from maggy.optimizer.registry import ENTRY_POINT_GROUP, OPTIMIZERS
from maggy.searchspace import Searchspace

DOCS = Path(__file__).parents[2] / "docs"

ANNEALING = """
from maggy import Trial
from maggy.optimizer import AbstractOptimizer

class Annealing(AbstractOptimizer):
    def get_suggestion(self, trial=None):
        return Trial(self.searchspace.get_random_parameter_values(1)[0])
"""


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
    instance = RandomSearch()
    assert resolve_optimizer(instance) is instance


def test_every_call_makes_a_new_one():
    assert resolve_optimizer("randomsearch") is not resolve_optimizer("randomsearch")


def test_an_unknown_name_lists_the_known_ones_and_the_closest():
    with pytest.raises(
        BadArgumentsError, match=r"one of 'asha', .*'tpe'.* 'RandomSerch'.*mean 'randomsearch'"
    ) as caught:
        resolve_optimizer("RandomSerch")
    assert all(f"'{name}'" in str(caught.value) for name in OPTIMIZERS)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("bayesian", "Write 'tpe', Bayesian optimization with Parzen estimators, or 'gp', "),
        ("BayesianOptimization", "Write 'tpe'"),
        ("gaussian_process", "Write 'gp'"),
        ("bohb", "Write Hyperband(sampler='tpe')"),
        ("CMA-ES", "Write 'cmaes', an evolution strategy."),
        ("random_search", "Write 'randomsearch', independent random configurations."),
        ("GridSearchCV", "Write 'gridsearch'"),
        ("pso", "Maggy has no particle swarm. Write 'cmaes'"),
        ("median", "pass it as es_policy"),
        ("adam", "The optimizer of the training is a hyperparameter"),
    ],
)
def test_a_name_from_another_library_gets_the_name_of_ours(name, remedy):
    with pytest.raises(BadArgumentsError, match="optimizer must be one of") as caught:
        resolve_optimizer(name)
    assert f"but got {name!r}. " in str(caught.value)
    assert remedy in str(caught.value)
    assert "Did you mean" not in str(caught.value)


def test_what_the_advice_writes_can_be_made():
    assert resolve_optimizer(Hyperband(sampler="tpe")).name().startswith("Hyperband(")


def test_every_name_is_in_the_docstring_and_in_a_row_of_the_guide():
    (guide,) = DOCS.rglob("optimizers.md")
    rows = re.findall(r"^\| `(\w+)` \|", guide.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(OPTIMIZERS) - {"none"} <= set(rows)
    assert all(f"``'{name}'``" in resolve_optimizer.__doc__ for name in OPTIMIZERS)


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"Write RandomSearch\(\)\."):
        resolve_optimizer(RandomSearch)


def test_a_class_or_a_pruner_of_optunas_is_refused_with_the_remedy():
    optuna = pytest.importorskip("optuna")
    with pytest.raises(TypeError, match=r"got the class TPESampler\. Write TPESampler\(\)\."):
        resolve_optimizer(optuna.samplers.TPESampler)
    with pytest.raises(TypeError, match="Pass it as es_policy"):
        resolve_optimizer(optuna.pruners.NopPruner())


# The Gaussian process needs PyTorch, and a single run needs no search space.
@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - {"gp", "none"}))
def test_a_missing_space_is_refused_when_the_driver_asks_for_the_parameters(name):
    optimizer = resolve_optimizer(name)
    optimizer.num_trials, optimizer.searchspace, optimizer.direction = 5, Searchspace(), "max"
    with pytest.raises(
        BadArgumentsError, match="needs a search space with at least one hyperparameter"
    ):
        optimizer.parameters([optimizer.total_trials()])  # both are asked before Spark is touched


@pytest.mark.parametrize("value", [5, True, [], object, lambda: None])
def test_anything_else_is_refused(value):
    with pytest.raises(
        TypeError, match=r"optimizer must be one of 'asha', .*'tpe'.*AbstractOptimizer"
    ):
        resolve_optimizer(value)


@pytest.fixture
def annealing(tmp_path, monkeypatch):
    """A distribution that registers an optimizer under the name ``annealing``."""
    monkeypatch.syspath_prepend(tmp_path)
    targets = {"annealing": "acme_annealing:Annealing"}
    install(tmp_path, {ENTRY_POINT_GROUP: targets}, {"acme_annealing": ANNEALING})


def test_the_group_of_entry_points_is_the_one_in_the_documentation():
    assert ENTRY_POINT_GROUP == "maggy.optimizers"


@pytest.mark.usefixtures("annealing")
def test_another_distribution_may_register_an_optimizer_and_its_errors_name_it():
    assert resolve_optimizer("Annealing").name() == "Annealing"
    pruner = resolve_optimizer(Hyperband(sampler="annealing"))
    assert pruner.name() == "Hyperband(Annealing)"
    with pytest.raises(BadArgumentsError, match=r"one of 'annealing', 'asha', .*mean 'annealing'"):
        resolve_optimizer("anealing")


@pytest.mark.usefixtures("annealing")
def test_a_registered_name_needs_no_advice():
    with pytest.raises(BadArgumentsError, match="no simulated annealing"):
        resolve_optimizer("anneal")
    assert resolve_optimizer("annealing").name() == "Annealing"


def test_everything_exported_is_there():
    assert all(hasattr(package, name) for name in package.__all__)
