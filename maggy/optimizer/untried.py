"""Recognize repeats in a small search space, and draw from what remains. It ignores budgets."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Collection

from maggy.common.json_values import json_key
from maggy.common.types import Params
from maggy.searchspace import Searchspace
from maggy.searchspace.enumeration import Enumeration, nth_missing
from maggy.searchspace.parameter import LISTED, Parameter, parse_parameters

__all__ = ["MAX_REPEATS", "UntriedConfigurations"]

MAX_REPEATS = 10
"""The number of times that another suggestion is requested in place of a repeat."""

# In a larger space repeats are rare, and they run.
_MAX_CONFIGURATIONS = 1_000_000
# A space of more parameters counts as large without being enumerated.
_MAX_PARAMETERS = 200


class UntriedConfigurations:
    """Keep an optimizer from repeating a configuration while others were never suggested.

    ``1``, ``1.0`` and ``True`` are different values. Every suggestion is accepted once all
    configurations were suggested, and in a large space.

    Example:
        >>> untried = UntriedConfigurations(Searchspace(pool=("DISCRETE", [1, 2])).seeded(1))
        >>> untried.add({"pool": 2})
        >>> untried.choose(lambda: {"pool": 2})
        {'pool': 1}

    Args:
        space: The seeded search space. Its generator is used only to draw an untried configuration.
        allow_repeats: Whether to accept every suggestion.
    """

    def __init__(self, space: Searchspace, allow_repeats: bool = False) -> None:
        self._space = space
        self._enumeration: Enumeration | None = None
        self._size = 0
        # The keys of the configurations that were suggested, and their numbers in ascending order.
        # A number takes longer to compute than a key and is needed only to draw, so new
        # configurations wait in ``_without_number``.
        self._keys: set[str] = set()
        self._numbers: list[int] = []
        self._without_number: list[Params] = []
        if allow_repeats or len(space) > _MAX_PARAMETERS:
            return
        parameters = parse_parameters(space.to_dict()).values()
        # The exact count of a large space may take long, so the cheap bound comes first.
        if _is_surely_large(parameters):
            return
        enumeration = Enumeration(parameters)
        if enumeration.size is not None and enumeration.size <= _MAX_CONFIGURATIONS:
            self._enumeration, self._size = enumeration, enumeration.size

    def add(self, params: Params) -> None:
        """Add a configuration that is about to be suggested, or that ran before."""
        if self._enumeration is None:
            return
        key = json_key(params)
        if key not in self._keys:
            self._keys.add(key)
            self._without_number.append(params)

    def choose(self, suggest: Callable[[], Params]) -> Params:
        """Return the first suggestion that is not a repeat, and add it.

        After ten more repeats, draw an untried configuration instead.

        Args:
            suggest: Return a new suggestion.
        """
        if self._enumeration is None:
            return suggest()
        for _ in range(1 + MAX_REPEATS):
            params = suggest()
            key = json_key(params)
            if key not in self._keys:
                self._keys.add(key)
                self._without_number.append(params)
                return params
            if len(self._keys) == self._size:
                return params
        params = self.draw()
        self.add(params)
        return params

    def draw(self) -> Params:
        """Return an untried configuration; all are equally likely. At least one must remain."""
        assert self._enumeration is not None
        for params in self._without_number:
            insort(self._numbers, self._enumeration.number(params))
        self._without_number = []
        # A position among the numbers that are missing in ``_numbers``.
        position = self._space.draw_seed() % (self._size - len(self._numbers))
        return self._enumeration.at(nth_missing(self._numbers, position))


def _is_surely_large(parameters: Collection[Parameter]) -> bool:
    """Return whether a lower bound of the number of configurations is too large, or infinite.

    The bound counts only the parameters that always exist.
    """
    if any(parameter.count is None for parameter in parameters):
        return True
    counts = [
        len(parameter.distinct) if parameter.type in LISTED else parameter.count
        for parameter in parameters
        if not parameter.when
    ]
    return math.prod(count or 1 for count in counts) > _MAX_CONFIGURATIONS
