"""One configuration of several hyperparameters: which of them exist in it, and their values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from random import Random
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest
from maggy.searchspace.parameter import Parameter

__all__ = ["check_conditions", "convert", "draw", "exists"]


def exists(name: str, values: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> bool:
    """Whether a parameter exists, given the values of those before it: all of its conditions hold."""
    for parent, wanted in parameters[name].when.items():
        if parent not in values:
            return False
        known = parameters[parent]
        if known.index(parent, values[parent]) not in [
            known.index(parent, value) for value in wanted
        ]:
            return False
    return True


def draw(parameters: Mapping[str, Parameter], rng: Random) -> dict[str, Any]:
    """A random configuration."""
    drawn: dict[str, Any] = {}
    for name, known in parameters.items():
        if exists(name, drawn, parameters):
            drawn[name] = known.draw(rng)
    return drawn


def convert(
    parameters: Mapping[str, Parameter],
    given: Mapping[str, Any],
    conversion: Callable[[Parameter, str, Any], Any],
    optional: Collection[str] = (),
) -> dict[str, Any]:
    """A configuration with each existing parameter's value converted, in the order of the parameters.

    Args:
        parameters: The parameters.
        given: What is converted. The conversion of a parameter that others depend on must be one of its values.
        conversion: Is called with parameter, name and given value.
        optional: Names that may be given although they do not exist in this configuration.

    Raises:
        BadArgumentsError: Names are missing or unknown, or the conversion refuses a value.
    """
    found: dict[str, Any] = {}
    for name, known in parameters.items():
        if exists(name, found, parameters):
            if name not in given:
                raise BadArgumentsError(
                    f"The names must be {list(parameters)}, but {name} is missing: {list(given)}."
                )
            found[name] = conversion(known, name, given[name])
    for name in given:
        if name not in found and name not in optional:
            hint = (
                f"it exists only when {parameters[name].when}"
                if name in parameters
                else f"there is no such one.{closest(str(name), list(parameters))}"
            )
            raise BadArgumentsError(
                f"The names must be {list(parameters)}, but got {name!r}: {hint}"
            )
    return found


def check_conditions(name: str, added: Parameter, before: Mapping[str, Parameter]) -> None:
    """Refuse conditions that the parameters added before cannot meet."""
    for parent, values in added.when.items():
        known = before.get(parent)
        if known is None:
            raise BadArgumentsError(
                f"{name} depends on {parent!r}, which must have been added before it, but the space has "
                f"{list(before)}.{closest(parent, list(before))}"
            )
        if known.count is None:
            raise BadArgumentsError(
                f"{name} can only depend on a parameter with countable values, but {parent} is a DOUBLE without steps."
            )
        for value in values:
            known.checked(parent, value)
