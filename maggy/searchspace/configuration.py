"""Choose one configuration of several hyperparameters: which of them exist, and their values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from random import Random
from typing import TypeVar

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest
from maggy.common.types import ParameterValue, Params
from maggy.searchspace.parameter import Parameter

__all__ = ["check_conditions", "convert", "draw", "exists"]

_Value = TypeVar("_Value")


def exists(
    parameter: Parameter,
    values: Mapping[str, ParameterValue],
    parameters: Mapping[str, Parameter],
) -> bool:
    """Return whether a parameter exists in a configuration: all of its conditions hold.

    Args:
        parameter: A parameter of the space.
        values: The values of the parameters before it, without those that do not exist.
        parameters: The parameters of the space by name.
    """
    for parent_name, choices in parameter.when.items():
        if parent_name not in values:
            return False
        parent = parameters[parent_name]
        indices = [parent.index(value) for value in choices]
        if parent.index(values[parent_name]) not in indices:
            return False
    return True


def draw(parameters: Mapping[str, Parameter], rng: Random) -> Params:
    """Return a random configuration."""
    params: Params = {}
    # Parents come before the parameters that depend on them, so one pass is enough.
    for name, parameter in parameters.items():
        if exists(parameter, params, parameters):
            params[name] = parameter.draw(rng)
    return params


def convert(
    parameters: Mapping[str, Parameter],
    hparams: Mapping[str, _Value],
    conversion: Callable[[Parameter, _Value], ParameterValue],
    optional: Collection[str] = (),
) -> Params:
    """Convert the value of each parameter that exists in a configuration.

    Args:
        parameters: The parameters of the space by name, in its order.
        hparams: The values to convert. The conversion of a parameter on which others depend must
            be one of its values.
        conversion: A function of a parameter and its value in ``hparams``.
        optional: Names that may be in ``hparams`` although they do not exist in this configuration.

    Returns:
        The converted values in the order of the space.

    Raises:
        BadArgumentsError: If a name is missing or unknown, or the conversion refuses a value.
    """
    params: Params = {}
    for name, parameter in parameters.items():
        # By the converted values, because positions on a scale meet no condition.
        if exists(parameter, params, parameters):
            if name not in hparams:
                raise BadArgumentsError(
                    f"The names must be {list(parameters)}, but {name} is missing: {list(hparams)}."
                )
            params[name] = conversion(parameter, hparams[name])
    for name in hparams:
        if name not in params and name not in optional:
            hint = (
                f"it exists only when {parameters[name].when}"
                if name in parameters
                else f"there is no such one.{closest(str(name), list(parameters))}"
            )
            raise BadArgumentsError(
                f"The names must be {list(parameters)}, but got {name!r}: {hint}"
            )
    return params


def check_conditions(parameter: Parameter, before: Mapping[str, Parameter]) -> None:
    """Refuse a parameter whose conditions cannot be met.

    Args:
        parameter: The parameter to add to a space.
        before: The parameters of the space so far, by name.

    Raises:
        BadArgumentsError: If the parameter depends on one that was not added before, that has no
            countable values, or that never has the value.
    """
    for parent_name, values in parameter.when.items():
        parent = before.get(parent_name)
        if parent is None:
            raise BadArgumentsError(
                f"{parameter.name} depends on {parent_name!r}, which must have been added before "
                f"it, but the space has {list(before)}.{closest(parent_name, list(before))}"
            )
        if parent.count is None:
            raise BadArgumentsError(
                f"{parameter.name} can only depend on a parameter with countable values, "
                f"but {parent_name} is a DOUBLE without steps. Give it a step."
            )
        for value in values:
            parent.checked(value)
