"""Number the configurations of a finite search space, from 0. Nothing here draws."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from maggy.common.json_values import json_key, to_plain
from maggy.common.types import ParameterValue, Params
from maggy.searchspace.parameter import LISTED, Parameter

__all__ = ["Enumeration", "nth_missing"]

_OTHER = -1
"""The kind of all values of a parameter on which no other parameter depends."""

_State = dict[str, int]
"""The kind of each earlier parameter's value: the index of a value, or ``_OTHER``."""


class Enumeration:
    """Number the configurations that differ. Conditional parameters count only where they exist.

    Values that a user listed twice are one value. The order of the numbers has no meaning.

    Example:
        >>> pool = Parameter("pool", "DISCRETE", [1, 2, 2])
        >>> kernel = Parameter("kernel", "INTEGER", [3, 5])
        >>> numbers = Enumeration([pool, kernel])
        >>> numbers.size
        6
        >>> numbers.number(numbers.at(4))
        4

    Args:
        parameters: The parameters of the space, in its order.

    Attributes:
        size: The number of configurations; None if a parameter without steps makes them endless.
    """

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self._axes = [_Axis(parameter) for parameter in parameters]
        # One count for each depth and for each state of the parents there.
        self._counts: dict[tuple[int, ...], int] = {}
        depths = {axis.name: depth for depth, axis in enumerate(self._axes)}
        last_use: dict[str, int] = {}
        for depth, axis in enumerate(self._axes):
            for parent, values in axis.parameter.when.items():
                axis.conditions[parent] = self._axes[depths[parent]].add_switches(values)
                last_use[parent] = depth
        # For each depth the earlier parameters on which later ones depend from there on.
        self._parents = [
            [axis.name for axis in self._axes[:depth] if last_use.get(axis.name, -1) >= depth]
            for depth in range(len(self._axes) + 1)
        ]
        self.size: int | None = None
        if all(axis.count is not None for axis in self._axes):
            # From the back, so that each count finds the next one and the recursion stays flat.
            for depth in reversed(range(len(self._axes))):
                if not self._parents[depth]:
                    self._count(depth, {})
            self.size = self._count(0, {})

    def number(self, params: Mapping[str, ParameterValue]) -> int:
        """Return the number of a configuration of this space, from 0 to ``size - 1``."""
        number = 0
        state: _State = {}
        for depth, axis in enumerate(self._axes):
            if not axis.exists(state):
                continue
            index = axis.index(params[axis.name])
            kind, position = axis.kind_of(index)
            # All configurations with an earlier kind of value have smaller numbers.
            for branch, width in axis.branches():
                following = {**state, axis.name: branch}
                if branch == kind:
                    number += position * self._count(depth + 1, following)
                    state = following
                    break
                number += width * self._count(depth + 1, following)
        return number

    def at(self, number: int) -> Params:
        """Return the configuration with this number; the inverse of ``number``."""
        params: Params = {}
        state: _State = {}
        for depth, axis in enumerate(self._axes):
            if not axis.exists(state):
                continue
            for kind, width in axis.branches():
                following = {**state, axis.name: kind}
                block = self._count(depth + 1, following)
                # A branch covers `width` blocks of numbers, one block for each of its values.
                if number < width * block:
                    position, number = divmod(number, block)
                    params[axis.name] = axis.value(kind, position)
                    state = following
                    break
                number -= width * block
        return params

    def _count(self, depth: int, state: _State) -> int:
        """Return how many configurations the parameters from this depth on can make."""
        if depth == len(self._axes):
            return 1
        # A parent that does not exist gets a number that no kind has.
        key = (depth, *(state.get(parent, _OTHER - 1) for parent in self._parents[depth]))
        if key not in self._counts:
            self._counts[key] = self._compute_count(depth, state)
        return self._counts[key]

    def _compute_count(self, depth: int, state: _State) -> int:
        axis = self._axes[depth]
        if not axis.exists(state):
            return self._count(depth + 1, state)
        return sum(
            width * self._count(depth + 1, {**state, axis.name: kind})
            for kind, width in axis.branches()
        )


class _Axis:
    """The values of one parameter, in kinds.

    A value on which other parameters depend, a switch, is a kind by itself. All others are one
    kind.
    """

    def __init__(self, parameter: Parameter) -> None:
        self.name = parameter.name
        self.parameter = parameter
        self.conditions: dict[str, frozenset[int]] = {}
        self._distinct = parameter.distinct if parameter.type in LISTED else []
        self._indices = {json_key(value): index for index, value in enumerate(self._distinct)}
        self._switches: list[int] = []

    @property
    def count(self) -> int | None:
        return len(self._distinct) or self.parameter.count

    def exists(self, state: _State) -> bool:
        return all(state.get(parent) in values for parent, values in self.conditions.items())

    def add_switches(self, values: Sequence[ParameterValue]) -> frozenset[int]:
        """Make switches of these values, and return their indices."""
        switches = {self.parameter.index(value) for value in values}
        if self._distinct:
            # Parameter.index counts repeated values too; here each one counts once.
            indices = [self.parameter.index(value) for value in self._distinct]
            switches = {number for number, index in enumerate(indices) if index in switches}
        self._switches = sorted({*self._switches, *switches})
        return frozenset(switches)

    def branches(self) -> list[tuple[int, int]]:
        """Return pairs of a kind and the number of values of this kind."""
        others = (self.count or 0) - len(self._switches)
        return [
            *((switch, 1) for switch in self._switches),
            *([(_OTHER, others)] if others else []),
        ]

    def index(self, value: ParameterValue) -> int:
        return self._indices[json_key(value)] if self._distinct else self.parameter.index(value)

    def kind_of(self, index: int) -> tuple[int, int]:
        """Return the kind of the value with this index, and its position among this kind."""
        before = bisect_left(self._switches, index)
        is_switch = before < len(self._switches) and self._switches[before] == index
        return (index, 0) if is_switch else (_OTHER, index - before)

    def value(self, kind: int, position: int) -> ParameterValue:
        index = nth_missing(self._switches, position) if kind == _OTHER else kind
        return to_plain(self._distinct[index]) if self._distinct else self.parameter.at(index)


def nth_missing(numbers: Sequence[int], position: int) -> int:
    """Return one of the numbers from 0 on that a sequence leaves out.

    Takes logarithmic time in the length of the sequence.

    Example:
        >>> [nth_missing([1, 2, 5], position) for position in range(4)]
        [0, 3, 4, 6]

    Args:
        numbers: Different numbers of at least 0, in ascending order.
        position: The position of the result among the missing numbers, from 0.
    """
    # Before numbers[i] there are numbers[i] - i missing ones.
    return position + bisect_right(
        range(len(numbers)), position, key=lambda index: numbers[index] - index
    )
