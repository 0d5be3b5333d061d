"""One hyperparameter: a draw from it, its grid, and its place on the unit scale. It knows no other one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, as_written, json_key, to_plain
from maggy.searchspace.parameter_rules import (
    CATEGORICAL,
    CONSTANT,
    DISCRETE,
    DOUBLE,
    INTEGER,
    TYPES,
    parse,
)

__all__ = ["CATEGORICAL", "CONSTANT", "DISCRETE", "DOUBLE", "INTEGER", "TYPES", "Parameter"]

LISTED = (DISCRETE, CATEGORICAL, CONSTANT)


@dataclass(frozen=True)
class Parameter:
    """A checked hyperparameter.

    Args:
        type: One of ``TYPES``.
        values: The lower and the upper bound (DOUBLE, INTEGER; both inclusive), else the values to choose from.
        log: Whether draws and the unit scale are even in the logarithm (DOUBLE and INTEGER only).
        step: The distance between neighbouring values, counted from the lower bound (DOUBLE and INTEGER only).
        when: The values that other parameters must have for this one to exist, by name.
        written: The listed values as the user wrote them, with tuples and arrays; empty if they are ``values``.
    """

    type: str
    values: list[Any]
    log: bool = False
    step: int | float | None = None
    when: dict[str, list[Any]] = field(default_factory=dict)
    written: list[Any] = field(default_factory=list, compare=False)

    @classmethod
    def parse(cls, name: str, value: Any) -> Parameter:
        """The parameter that a user wrote as ``(type, list)``, ``(type, list, "log")`` or ``(type, list, options)``.

        Raises:
            BadArgumentsError: It breaks a rule; the message says which.
            SearchspaceBoundsError: Its bounds are not a lower and a larger upper bound.
        """
        return cls(**parse(name, value))

    @property
    def spec(self) -> tuple[Any, ...]:
        """What ``parse`` reads, as JSON has it: tuples are lists."""
        return self._spec(to_plain(self.values))

    @property
    def spec_as_written(self) -> tuple[Any, ...]:
        """What ``parse`` reads, with the values as the user wrote them."""
        return self._spec(as_written(self.written or self.values))

    def _spec(self, values: list[Any]) -> tuple[Any, ...]:
        options: dict[str, Any] = {}
        if self.step is not None:
            options["step"] = self.step
        if self.when:
            options["when"] = to_plain(self.when)
        if self.log and options:
            options = {"log": True, **options}
        if options:
            return (self.type, values, options)
        return (self.type, values, "log") if self.log else (self.type, values)

    @property
    def count(self) -> int | None:
        """How many values there are; None for a DOUBLE without a step."""
        if self.type in LISTED:
            return len(self.values)
        low, high = self.values
        if self.type == INTEGER:
            return int((high - low) // (self.step or 1)) + 1
        return (
            None
            if self.step is None
            else int((_decimal(high) - _decimal(low)) // _decimal(self.step)) + 1
        )

    @property
    def distinct(self) -> list[Any]:
        """The listed values without those that were listed before; ``1``, ``1.0`` and ``True`` are three values."""
        values: dict[str, Any] = {}
        for value in self.values:
            values.setdefault(json_key(value), to_plain(value))
        return list(values.values())

    @property
    def ends(self) -> tuple[Any, Any]:
        """The lowest and the highest value of a DOUBLE or INTEGER; with steps the last one may be below the bound."""
        low, high = self.values
        return (low, high) if self.step is None else (low, self.at((self.count or 1) - 1))

    def at(self, index: int) -> Any:
        """The value number ``index`` of the ``count`` values, from 0."""
        if self.type in LISTED:
            return to_plain(self.values[index])
        low, step = self.values[0], self.step or 1
        if self.type == INTEGER:
            return low + index * step
        # In decimals, so that the third step of 0.1 is 0.3 and not 0.30000000000000004.
        return float(_decimal(low) + index * _decimal(step))

    def index(self, name: str, value: Any) -> int:
        """The number of ``value`` among the ``count`` values; only for a parameter that has a count."""
        if self.type in LISTED:
            return self._index(name, value)
        low, step = self.values[0], self.step or 1
        number = self._number(name, value)
        if self.type == INTEGER:
            return int((int(number) - low) // step)
        return round((_decimal(number) - _decimal(low)) / _decimal(step))

    def grid(self, points: int) -> list[Any]:
        """At most so many values, spread evenly over the scale, both ends included; all if there are no more."""
        count = self.count
        if count is not None and (self.type in LISTED or count <= points):
            return [self.at(index) for index in range(count)]
        if points == 1:
            return [self.decode("", 0.5)]
        values = [self.decode("", place / (points - 1)) for place in range(points)]
        return list(dict.fromkeys(values))

    def draw(self, rng: Random) -> Any:
        """A value, evenly distributed (in the logarithm for a log scale)."""
        if self.type in LISTED:
            return to_plain(rng.choice(self.values))
        low, high = self.values
        if self.step is not None:
            return self.at(rng.randrange(self.count or 1))
        if self.type == INTEGER and not self.log:
            return rng.randint(low, high)
        if self.type == INTEGER:
            # Half a unit beyond both ends, so that the outer integers get their full share after rounding.
            return _clip(round(_between(rng.random(), low - 0.5, high + 0.5, log=True)), low, high)
        return float(_clip(_between(rng.random(), low, high, self.log), low, high))

    def encode(self, name: str, value: Any, unit: bool = False) -> float:
        """The place of ``value``: 0 to 1 between the bounds, or its index among the listed values.

        With ``unit`` the index is divided by the largest one, so that it lies between 0 and 1 too.
        """
        if self.type in LISTED:
            return self._index(name, value) / (self._largest_index if unit else 1)
        number = self._number(name, value)
        low, high = self.values
        if self.step is not None:
            return self.index(name, value) / ((self.count or 2) - 1)
        if self.log:
            return _fraction(math.log(number), math.log(low), math.log(high))
        if self.type == INTEGER:
            return float((int(number) - low) / (high - low))  # a division of integers of any size
        return _fraction(number, low, high)

    def decode(self, name: str, place: Any, unit: bool = False) -> Any:
        """The value at ``place``, the inverse of ``encode``; what lies outside the scale counts as its end."""
        number = as_number(place)
        if number is None or math.isnan(number):
            raise BadArgumentsError(
                f"The place of {name} on its scale must be a number, but got {place!r:.80}."
            )
        if self.type in LISTED:
            index = number * (self._largest_index if unit else 1)
            return to_plain(self.values[round(_clip(index, 0, len(self.values) - 1))])
        share = _clip(number, 0.0, 1.0)
        low, high = self.values
        if self.step is not None:
            return self.at(round(Fraction(share) * ((self.count or 1) - 1)))
        if self.type == INTEGER:
            exact = (
                _between(share, low, high, log=True)
                if self.log
                else low + Fraction(share) * (high - low)
            )
            return _clip(round(exact), low, high)
        return float(_clip(_between(share, low, high, self.log), low, high))

    def checked(self, name: str, value: Any) -> Any:
        """``value`` as a plain value of this parameter's type.

        Raises:
            BadArgumentsError: It is outside the parameter's region.
        """
        if self.type in LISTED:
            return to_plain(self.values[self._index(name, value)])
        number = self._number(name, value)
        if self.step is not None:
            return self.at(self.index(name, number))
        return int(number) if self.type == INTEGER else float(number)

    @property
    def _largest_index(self) -> int:
        return max(1, len(self.values) - 1)

    def _number(self, name: str, value: Any) -> int | float:
        number = as_number(value)
        low, high = self.values
        kind = "an integer" if self.type == INTEGER else "a number"
        if (
            number is None
            or not low <= number <= high
            or (self.type == INTEGER and number != int(number))
        ):
            raise BadArgumentsError(
                f"{name} must be {kind} from {low} to {high}, but got {value!r:.80}."
            )
        if self.step is not None and not self._is_on_a_step(number):
            raise BadArgumentsError(
                f"{name} must be {kind} from {low} to {high} in steps of {self.step}, but got {value!r:.80}."
            )
        return number

    def _is_on_a_step(self, number: int | float) -> bool:
        low, step = self.values[0], self.step or 1
        if self.type == INTEGER:
            return bool((int(number) - low) % step == 0)
        steps = (_decimal(number) - _decimal(low)) / _decimal(step)
        return abs(steps - round(steps)) <= Decimal("1e-6")

    def _index(self, name: str, value: Any) -> int:
        try:
            plain = to_plain(value)
        except TypeError:
            plain = value
        same = [index for index, known in enumerate(self.values) if known == plain]
        # 1, 1.0 and True are equal in Python: the one of the same type is meant.
        exact = [index for index in same if type(self.values[index]) is type(plain)]
        if not same:
            raise BadArgumentsError(
                f"{name} must be one of {self.written or self.values!r:.200}, but got {value!r:.80}."
            )
        return (exact or same)[0]


def _decimal(number: int | float) -> Decimal:
    return Decimal(str(number))


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
