"""The configurations of a search space with a finite number of them, numbered from 0. It draws nothing by itself."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from maggy.common.json_values import json_key, to_plain
from maggy.searchspace.parameter import LISTED, Parameter

__all__ = ["Enumeration", "nth_missing"]

_OTHER = -1
"""Stands for all values of a parameter on which no other parameter depends."""

_State = dict[str, int]
"""The value of each parameter so far on which others depend, as a number or ``_OTHER``."""


class Enumeration:
    """Numbers the configurations that can be told apart; conditional parameters count only where they exist.

    Values that a user listed twice are one value. The order of the numbers has no meaning.

    Example:
        >>> numbers = Enumeration({"pool": Parameter("DISCRETE", [1, 2, 2]), "kernel": Parameter("INTEGER", [3, 5])})
        >>> numbers.size
        6
        >>> numbers.number(numbers.at(4))
        4

    Args:
        parameters: The parameters of the space, in its order.
    """

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._axes = [_Axis(name, parameter) for name, parameter in parameters.items()]
        self._counts: dict[tuple[int, ...], int] = {}
        places = {axis.name: place for place, axis in enumerate(self._axes)}
        last_use: dict[str, int] = {}
        for place, axis in enumerate(self._axes):
            for parent, values in axis.parameter.when.items():
                axis.conditions[parent] = self._axes[places[parent]].add_switches(values)
                last_use[parent] = place
        # Of the parameters before a place those that decide what exists from there on.
        self._parents = [
            [axis.name for axis in self._axes[:place] if last_use.get(axis.name, -1) >= place]
            for place in range(len(self._axes) + 1)
        ]
        self.size: int | None = None
        """How many configurations there are; None if a parameter without steps makes them endless."""
        if all(axis.count is not None for axis in self._axes):
            for place in reversed(
                range(len(self._axes))
            ):  # from the back, so that the recursion stays flat
                if not self._parents[place]:
                    self._count(place, {})
            self.size = self._count(0, {})

    def number(self, params: Mapping[str, Any]) -> int:
        """The number of a configuration of this space."""
        number = 0
        state: _State = {}
        for place, axis in enumerate(self._axes):
            if not axis.exists(state):
                continue
            index = axis.index(params[axis.name])
            kind, position = axis.kind_of(index)
            for other, values in axis.branches():
                following = {**state, axis.name: other}
                if other == kind:
                    number += position * self._count(place + 1, following)
                    state = following
                    break
                number += values * self._count(place + 1, following)
        return number

    def at(self, number: int) -> dict[str, Any]:
        """The configuration of this number."""
        params: dict[str, Any] = {}
        state: _State = {}
        for place, axis in enumerate(self._axes):
            if not axis.exists(state):
                continue
            for kind, values in axis.branches():
                following = {**state, axis.name: kind}
                block = self._count(place + 1, following)
                if number < values * block:
                    position, number = divmod(number, block)
                    params[axis.name] = axis.value(kind, position)
                    state = following
                    break
                number -= values * block
        return params

    def _count(self, place: int, state: _State) -> int:
        """How many configurations the parameters from this place on can make."""
        if place == len(self._axes):
            return 1
        key = (place, *(state.get(parent, _OTHER - 1) for parent in self._parents[place]))
        if key not in self._counts:
            self._counts[key] = self._count_anew(place, state)
        return self._counts[key]

    def _count_anew(self, place: int, state: _State) -> int:
        axis = self._axes[place]
        if not axis.exists(state):
            return self._count(place + 1, state)
        return sum(
            values * self._count(place + 1, {**state, axis.name: kind})
            for kind, values in axis.branches()
        )


class _Axis:
    """The values of one parameter: those that other parameters depend on one by one, and all the others."""

    def __init__(self, name: str, parameter: Parameter) -> None:
        self.name = name
        self.parameter = parameter
        self.conditions: dict[str, frozenset[int]] = {}
        self._distinct = parameter.distinct if parameter.type in LISTED else []
        self._places = {json_key(value): place for place, value in enumerate(self._distinct)}
        self._switches: list[int] = []

    @property
    def count(self) -> int | None:
        return len(self._distinct) or self.parameter.count

    def exists(self, state: _State) -> bool:
        return all(state.get(parent) in values for parent, values in self.conditions.items())

    def add_switches(self, values: Sequence[Any]) -> frozenset[int]:
        """Have these values counted one by one. Returns their numbers."""
        switches = {self.parameter.index(self.name, value) for value in values}
        if self._distinct:
            indices = [self.parameter.index(self.name, value) for value in self._distinct]
            switches = {place for place, index in enumerate(indices) if index in switches}
        self._switches = sorted({*self._switches, *switches})
        return frozenset(switches)

    def branches(self) -> list[tuple[int, int]]:
        """Pairs of a kind of values (the number of a value, or ``_OTHER``) and how many values are of this kind."""
        others = (self.count or 0) - len(self._switches)
        return [
            *((switch, 1) for switch in self._switches),
            *([(_OTHER, others)] if others else []),
        ]

    def index(self, value: Any) -> int:
        return (
            self._places[json_key(value)]
            if self._distinct
            else self.parameter.index(self.name, value)
        )

    def kind_of(self, index: int) -> tuple[int, int]:
        """The kind of the value of this number, and its position among the values of this kind."""
        before = bisect_left(self._switches, index)
        is_switch = before < len(self._switches) and self._switches[before] == index
        return (index, 0) if is_switch else (_OTHER, index - before)

    def value(self, kind: int, position: int) -> Any:
        index = nth_missing(self._switches, position) if kind == _OTHER else kind
        return to_plain(self._distinct[index]) if self._distinct else self.parameter.at(index)


def nth_missing(numbers: Sequence[int], position: int) -> int:
    """The number at ``position``, from 0, of those that an ascending sequence leaves out.

    Example:
        >>> [nth_missing([1, 2, 5], position) for position in range(4)]
        [0, 3, 4, 6]
    """
    return position + bisect_right(
        range(len(numbers)), position, key=lambda place: numbers[place] - place
    )
