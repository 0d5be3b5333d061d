"""Hold one hyperparameter: its values, draws, grid and unit scale. It knows no other one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from random import Random

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, as_written, json_key, to_plain
from maggy.common.types import ParameterValue
from maggy.searchspace.parameter_rules import (
    CATEGORICAL,
    CONSTANT,
    DISCRETE,
    DOUBLE,
    INTEGER,
    TYPES,
    Options,
    SpaceEntry,
    Spec,
    WrittenSpec,
    parse,
)
from maggy.searchspace.scale import clip, decimal, fraction, interpolate

__all__ = [
    "CATEGORICAL",
    "CONSTANT",
    "DISCRETE",
    "DOUBLE",
    "INTEGER",
    "LISTED",
    "TYPES",
    "Parameter",
    "parse_parameters",
]

LISTED = (DISCRETE, CATEGORICAL, CONSTANT)
"""The types whose values are listed one by one."""


@dataclass(frozen=True)
class Parameter:
    """A checked hyperparameter.

    Args:
        name: Its name in the search space.
        type: One of ``TYPES``.
        values: The lower and the upper bound, both inclusive (DOUBLE, INTEGER), else the choices.
        log: Whether draws and the unit scale are even in the logarithm (DOUBLE and INTEGER only).
        step: The distance between neighbouring values, counted from the lower bound (DOUBLE and
            INTEGER only).
        when: The values that other parameters must have for this one to exist, by name.
        originals: The listed values as the user wrote them, with tuples and arrays. It is empty if
            they equal ``values``.
    """

    name: str
    type: str
    values: list[ParameterValue]
    log: bool = False
    step: int | float | None = None
    when: dict[str, list[ParameterValue]] = field(default_factory=dict)
    originals: list[ParameterValue] = field(default_factory=list, compare=False)

    @classmethod
    def parse(cls, name: str, spec: WrittenSpec) -> Parameter:
        """Return the parameter that a user wrote.

        Args:
            name: Its name.
            spec: ``(type, list)``, ``(type, list, "log")`` or ``(type, list, options)``.

        Raises:
            BadArgumentsError: If the specification breaks a rule. The message says which.
            SearchspaceBoundsError: If the bounds are not a lower and a larger upper bound.
        """
        return cls(name, **parse(name, spec))

    @property
    def spec(self) -> Spec:
        """The specification that ``parse`` reads, with JSON values: tuples are lists."""
        return self._make_spec(to_plain(self.values))

    @property
    def spec_as_written(self) -> Spec:
        """The specification that ``parse`` reads, with the values as the user wrote them."""
        return self._make_spec(as_written(self.originals or self.values))

    def _make_spec(self, values: list[ParameterValue]) -> Spec:
        options: Options = {}
        if self.log and (self.step is not None or self.when):
            options["log"] = True
        if self.step is not None:
            options["step"] = self.step
        if self.when:
            options["when"] = to_plain(self.when)
        if options:
            return (self.type, values, options)
        return (self.type, values, "log") if self.log else (self.type, values)

    @property
    def entry(self) -> SpaceEntry:
        """The parameter as a dict of its name, type, values and the options that are set."""
        entry: SpaceEntry = {"name": self.name, "type": self.type, "values": to_plain(self.values)}
        if self.log:
            entry["scale"] = "log"
        if self.step is not None:
            entry["step"] = self.step
        if self.when:
            entry["when"] = {name: to_plain(values) for name, values in self.when.items()}
        return entry

    @property
    def count(self) -> int | None:
        """The number of values; None for a DOUBLE without a step."""
        if self.type in LISTED:
            return len(self.values)
        low, high = self.values
        if self.type == INTEGER:
            return int((high - low) // (self.step or 1)) + 1
        if self.step is None:
            return None
        # In decimals, because 1.0 // 0.1 is 9 with floats.
        return int((decimal(high) - decimal(low)) // decimal(self.step)) + 1

    @property
    def distinct(self) -> list[ParameterValue]:
        """The listed values without repeats; ``1``, ``1.0`` and ``True`` are three values."""
        # By their JSON, which tells 1 from True and also works for lists, which have no hash.
        values: dict[str, ParameterValue] = {}
        for value in self.values:
            values.setdefault(json_key(value), to_plain(value))
        return list(values.values())

    @property
    def ends(self) -> tuple[ParameterValue, ParameterValue]:
        """The lowest and the highest value of a DOUBLE or INTEGER.

        With a step the highest value may be below the upper bound.
        """
        low, high = self.values
        return (low, high) if self.step is None else (low, self.at((self.count or 1) - 1))

    def at(self, index: int) -> ParameterValue:
        """Return the value with this index among the ``count`` values, from 0."""
        if self.type in LISTED:
            return to_plain(self.values[index])
        low, step = self.values[0], self.step or 1
        if self.type == INTEGER:
            return low + index * step
        # In decimals, so that the third step of 0.1 is 0.3 and not 0.30000000000000004.
        return float(decimal(low) + index * decimal(step))

    def index(self, value: ParameterValue) -> int:
        """Return the index of a value among the ``count`` values; the inverse of ``at``.

        The parameter must have a count.

        Raises:
            BadArgumentsError: If the value is outside the parameter's region.
        """
        if self.type in LISTED:
            return self._find(value)
        low, step = self.values[0], self.step or 1
        number = self._check_number(value)
        if self.type == INTEGER:
            return int((int(number) - low) // step)
        return round((decimal(number) - decimal(low)) / decimal(step))

    def grid(self, points: int) -> list[ParameterValue]:
        """Return values that are spread evenly over the scale, both ends included.

        Args:
            points: The maximum number of values. All values are returned if there are no more, and
                listed values always.
        """
        count = self.count
        if count is not None and (self.type in LISTED or count <= points):
            return [self.at(index) for index in range(count)]
        if points == 1:
            return [self.decode(0.5)]
        # Two positions may round to one value, which is returned once.
        values = [self.decode(number / (points - 1)) for number in range(points)]
        return list(dict.fromkeys(values))

    def draw(self, rng: Random) -> ParameterValue:
        """Return a random value, evenly distributed (in the logarithm for a log scale)."""
        if self.type in LISTED:
            return to_plain(rng.choice(self.values))
        low, high = self.values
        if self.step is not None:
            return self.at(rng.randrange(self.count or 1))
        if self.type == INTEGER and not self.log:
            return rng.randint(low, high)
        if self.type == INTEGER:
            # Half a unit beyond both ends gives the outer integers their full share after rounding.
            number = interpolate(rng.random(), low - 0.5, high + 0.5, log=True)
            return clip(round(number), low, high)
        return float(clip(interpolate(rng.random(), low, high, self.log), low, high))

    def encode(self, value: ParameterValue, unit: bool = False) -> float:
        """Return the position of a value on the scale.

        Args:
            value: A value of this parameter.
            unit: Divide the index of a listed value by the largest index, so that it lies between
                0 and 1 too.

        Returns:
            The position between the bounds, 0 to 1, or the index among the listed values.

        Raises:
            BadArgumentsError: If the value is outside the parameter's region.
        """
        if self.type in LISTED:
            return self._find(value) / (self._largest_index if unit else 1)
        number = self._check_number(value)
        low, high = self.values
        if self.step is not None:
            # The step is at most the distance of the bounds, so there are at least two values.
            return self.index(value) / ((self.count or 2) - 1)
        if self.log:
            return fraction(math.log(number), math.log(low), math.log(high))
        if self.type == INTEGER:
            # Python divides integers of any size exactly. As floats they would be rounded first.
            return float((int(number) - low) / (high - low))
        return fraction(number, low, high)

    def decode(self, position: float, unit: bool = False) -> ParameterValue:
        """Return the value at a position on the scale; the inverse of ``encode``.

        Args:
            position: A position beyond an end of the scale counts as that end. It is rounded to the
                nearest value.
            unit: Whether ``encode`` got it.

        Raises:
            BadArgumentsError: If the position is NaN or not a number.
        """
        number = as_number(position)
        if number is None or math.isnan(number):
            raise BadArgumentsError(
                f"The position of {self.name} on its scale must be a number, "
                f"but got {position!r:.80}."
            )
        if self.type in LISTED:
            index = number * (self._largest_index if unit else 1)
            return to_plain(self.values[round(clip(index, 0, len(self.values) - 1))])
        share = clip(number, 0.0, 1.0)
        low, high = self.values
        if self.step is not None:
            return self.at(round(Fraction(share) * ((self.count or 1) - 1)))
        if self.type == INTEGER:
            # A fraction is exact, so integers beyond 2**53 come back as they were.
            exact = (
                interpolate(share, low, high, log=True)
                if self.log
                else low + Fraction(share) * (high - low)
            )
            return clip(round(exact), low, high)
        return float(clip(interpolate(share, low, high, self.log), low, high))

    def checked(self, value: ParameterValue) -> ParameterValue:
        """Return a value as a plain value of this parameter's type.

        Raises:
            BadArgumentsError: If the value is outside the parameter's region.
        """
        if self.type in LISTED:
            return to_plain(self.values[self._find(value)])
        number = self._check_number(value)
        if self.step is not None:
            return self.at(self.index(number))
        return int(number) if self.type == INTEGER else float(number)

    @property
    def _largest_index(self) -> int:
        # At least 1, so that the index of a single value can be divided by it.
        return max(1, len(self.values) - 1)

    def _check_number(self, value: ParameterValue) -> int | float:
        number = as_number(value)
        low, high = self.values
        kind = "an integer" if self.type == INTEGER else "a number"
        if (
            number is None
            or not low <= number <= high
            or (self.type == INTEGER and number != int(number))
        ):
            raise BadArgumentsError(
                f"{self.name} must be {kind} from {low} to {high}, but got {value!r:.80}."
            )
        if self.step is not None and not self._is_on_a_step(number):
            raise BadArgumentsError(
                f"{self.name} must be {kind} from {low} to {high} in steps of {self.step}, "
                f"but got {value!r:.80}."
            )
        return number

    def _is_on_a_step(self, number: int | float) -> bool:
        low, step = self.values[0], self.step or 1
        if self.type == INTEGER:
            return bool((int(number) - low) % step == 0)
        steps = (decimal(number) - decimal(low)) / decimal(step)
        # A sum of floats, such as 0.1 + 0.2, misses its step by a rounding error.
        return abs(steps - round(steps)) <= Decimal("1e-6")

    def _find(self, value: ParameterValue) -> int:
        """Return the index of a listed value."""
        try:
            plain = to_plain(value)
        except TypeError:
            plain = value
        equal = [index for index, choice in enumerate(self.values) if choice == plain]
        if not equal:
            raise BadArgumentsError(
                f"{self.name} must be one of {self.originals or self.values!r:.200}, "
                f"but got {value!r:.80}."
            )
        # 1, 1.0 and True are equal in Python, so the choice of the same type goes first.
        same_type = [index for index in equal if type(self.values[index]) is type(plain)]
        return (same_type or equal)[0]


def parse_parameters(specs: Mapping[str, WrittenSpec]) -> dict[str, Parameter]:
    """Return the parameters of a search space by name, in its order.

    Args:
        specs: The space as ``Searchspace.to_dict`` returns it.
    """
    return {name: Parameter.parse(name, spec) for name, spec in specs.items()}
