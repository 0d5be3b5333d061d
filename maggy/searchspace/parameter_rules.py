"""How a hyperparameter may be written, and what is refused. What is done with it is told elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from maggy.common.exceptions import BadArgumentsError, SearchspaceBoundsError
from maggy.common.json_values import as_number, as_written, closest, is_plain, to_plain
from maggy.common.sendable import check_sendable, is_sendable_integer

__all__ = ["CATEGORICAL", "CONSTANT", "DISCRETE", "DOUBLE", "INTEGER", "TYPES", "parse"]

DOUBLE = "DOUBLE"
INTEGER = "INTEGER"
DISCRETE = "DISCRETE"
CATEGORICAL = "CATEGORICAL"
CONSTANT = "CONSTANT"
TYPES = (DOUBLE, INTEGER, DISCRETE, CATEGORICAL, CONSTANT)

_OPTIONS = ("log", "step", "when")
_MOST_STEPS = 2**53


def parse(name: str, value: Any) -> dict[str, Any]:
    """The checked parts of a parameter that a user wrote: ``type, values, log, step, when, written``.

    Raises:
        BadArgumentsError: It breaks a rule; the message says which.
        SearchspaceBoundsError: Its bounds are not a lower and a larger upper bound.
    """
    kind, region, options = _split(name, value)
    log, step = options.get("log", False), options.get("step")
    when = _conditions(name, options.get("when", {}))
    if not region:
        raise BadArgumentsError(
            f"Hyperparameter feasible region list cannot be empty: {name}. Give bounds or values."
        )
    if kind in (DOUBLE, INTEGER):
        values = _check_bounds(name, kind, region, log)
        return {
            "type": kind,
            "values": values,
            "log": log,
            "step": _check_step(name, kind, values, step, log),
            "when": when,
        }
    for option, given in (("a log scale", log), ("a step", step is not None)):
        if given:
            raise BadArgumentsError(
                f"Only DOUBLE and INTEGER hyperparameters can have {option}, but {name} is {kind}. Remove it."
            )
    if kind == CONSTANT and len(region) != 1:
        raise BadArgumentsError(
            f"A CONSTANT hyperparameter has one value: {name}, but got {region!r:.80}. Use CATEGORICAL to list values."
        )
    values = _plain_values(name, region)
    written = as_written(region)
    return {
        "type": kind,
        "values": values,
        "when": when,
        "written": [] if is_plain(written) else written,
    }


def _split(name: str, value: Any) -> tuple[str, list[Any], dict[str, Any]]:
    rule = f"Hyperparameter tuple has to be of length two and format (type, list): {name}"
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise BadArgumentsError(
            f"{rule}, but got {value!r:.80}. Write for example ('DOUBLE', [0.0, 1.0])."
        )
    kind, region = value[0], value[1]
    options = _options(rule, value[2]) if len(value) == 3 else {}
    if not isinstance(kind, str) or kind.upper() not in TYPES:
        hint = closest(kind, list(TYPES)) if isinstance(kind, str) else ""
        raise BadArgumentsError(
            "Hyperparameter type is not of type DOUBLE, INTEGER, DISCRETE or CATEGORICAL: "
            f"{name}, whose type is {kind!r:.80}.{hint} (CONSTANT is one too.)"
        )
    # A set has no order of its own, and what cannot be repeated exactly cannot be resumed.
    if isinstance(region, (str, bytes, dict, set, frozenset)) or not isinstance(region, Iterable):
        raise BadArgumentsError(
            f"{rule}. The second element must be a list, but got {region!r:.80}."
        )
    return str(kind.upper()), list(region), options


def _options(rule: str, third: Any) -> dict[str, Any]:
    if isinstance(third, str) and third.lower() == "log":
        return {"log": True}
    if not isinstance(third, Mapping):
        raise BadArgumentsError(
            f"{rule}. A third element can only be 'log' or a dict, but got {third!r:.80}."
        )
    for option in third:
        if option not in _OPTIONS:
            hint = closest(option, list(_OPTIONS)) if isinstance(option, str) else ""
            raise BadArgumentsError(
                f"{rule}. Its options are {', '.join(_OPTIONS)}, but got {option!r:.80}.{hint}"
            )
    if not isinstance(third.get("log", False), bool):
        raise BadArgumentsError(
            f"{rule}. The option log must be True or False, but got {third['log']!r:.80}."
        )
    return dict(third)


def _conditions(name: str, when: Any) -> dict[str, list[Any]]:
    """``{name of a parameter: values}``, of what a user wrote with a single value or a list of them."""
    rule = f"The option when of {name} must be a dict of other parameters' names and values"
    if not isinstance(when, Mapping) or not all(isinstance(parent, str) for parent in when):
        raise BadArgumentsError(
            f"{rule}, but got {when!r:.80}. Write for example {{'when': {{'optimizer': 'sgd'}}}}."
        )
    conditions = {}
    for parent, values in when.items():
        listed = list(values) if isinstance(values, (list, tuple)) else [values]
        if not listed:
            raise BadArgumentsError(f"{rule}, but {parent} has no value. List at least one.")
        conditions[parent] = _plain_values(name, listed)
    return conditions


def _plain_values(name: str, region: list[Any]) -> list[Any]:
    try:
        values = [to_plain(value, finite=True) for value in region]
    except (TypeError, ValueError) as error:
        raise BadArgumentsError(
            f"The values of {name} must be finite numbers, strings, booleans, None, or lists and dicts of these. "
            f"{error} List names instead, and look the objects up in the training function."
        ) from None
    try:
        check_sendable(values)
    except ValueError as error:
        raise BadArgumentsError(f"The values of {name} cannot be tried. {error}") from None
    return values


def _check_bounds(name: str, kind: str, region: list[Any], log: bool) -> list[Any]:
    if len(region) != 2:
        raise SearchspaceBoundsError(
            "For DOUBLE or INTEGER type parameters, list can only contain upper and lower bounds: "
            f"{name}, but got {region!r:.80}. Use DISCRETE to list values."
        )
    bounds = [as_number(bound) for bound in region]
    wanted = "integer" if kind == INTEGER else "integer or float"
    rule = f"Hyperparameter boundaries for type {kind} need to be {wanted}: {name}"
    low, high = bounds
    if (
        low is None
        or high is None
        or (kind == INTEGER and not (isinstance(low, int) and isinstance(high, int)))
    ):
        raise BadArgumentsError(f"{rule}, but got {region!r:.80}.")
    if kind == INTEGER and not (is_sendable_integer(low) and is_sendable_integer(high)):
        raise BadArgumentsError(
            f"{rule}, from -2**63 to 2**64 - 1 so that a value can be sent to a worker, but got {region!r:.80}. "
            "Use DOUBLE, or search for its exponent."
        )
    if (kind == DOUBLE or log) and not (_is_finite(low) and _is_finite(high)):
        raise BadArgumentsError(f"{rule}, and finite, but got {region!r:.80}.")
    if not low < high:
        raise SearchspaceBoundsError(
            f"Lower bound {low} must be less than upper bound {high}: {name}."
        )
    if log and low <= 0:
        raise SearchspaceBoundsError(
            f"The lower bound of a log scale must be above 0: {name}, but got {low}. Raise it, or remove 'log'."
        )
    return [low, high]


def _check_step(
    name: str, kind: str, bounds: list[Any], step: Any, log: bool
) -> int | float | None:
    if step is None:
        return None
    number = as_number(step)
    low, high = bounds
    kinds = "an integer" if kind == INTEGER else "a number"
    if (
        number is None
        or not _is_finite(number)
        or number <= 0
        or (kind == INTEGER and not isinstance(number, int))
    ):
        raise BadArgumentsError(
            f"The step of {name} must be {kinds} above 0, but got {step!r:.80}."
        )
    if log:
        raise BadArgumentsError(
            f"A log scale has no steps: {name}. Remove one of the options log and step."
        )
    if kind == DOUBLE and (high / number) - (low / number) > _MOST_STEPS:
        raise BadArgumentsError(
            f"The step of {name} is too small to tell its values apart: {number}. Leave it out."
        )
    width = high - low if kind == INTEGER else Decimal(str(high)) - Decimal(str(low))
    if (number if kind == INTEGER else Decimal(str(number))) > width:
        raise BadArgumentsError(
            f"The step of {name} must not be larger than the distance of its bounds, {low} and {high}, "
            f"but got {number}. Lower it, or make the parameter a CONSTANT."
        )
    return number


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer too large for a float
        return False
