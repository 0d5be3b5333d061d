"""The docstrings of the configs explain every argument, inherited ones included."""

from __future__ import annotations

import dataclasses
import inspect
import pydoc
import re

import pytest

from maggy.earlystop.registry import STOP_RULES
from maggy.experiment_config import (
    AblationConfig,
    BaseConfig,
    CommonConfig,
    HyperparameterOptConfig,
    LagomConfig,
    OptimizationConfig,
)
from maggy.experiment_config.argument_docs import (
    explain_inherited_arguments,
    explained_arguments,
)
from maggy.optimizer.registry import OPTIMIZERS

CONFIGS = [
    AblationConfig,
    BaseConfig,
    CommonConfig,
    HyperparameterOptConfig,
    LagomConfig,
    OptimizationConfig,
]
every_config = pytest.mark.parametrize("config", CONFIGS)


@every_config
def test_every_field_is_explained(config):
    fields = {field.name for field in dataclasses.fields(config)}
    assert fields <= explained_arguments(config.__doc__).keys()


@every_config
def test_exactly_the_arguments_are_explained_in_the_order_of_the_constructor(config):
    arguments = [
        f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
        for parameter in inspect.signature(config).parameters.values()
    ]
    explanations = list(explained_arguments(config.__doc__))
    if config is BaseConfig:  # it passes its options on to the base class
        assert set(arguments) <= set(explanations)
    else:
        assert explanations == arguments


@every_config
def test_an_explanation_is_a_sentence_with_its_unit(config):
    for name, text in explained_arguments(config.__doc__).items():
        assert len(text.split()) >= 4, name
        assert text.endswith("."), name
        if re.search("seconds|timeout|hb_interval", name):
            assert text.startswith("Seconds"), name


@every_config
def test_a_default_is_part_of_the_explanation(config):
    explanations = explained_arguments(config.__doc__)
    for field in dataclasses.fields(config):
        default, text = field.default, " ".join(explanations[field.name].split())
        if default is None and field.name not in ("model", "dataset", "num_trials"):
            assert "None, the default," in text
        elif type(default) in (int, float):
            assert f"{default:g}" in text
            assert "by default" in text


@every_config
def test_help_shows_no_addresses_and_no_placeholders(config):
    text = pydoc.plain(pydoc.render_doc(config))
    assert not re.findall(r"<[^>]* at 0x|\{\w+\}", text)
    assert max(len(line) for line in config.__doc__.splitlines()) <= 100


def test_an_argument_without_a_default_says_so_in_the_signature():
    assert "= <required>" in str(inspect.signature(OptimizationConfig))


@pytest.mark.parametrize("config", [HyperparameterOptConfig, OptimizationConfig])
def test_names_come_from_the_registries(config):
    explanations = explained_arguments(config.__doc__)
    for argument, names in (("optimizer", OPTIMIZERS), ("es_policy", STOP_RULES)):
        for name in names:
            assert f"``'{name}'``" in explanations[argument]


def test_the_nearest_explanation_counts():
    @dataclasses.dataclass
    class Base:
        """Hold two numbers.

        Args:
            a: The first number
                of two.
            b: The other number.
        """

        a: int
        b: int

    @explain_inherited_arguments
    @dataclasses.dataclass
    class Derived(Base):
        r"""Hold three numbers.

        Args:
            c: The \d number.
            a: Another number.

        Raises:
            ValueError: If there are four.
        """

        c: int

    assert explained_arguments(Base.__doc__) == {
        "a": "The first number\n        of two.",
        "b": "The other number.",
    }
    assert Derived.__doc__ == (
        "Hold three numbers.\n\nArgs:\n    a: Another number.\n    b: The other number.\n"
        "    c: The \\d number.\n\nRaises:\n    ValueError: If there are four."
    )


def test_a_docstring_without_arguments_explains_none():
    assert explained_arguments("Do nothing.") == {}
    assert explained_arguments(None) == {}


def test_a_config_without_a_docstring_stays_without_one():
    class Bare(OptimizationConfig):
        pass

    Bare.__doc__ = None
    assert explain_inherited_arguments(Bare).__doc__ is None
