"""Keywords that a config does not have."""

import copy
import dataclasses
import inspect
import pickle
import pydoc

import pytest

from maggy import Searchspace
from maggy.ablation import AblationStudy
from maggy.experiment_config import (
    AblationConfig,
    BaseConfig,
    HyperparameterOptConfig,
    LagomConfig,
    OptimizationConfig,
)
from maggy.experiment_config.unknown_keywords import OTHER_KEYWORDS

SPACE = Searchspace(x=("DOUBLE", [0, 1]))
CONFIGS = {
    AblationConfig: [AblationStudy("data", 1, "label")],
    BaseConfig: [],
    HyperparameterOptConfig: [3, "randomsearch", SPACE],
    LagomConfig: [],
    OptimizationConfig: [3, "randomsearch", SPACE],
}
every_config = pytest.mark.parametrize(("config", "arguments"), CONFIGS.items())


@every_config
def test_a_keyword_that_does_not_exist_names_the_config_the_value_and_the_closest(
    config, arguments
):
    with pytest.raises(
        TypeError,
        match=rf"^{config.__name__} has no argument 'hb_intervall' \(got 1\)\. "
        r"Did you mean 'hb_interval'\? It has: .*seed",
    ):
        config(*arguments, hb_intervall=1)


def test_the_closest_is_named_before_python_misses_other_arguments():
    with pytest.raises(TypeError, match="Did you mean 'num_trials'"):
        OptimizationConfig(num_trial=3)
    with pytest.raises(TypeError, match="Did you mean 'ablation_study'"):
        AblationConfig(study=3)


@pytest.mark.parametrize(
    ("keyword", "ours"),
    [("timeout", "max_seconds"), ("n_trials", "num_trials"), ("mode", "direction")],
)
def test_a_keyword_from_another_library_names_ours(keyword, ours):
    with pytest.raises(TypeError, match=f"Did you mean '{ours}'"):
        OptimizationConfig(**{keyword: 3})


def test_every_keyword_of_ours_that_is_suggested_exists():
    fields = {
        field.name
        for config in (OptimizationConfig, AblationConfig)
        for field in dataclasses.fields(config)
    }
    assert set(OTHER_KEYWORDS.values()) <= fields


def test_a_keyword_from_another_library_names_none_that_this_config_lacks():
    with pytest.raises(TypeError, match="LagomConfig has no argument 'sampler'") as caught:
        LagomConfig(sampler="tpe")
    assert "'optimizer'" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: OptimizationConfig(3, num_trials=3), "multiple values for argument"),
        (lambda: AblationConfig(), "missing 1 required positional argument"),
        (lambda: LagomConfig(*range(99)), "positional arguments"),
    ],
)
def test_other_mistakes_are_left_to_python(make, words):
    with pytest.raises(TypeError, match=words):
        make()


@every_config
def test_the_signature_and_the_help_are_those_of_the_config(config, arguments):
    names = list(inspect.signature(config).parameters)
    assert "name" in names
    assert "self" not in names
    assert "keywords" not in names
    assert "hb_interval" in pydoc.render_doc(config).split("|  Args:")[0]


@every_config
def test_configs_are_copied_and_pickled_and_replaced(config, arguments):
    made = config(*arguments, seed=7)
    assert pickle.loads(pickle.dumps(made)).seed == copy.deepcopy(made).seed == 7
    assert dataclasses.replace(made, seed=8).seed == 8
    assert "seed" in {field.name for field in dataclasses.fields(config)}


def test_a_subclass_may_add_a_field_or_have_a_constructor_of_its_own():
    @dataclasses.dataclass
    class WithField(LagomConfig):
        color: str = "red"

    class WithConstructor(LagomConfig):
        def __init__(self, color, **others):
            super().__init__(**others)
            self.color = color

    assert WithField(color="blue", seed=1).color == "blue"
    assert WithConstructor("blue", seed=1).seed == 1
    with pytest.raises(TypeError, match=r"^WithConstructor has no argument 'seeds'"):
        WithConstructor("blue", seeds=1)
