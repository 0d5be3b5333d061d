"""The config of a search."""

import dataclasses
import math

import pytest

from maggy import Searchspace
from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import MedianStoppingRule
from maggy.experiment_config import HyperparameterOptConfig, OptimizationConfig
from maggy.optimizer import AbstractOptimizer, RandomSearch, SingleRun


def space():
    return Searchspace(x=("DOUBLE", [0, 1]))


class Own(AbstractOptimizer):
    def get_suggestion(self, trial=None):
        return None


def test_the_defaults_are_those_of_release_1():
    config = OptimizationConfig(num_trials=4, optimizer="randomsearch", searchspace=space())
    assert (config.optimization_key, config.direction, config.name) == (
        "metric",
        "max",
        "HPOptimization",
    )
    assert (config.es_interval, config.es_min, config.es_policy) == (1, 10, "median")
    assert (config.description, config.hb_interval, config.es_seconds) == ("", 1, None)


def test_the_config_of_release_1_1_has_its_positions_and_its_key():
    options = (
        4,
        "randomsearch",
        space(),
        "acc",
        "min",
        2,
        3,
        "none",
        "n",
        "d",
        5,
        "the model",
        ["the data"],
    )
    config = HyperparameterOptConfig(*options)
    names = (
        "num_trials optimizer searchspace optimization_key direction es_interval es_min es_policy"
    )
    names += " name description hb_interval model dataset"
    assert tuple(getattr(config, name) for name in names.split()) == options
    assert isinstance(config, OptimizationConfig)
    assert HyperparameterOptConfig(1, None, None).optimization_key == "Metric"


def test_our_own_options_have_no_position_in_the_config_of_release_1_1():
    config = HyperparameterOptConfig(
        1, "randomsearch", space(), es_seconds=3, initial_trials=[{"x": 0}], seed=1
    )
    assert (config.es_seconds, config.initial_trials, config.seed) == (3, [{"x": 0}], 1)
    with pytest.raises(TypeError, match="positional"):
        HyperparameterOptConfig(
            4, "randomsearch", space(), "acc", "min", 2, 3, "none", "n", "d", 5, "m", ["d"], 3
        )


def test_the_other_config_takes_model_and_dataset_by_keyword_and_keeps_its_positions():
    config = OptimizationConfig(
        1, None, None, "m", "max", 1, 10, None, "n", "d", 1, 7, [], model="M", dataset="D"
    )
    assert (config.es_seconds, config.initial_trials, config.model, config.dataset) == (
        7,
        [],
        "M",
        "D",
    )
    assert OptimizationConfig(1, None).model is None


def test_a_config_without_an_optimizer_says_its_own_name():
    with pytest.raises(TypeError, match=r"HyperparameterOptConfig\(num_trials, optimizer"):
        HyperparameterOptConfig(3)


@pytest.mark.parametrize(
    ("optimizer", "searchspace"),
    [
        ("randomsearch", space()),
        ("RandomSearch", space()),
        (RandomSearch(), space()),
        ("none", None),
        (None, None),
        (SingleRun(), None),
        (Own(), None),
        (Own(), space()),
    ],
)
def test_an_optimizer_is_a_name_in_any_case_an_instance_or_none(optimizer, searchspace):
    OptimizationConfig(1, optimizer, searchspace)


def test_the_direction_may_be_written_in_any_case():
    direction = OptimizationConfig(1, None, direction="MIN").direction
    assert direction == "min"
    assert direction is Direction.MIN
    assert repr(direction) == "'min'"


def test_a_config_can_be_copied_with_another_value():
    config = OptimizationConfig(2, "randomsearch", space(), direction="min", seed=1)
    copy = dataclasses.replace(config, seed=2)
    assert (copy.direction, copy.seed, copy.optimizer) == ("min", 2, "randomsearch")


@pytest.mark.parametrize("policy", ["median", "MEDIAN", "none", None, MedianStoppingRule()])
def test_an_early_stop_rule_is_a_name_an_instance_or_none(policy):
    OptimizationConfig(1, None, es_policy=policy)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_trials": 0}, "num_trials must be at least 1, but got 0"),
        ({"num_trials": -3}, "num_trials must be at least 1, but got -3"),
        ({"num_trials": 2.5}, "num_trials must be a whole number"),
        ({"num_trials": True}, "num_trials must be a whole number"),
        ({"num_trials": None}, "num_trials must be a whole number"),
        ({"optimizer": "randomserch"}, "Did you mean 'randomsearch'?"),
        ({"optimizer": "none"}, "A search space needs an optimizer"),
        ({"optimizer": None}, "A search space needs an optimizer"),
        ({"searchspace": None}, "needs a search space"),
        ({"searchspace": Searchspace()}, "must hold at least one parameter"),
        ({"searchspace": {"x": ("DOUBLE", [0, 1])}}, "searchspace must be a maggy.Searchspace"),
        ({"optimization_key": ""}, "optimization_key must be a string that is not empty"),
        ({"optimization_key": 3}, "optimization_key must be a string"),
        ({"direction": "maximum"}, "direction must be 'max' or 'min'"),
        ({"direction": None}, "direction must be 'max' or 'min'"),
        ({"es_interval": 0}, "es_interval must be at least 1"),
        ({"es_interval": 0.5}, "es_interval must be a whole number"),
        ({"es_min": -1}, "es_min must be at least 0"),
        ({"es_seconds": 0}, "es_interval must be a number above 0"),
        ({"es_seconds": math.nan}, "es_interval must be a number above 0"),
        ({"es_policy": "medain"}, "Did you mean 'median'?"),
    ],
)
def test_a_bad_argument_is_refused_with_its_rule(options, text):
    arguments = {"num_trials": 2, "optimizer": "randomsearch", "searchspace": space(), **options}
    with pytest.raises(BadArgumentsError) as caught:
        OptimizationConfig(**arguments)
    assert text in str(caught.value)


@pytest.mark.parametrize("optimizer", [RandomSearch, 3, lambda: None])
def test_an_optimizer_of_another_kind_is_a_type_error(optimizer):
    with pytest.raises(TypeError, match="optimizer must be"):
        OptimizationConfig(1, optimizer, space())


@pytest.mark.parametrize("policy", [MedianStoppingRule, 3])
def test_an_early_stop_rule_of_another_kind_is_a_type_error(policy):
    with pytest.raises(TypeError, match="es_policy must be"):
        OptimizationConfig(1, None, es_policy=policy)


def test_the_number_of_trials_and_the_optimizer_must_be_given():
    with pytest.raises(TypeError, match="num_trials"):
        OptimizationConfig()
    with pytest.raises(TypeError, match="optimizer"):
        OptimizationConfig(3)
