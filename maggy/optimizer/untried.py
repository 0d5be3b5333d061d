"""What is left of a small search space: it tells repeats, and draws what no trial had. It counts no budgets."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Collection
from typing import Any

from maggy.common.json_values import json_key
from maggy.searchspace import Searchspace
from maggy.searchspace.enumeration import Enumeration, nth_missing
from maggy.searchspace.parameter import LISTED, Parameter

__all__ = ["MOST_CONFIGURATIONS", "MOST_REPEATS", "Untried"]

MOST_CONFIGURATIONS = 1_000_000
"""In a larger space repeats are rare, and are run."""

_MOST_PARAMETERS = 200
"""A space of more parameters counts as large."""

MOST_REPEATS = 10
"""So many times a suggestion is asked for again."""


class Untried:
    """Keeps an optimizer from suggesting an equal configuration again while others were never suggested.

    ``1``, ``1.0`` and ``True`` are different values. Once all configurations were suggested, or if the space is large,
    every suggestion is good.

    Example:
        >>> untried = Untried(Searchspace(pool=("DISCRETE", [1, 2])).seeded(1))
        >>> untried.add({"pool": 2})
        >>> untried.choose(lambda: {"pool": 2})
        {'pool': 1}

    Args:
        space: The seeded search space. Only to draw an untried configuration a number is taken from its generator.
        allow_repeats: Let every suggestion pass.
    """

    def __init__(self, space: Searchspace, allow_repeats: bool = False) -> None:
        self._space = space
        self._enumeration: Enumeration | None = None
        self._size = 0
        self._keys: set[str] = set()  # of the configurations that were suggested
        self._numbers: list[int] = []  # theirs in ascending order, but for those that wait
        self._waiting: list[
            dict[str, Any]
        ] = []  # not yet numbered, which takes longer than looking a key up
        if allow_repeats or len(space) > _MOST_PARAMETERS:
            return
        parameters = {name: Parameter.parse(name, spec) for name, spec in space.to_dict().items()}
        if _is_surely_large(parameters.values()):  # then counting exactly might take long
            return
        enumeration = Enumeration(parameters)
        if enumeration.size is not None and enumeration.size <= MOST_CONFIGURATIONS:
            self._enumeration, self._size = enumeration, enumeration.size

    def add(self, params: dict[str, Any]) -> None:
        """Note a configuration that is about to be suggested, or that ran before."""
        if self._enumeration is None:
            return
        key = json_key(params)
        if key not in self._keys:
            self._keys.add(key)
            self._waiting.append(params)

    def choose(self, suggest: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the first suggestion that is no repeat, and note it; after ten repeats draw an untried one.

        Args:
            suggest: Makes a new suggestion.
        """
        if self._enumeration is None:
            return suggest()
        for _ in range(1 + MOST_REPEATS):
            params = suggest()
            key = json_key(params)
            if key not in self._keys:
                self._keys.add(key)
                self._waiting.append(params)
                return params
            if len(self._keys) == self._size:
                return params
        params = self.draw()
        self.add(params)
        return params

    def draw(self) -> dict[str, Any]:
        """Return a configuration that was never suggested, each with the same probability; there must be one."""
        assert self._enumeration is not None
        for params in self._waiting:
            insort(self._numbers, self._enumeration.number(params))
        self._waiting = []
        position = self._space.draw_seed() % (self._size - len(self._numbers))
        return self._enumeration.at(nth_missing(self._numbers, position))


def _is_surely_large(parameters: Collection[Parameter]) -> bool:
    """Whether the parameters that always exist make a large space by themselves, or one makes it endless."""
    if any(parameter.count is None for parameter in parameters):
        return True
    always = [parameter for parameter in parameters if not parameter.when]
    counts = [
        len(parameter.distinct) if parameter.type in LISTED else parameter.count
        for parameter in always
    ]
    return math.prod(count or 1 for count in counts) > MOST_CONFIGURATIONS
