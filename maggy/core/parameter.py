"""One hyperparameter: its rules, a draw from it, and its place on the unit scale. It knows no other one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

from maggy.core.exceptions import BadArgumentsError, SearchspaceBoundsError
from maggy.core.plain import as_number, closest, to_plain

__all__ = ["CATEGORICAL", "DISCRETE", "DOUBLE", "INTEGER", "TYPES", "Parameter"]

DOUBLE = "DOUBLE"
INTEGER = "INTEGER"
DISCRETE = "DISCRETE"
CATEGORICAL = "CATEGORICAL"
TYPES = (DOUBLE, INTEGER, DISCRETE, CATEGORICAL)


@dataclass(frozen=True)
class Parameter:
    """A checked hyperparameter.

    Args:
        type: One of ``TYPES``.
        values: The lower and the upper bound (DOUBLE, INTEGER; both inclusive), else the values to choose from.
        log: Whether draws and the unit scale are even in the logarithm (DOUBLE and INTEGER only).
    """

    type: str
    values: list[Any]
    log: bool = False

    @classmethod
    def parse(cls, name: str, value: Any) -> Parameter:
        """The parameter that a user wrote as ``(type, list)`` or ``(type, list, "log")``.

        Raises:
            BadArgumentsError: It breaks a rule; the message says which.
            SearchspaceBoundsError: Its bounds are not a lower and a larger upper bound.
        """
        kind, region, log = _split(name, value)
        if not region:
            raise BadArgumentsError(
                f"Hyperparameter feasible region list cannot be empty: {name}. Give bounds or values."
            )
        if kind in (DISCRETE, CATEGORICAL):
            if log:
                raise BadArgumentsError(
                    f"Only DOUBLE and INTEGER hyperparameters can have a log scale, but {name} is {kind}. Remove 'log'."
                )
            return cls(kind, _plain_values(name, region))
        return cls(kind, _check_bounds(name, kind, region, log), log)

    @property
    def spec(self) -> tuple[str, list[Any]] | tuple[str, list[Any], str]:
        """What ``parse`` reads."""
        values = to_plain(self.values)
        return (self.type, values, "log") if self.log else (self.type, values)

    def draw(self, rng: Random) -> Any:
        """A value, evenly distributed (in the logarithm for a log scale)."""
        if self.type in (DISCRETE, CATEGORICAL):
            return to_plain(rng.choice(self.values))
        low, high = self.values
        if self.type == INTEGER and not self.log:
            return rng.randint(low, high)
        if self.type == INTEGER:
            # Half a unit beyond both ends, so that the outer integers get their full share after rounding.
            return _clip(round(_between(rng.random(), low - 0.5, high + 0.5, log=True)), low, high)
        return float(_clip(_between(rng.random(), low, high, self.log), low, high))

    def encode(self, name: str, value: Any) -> float:
        """The place of ``value``: 0 to 1 between the bounds, or its index among the listed values."""
        if self.type in (DISCRETE, CATEGORICAL):
            return float(self._index(name, value))
        number = as_number(value)
        low, high = self.values
        if number is None or not low <= number <= high or (self.type == INTEGER and number != int(number)):
            raise BadArgumentsError(
                f"{name} must be {'an integer' if self.type == INTEGER else 'a number'} from {low} to {high}, "
                f"but got {value!r:.80}."
            )
        if self.log:
            return _fraction(math.log(number), math.log(low), math.log(high))
        if self.type == INTEGER:
            return float((int(number) - low) / (high - low))  # a division of integers of any size
        return _fraction(number, low, high)

    def decode(self, name: str, place: Any) -> Any:
        """The value at ``place``, the inverse of ``encode``; what lies outside the scale counts as its end."""
        number = as_number(place)
        if number is None or math.isnan(number):
            raise BadArgumentsError(f"The place of {name} on its scale must be a number, but got {place!r:.80}.")
        if self.type in (DISCRETE, CATEGORICAL):
            return to_plain(self.values[round(_clip(number, 0, len(self.values) - 1))])
        share = _clip(number, 0.0, 1.0)
        low, high = self.values
        if self.type == INTEGER:
            exact = _between(share, low, high, log=True) if self.log else low + Fraction(share) * (high - low)
            return _clip(round(exact), low, high)
        return float(_clip(_between(share, low, high, self.log), low, high))

    def _index(self, name: str, value: Any) -> int:
        try:
            plain = to_plain(value)
        except TypeError:
            plain = value
        same = [index for index, known in enumerate(self.values) if known == plain]
        # 1, 1.0 and True are equal in Python: the one of the same type is meant.
        exact = [index for index in same if type(self.values[index]) is type(plain)]
        if not same:
            raise BadArgumentsError(f"{name} must be one of {self.values!r:.200}, but got {value!r:.80}.")
        return (exact or same)[0]


def _split(name: str, value: Any) -> tuple[str, list[Any], bool]:
    rule = f"Hyperparameter tuple has to be of length two and format (type, list): {name}"
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise BadArgumentsError(f"{rule}, but got {value!r:.80}. Write for example ('DOUBLE', [0.0, 1.0]).")
    kind, region = value[0], value[1]
    log = len(value) == 3
    if log and not (isinstance(value[2], str) and value[2].lower() == "log"):
        raise BadArgumentsError(f"{rule}. A third element can only be 'log', but got {value[2]!r:.80}.")
    if not isinstance(kind, str) or kind.upper() not in TYPES:
        hint = closest(kind, list(TYPES)) if isinstance(kind, str) else ""
        raise BadArgumentsError(
            "Hyperparameter type is not of type DOUBLE, INTEGER, DISCRETE or CATEGORICAL: "
            f"{name}, whose type is {kind!r:.80}.{hint}"
        )
    # A set has no order of its own, and what cannot be repeated exactly cannot be resumed.
    if isinstance(region, (str, bytes, dict, set, frozenset)) or not isinstance(region, Iterable):
        raise BadArgumentsError(f"{rule}. The second element must be a list, but got {region!r:.80}.")
    return str(kind.upper()), list(region), log


def _plain_values(name: str, region: list[Any]) -> list[Any]:
    try:
        return [to_plain(value, finite=True) for value in region]
    except (TypeError, ValueError) as error:
        raise BadArgumentsError(
            f"The values of {name} must be finite numbers, strings, booleans, None, or lists and dicts of these. "
            f"{error} List names instead, and look the objects up in the training function."
        ) from None


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
    if low is None or high is None or (kind == INTEGER and not (isinstance(low, int) and isinstance(high, int))):
        raise BadArgumentsError(f"{rule}, but got {region!r:.80}.")
    if (kind == DOUBLE or log) and not (_is_finite(low) and _is_finite(high)):
        raise BadArgumentsError(f"{rule}, and finite, but got {region!r:.80}.")
    if not low < high:
        raise SearchspaceBoundsError(f"Lower bound {low} must be less than upper bound {high}: {name}.")
    if log and low <= 0:
        raise SearchspaceBoundsError(
            f"The lower bound of a log scale must be above 0: {name}, but got {low}. Raise it, or remove 'log'."
        )
    return [low, high]


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer too large for a float
        return False


def _fraction(value: float, low: float, high: float) -> float:
    span = high - low
    if span == 0:  # logarithms of neighbours
        return 0.0
    if math.isinf(span):
        return (value / 2 - low / 2) / (high / 2 - low / 2)
    return (value - low) / span


def _between(share: float, low: float, high: float, log: bool = False) -> float:
    # A weighted sum, since high - low may be too large for a float.
    if log:
        exponent = math.log(low) * (1.0 - share) + math.log(high) * share
        return math.exp(min(exponent, math.log(high)))
    return low * (1.0 - share) + high * share


def _clip(value: Any, low: Any, high: Any) -> Any:
    return min(max(value, low), high)
