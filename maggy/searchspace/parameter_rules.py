"""Parse a hyperparameter as a user writes it, or refuse it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, TypedDict

from maggy.common.exceptions import BadArgumentsError, SearchspaceBoundsError
from maggy.common.json_values import as_number, as_written, closest, is_plain, json_key, to_plain
from maggy.common.sendable import check_sendable, is_sendable_integer
from maggy.common.types import Json, ParameterValue
from maggy.searchspace.parameter_types import (
    CATEGORICAL,
    CONSTANT,
    DISCRETE,
    DOUBLE,
    INTEGER,
    TYPES,
)
from maggy.searchspace.spelling import spelling

__all__ = [
    "CATEGORICAL",
    "CONSTANT",
    "DISCRETE",
    "DOUBLE",
    "INTEGER",
    "TYPES",
    "Options",
    "ParameterParts",
    "SpaceEntry",
    "Spec",
    "WrittenSpec",
    "parse",
]


class Options(TypedDict, total=False):
    """The options of a hyperparameter, as the third element of its specification."""

    log: bool
    step: int | float
    when: Mapping[str, ParameterValue]


Spec: TypeAlias = (
    tuple[str, list[ParameterValue]] | tuple[str, list[ParameterValue], "str | Options"]
)
"""A hyperparameter as the search space returns it: type, bounds or values, ``"log"`` or options."""

WrittenSpec: TypeAlias = (
    tuple[str, Iterable[ParameterValue]]
    | tuple[str, Iterable[ParameterValue], "str | Options"]
    | list[ParameterValue]
)
"""A hyperparameter as a user may write it. A list comes from JSON."""


class _RequiredEntry(TypedDict):
    name: str
    type: str
    values: list[ParameterValue]


class SpaceEntry(_RequiredEntry, total=False):
    """One hyperparameter, as iteration over a search space yields it."""

    scale: str
    step: int | float
    when: dict[str, list[ParameterValue]]


# Beyond 2**53 steps, floats cannot tell two neighbouring values apart.
_MAX_STEPS = 2**53


class ParameterParts(TypedDict):
    """The checked parts of a :class:`~maggy.searchspace.parameter.Parameter`."""

    type: str
    values: list[ParameterValue]
    log: bool
    step: int | float | None
    when: dict[str, list[ParameterValue]]
    originals: list[ParameterValue]


@dataclass(frozen=True)
class _UncheckedOptions:
    log: bool = False
    step: int | float | None = None
    when: Mapping[str, ParameterValue] = field(default_factory=dict)


_OPTION_NAMES = ("log", "step", "when")


def parse(name: str, spec: WrittenSpec) -> ParameterParts:
    """Return the checked parts of a hyperparameter.

    Args:
        name: The name of the hyperparameter, for the error texts.
        spec: ``(type, list)``, ``(type, list, "log")`` or ``(type, list, options)``.

    Raises:
        BadArgumentsError: If the specification breaks a rule. The message says which.
        SearchspaceBoundsError: If the bounds are not a lower and a larger upper bound.
    """
    kind, region, options = _split(name, spec)
    when = _parse_conditions(name, options.when)
    if not region:
        raise BadArgumentsError(
            f"Hyperparameter feasible region list cannot be empty: {name}. Give bounds or values."
        )
    if kind in (DOUBLE, INTEGER):
        bounds = _check_bounds(name, kind, region, options.log)
        step = _check_step(name, kind, bounds, options)
        return ParameterParts(
            type=kind, values=bounds, log=options.log, step=step, when=when, originals=[]
        )
    _refuse_options_of_numbers(name, kind, options)
    if kind == CONSTANT and len(region) != 1:
        raise BadArgumentsError(
            f"A CONSTANT hyperparameter has one value: {name}, but got {region!r:.80}. "
            "Use CATEGORICAL to list values."
        )
    values = _check_values(name, region)
    originals = as_written(region)
    _refuse_lookalikes(name, values, originals)
    return ParameterParts(
        type=kind,
        values=values,
        log=False,
        step=None,
        when=when,
        # Most choices equal their plain values, so only the others are kept twice.
        originals=[] if is_plain(originals) else originals,
    )


def _split(name: str, spec: WrittenSpec) -> tuple[str, list[ParameterValue], _UncheckedOptions]:
    rule = f"Hyperparameter tuple has to be of length two and format (type, list): {name}"
    if not isinstance(spec, (tuple, list)) or len(spec) not in (2, 3):
        raise BadArgumentsError(f"{rule}, but got {spec!r:.80}. {spelling(name, spec, parse)}")
    kind, region = spec[0], spec[1]
    if not isinstance(kind, str) or kind.upper() not in TYPES:
        remedy = spelling(name, spec, parse)
        hint = closest(kind, list(TYPES)) if isinstance(kind, str) else ""
        # Of a value that is no type, some type may be close by chance.
        hint = (
            hint
            if any(f"'{candidate}'" in hint and candidate in remedy for candidate in TYPES)
            else ""
        )
        raise BadArgumentsError(
            "Hyperparameter type is not of type DOUBLE, INTEGER, DISCRETE or CATEGORICAL: "
            f"{name}, whose type is {kind!r:.80} (CONSTANT is a type, too).{hint} {remedy}"
        )
    options = _parse_options(name, rule, spec, spec[2]) if len(spec) == 3 else _UncheckedOptions()
    # A set has no fixed order, so a resumed experiment could not repeat what it drew.
    if isinstance(region, (str, bytes, dict, set, frozenset)) or not isinstance(region, Iterable):
        raise BadArgumentsError(
            f"{rule}. The second element must be a list, but got {region!r:.80}. "
            f"{spelling(name, spec, parse)}"
        )
    # str(), because numpy has strings of its own, which are no plain text.
    return str(kind.upper()), list(region), options


def _parse_options(
    name: str, rule: str, spec: WrittenSpec, third: str | Mapping[str, ParameterValue]
) -> _UncheckedOptions:
    if isinstance(third, str) and third.lower() == "log":
        return _UncheckedOptions(log=True)
    if not isinstance(third, Mapping):
        raise BadArgumentsError(
            f"{rule}. The third element must be 'log' or a dict, but got {third!r:.80}. "
            f"{spelling(name, spec, parse)}"
        )
    for option in third:
        if option not in _OPTION_NAMES:
            hint = closest(option, list(_OPTION_NAMES)) if isinstance(option, str) else ""
            raise BadArgumentsError(
                f"{rule}. Its options are {', '.join(_OPTION_NAMES)}, but got {option!r:.80}.{hint}"
            )
    if not isinstance(third.get("log", False), bool):
        raise BadArgumentsError(
            f"{rule}. The option log must be True or False, but got {third['log']!r:.80}."
        )
    return _UncheckedOptions(**third)


def _parse_conditions(
    name: str, when: Mapping[str, ParameterValue]
) -> dict[str, list[ParameterValue]]:
    """Return the values that other parameters must have, by name. A single value becomes a list."""
    rule = f"The option when of {name} must be a dict of other parameters' names and values"
    if not isinstance(when, Mapping) or not all(isinstance(parent, str) for parent in when):
        raise BadArgumentsError(
            f"{rule}, but got {when!r:.80}. Write for example {{'when': {{'optimizer': 'sgd'}}}}."
        )
    conditions = {}
    for parent, choices in when.items():
        values = list(choices) if isinstance(choices, (list, tuple)) else [choices]
        if not values:
            raise BadArgumentsError(f"{rule}, but {parent} has no value. List at least one.")
        conditions[parent] = _check_values(name, values)
    return conditions


def _refuse_lookalikes(name: str, values: list[ParameterValue], originals: ParameterValue) -> None:
    """Refuse choices that differ in Python and are equal as JSON, such as a tuple and a list.

    Trials are told apart by the JSON of their parameters, so one of the two would never run.
    """
    first_choices: dict[str, ParameterValue] = {}
    for value, original in zip(values, originals, strict=True):
        first = first_choices.setdefault(json_key(value), original)
        # As JSON they are equal, so only tuples, lists and arrays can differ.
        if _container_types(first) != _container_types(original):
            raise BadArgumentsError(
                f"The values of {name} must differ as JSON, but got {first!r:.80} and "
                f"{original!r:.80}, which are equal there. List one of them."
            )


def _container_types(value: ParameterValue) -> object:
    """Return the types of all containers in a value, nested as they are."""
    if isinstance(value, Mapping):
        return {key: _container_types(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [_container_types(item) for item in value]
    is_scalar = value is None or isinstance(value, (bool, int, float, str))
    return None if is_scalar else type(value)


def _check_values(name: str, values: list[ParameterValue]) -> list[ParameterValue]:
    try:
        plain: list[Json] = [to_plain(value, finite=True) for value in values]
    except (TypeError, ValueError) as error:
        raise BadArgumentsError(
            f"The values of {name} must be finite numbers, strings, booleans, None, or lists and "
            f"dicts of these. {error} List names instead, and look the objects up in the training "
            "function."
        ) from None
    try:
        check_sendable(plain)
    except ValueError as error:
        raise BadArgumentsError(
            f"The values of {name} must be values that can be sent to a worker. {error}"
        ) from None
    return plain


def _check_bounds(
    name: str, kind: str, region: list[ParameterValue], log: bool
) -> list[int | float]:
    if len(region) != 2:
        raise SearchspaceBoundsError(
            "For DOUBLE or INTEGER type parameters, list can only contain upper and lower bounds: "
            f"{name}, but got {region!r:.80}. Use DISCRETE to list values."
        )
    low, high = as_number(region[0]), as_number(region[1])
    numbers = "integer" if kind == INTEGER else "integer or float"
    rule = f"Hyperparameter boundaries for type {kind} need to be {numbers}: {name}"
    if (
        low is None
        or high is None
        or (kind == INTEGER and not (isinstance(low, int) and isinstance(high, int)))
    ):
        raise BadArgumentsError(f"{rule}, but got {region!r:.80}.")
    if kind == INTEGER and not (is_sendable_integer(low) and is_sendable_integer(high)):
        raise BadArgumentsError(
            f"{rule}, from -2**63 to 2**64 - 1 so that a value can be sent to a worker, "
            f"but got {region!r:.80}. Use DOUBLE, or search for its exponent."
        )
    if (kind == DOUBLE or log) and not (_is_finite(low) and _is_finite(high)):
        raise BadArgumentsError(f"{rule}, and finite, but got {region!r:.80}.")
    _check_order(name, low, high, log)
    return [low, high]


def _check_order(name: str, low: int | float, high: int | float, log: bool) -> None:
    if not low < high:
        raise SearchspaceBoundsError(
            f"Lower bound {low} must be less than upper bound {high}: {name}."
        )
    if log and low <= 0:
        raise SearchspaceBoundsError(
            f"The lower bound of a log scale must be above 0: {name}, but got {low}. "
            "Raise it, or remove 'log'."
        )


def _check_step(
    name: str, kind: str, bounds: list[int | float], options: _UncheckedOptions
) -> int | float | None:
    if options.step is None:
        return None
    step = as_number(options.step)
    low, high = bounds
    numbers = "an integer" if kind == INTEGER else "a number"
    if (
        step is None
        or not _is_finite(step)
        or step <= 0
        or (kind == INTEGER and not isinstance(step, int))
    ):
        raise BadArgumentsError(
            f"The step of {name} must be {numbers} above 0, but got {options.step!r:.80}."
        )
    if options.log:
        raise BadArgumentsError(
            f"A log scale has no steps: {name}. Remove one of the options log and step."
        )
    # Each bound is divided first, because the difference of two floats may be infinite.
    if kind == DOUBLE and (high / step) - (low / step) > _MAX_STEPS:
        raise BadArgumentsError(
            f"The step of {name} is too small to tell its values apart: {step}. Leave it out."
        )
    # Decimals, so that 0.3 - 0.2 is not smaller than a step of 0.1.
    width = high - low if kind == INTEGER else Decimal(str(high)) - Decimal(str(low))
    if (step if kind == INTEGER else Decimal(str(step))) > width:
        raise BadArgumentsError(
            f"The step of {name} must not be larger than the distance of its bounds, {low} and "
            f"{high}, but got {step}. Lower it, or make the parameter a CONSTANT."
        )
    return step


def _refuse_options_of_numbers(name: str, kind: str, options: _UncheckedOptions) -> None:
    if options.log or options.step is not None:
        option = "a log scale" if options.log else "a step"
        raise BadArgumentsError(
            f"Only DOUBLE and INTEGER hyperparameters can have {option}, but {name} is {kind}. "
            "Remove it."
        )


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer too large for a float
        return False
