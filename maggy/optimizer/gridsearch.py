"""Grid search: every combination of listed values."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, closest, json_key
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.searchspace import Searchspace
from maggy.searchspace.configuration import exists
from maggy.searchspace.parameter import LISTED, Parameter
from maggy.trial import Trial

__all__ = ["GridSearch"]

_MOST_COUNTED = 100_000


class GridSearch(AbstractOptimizer):
    """Tries every combination once; the last parameter of the space changes fastest.

    DISCRETE and CATEGORICAL parameters take each of their values, and so does a parameter with a ``step``. A DOUBLE or
    INTEGER without one needs a number of points, which are spread evenly over its scale, both ends included. Where
    ``points`` are fewer than the values of a parameter with steps, so many of them are taken. Values that were listed
    twice are taken once, unless the config allows repeats.

    ``num_trials`` may be left out of the config; if it is given and smaller, the grid ends there.

    Example:
        >>> optimizer = GridSearch(points={"lr": 3})
        >>> optimizer.num_trials = None
        >>> optimizer.searchspace = Searchspace(lr=("DOUBLE", [0.01, 1.0], "log"), pool=("DISCRETE", [1, 2]))
        >>> optimizer.total_trials()
        6

    Args:
        points: How many points each DOUBLE and INTEGER gets, or a dict of the numbers by name.

    Raises:
        BadArgumentsError: A number of points is not a whole number of at least 1.
    """

    independent = True
    needs_num_trials = False

    def __init__(self, points: int | Mapping[str, int] | None = None) -> None:
        super().__init__()
        for number in points.values() if isinstance(points, Mapping) else [points]:
            count = as_number(number)
            if number is not None and (not isinstance(count, int) or count < 1):
                raise BadArgumentsError(
                    "points must be a whole number of at least 1, or a dict of such numbers by name, "
                    f"but got {points!r:.80}."
                )
        self._points = dict(points) if isinstance(points, Mapping) else points
        self._initial: set[str] = set()

    def initialize(self) -> None:
        """Start at the first combination.

        Raises:
            BadArgumentsError: There is no search space, or a parameter needs a number of points.
        """
        self._axes = self._make_axes()
        self._initial = set()
        self._place = 0
        self._given = 0

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """The next combination, or None after the last; ``trial`` is not looked at."""
        size = math.prod(len(values) for _, values in self._axes.values())
        while self._place < size and (self.num_trials is None or self._given < self.num_trials):
            params, self._place = self._combination(self._place)
            if params is not None and json_key(params) not in self._initial:
                self._given += 1
                return Trial(params)
        return None

    def initial_trial(self, params: dict[str, Any]) -> Trial:
        """A trial of these parameters; if they are on the grid, they are not tried again."""
        self._initial.add(json_key(params))
        self._given += 1
        return Trial(params)

    def total_trials(self) -> int | None:
        """How many combinations there are, or ``num_trials`` if that is less; None when counting would take long."""
        self._axes = self._make_axes()
        size = math.prod(len(values) for _, values in self._axes.values())
        most = size if self.num_trials is None else min(size, self.num_trials)
        if not any(known.when for known, _ in self._axes.values()):
            return most
        found = place = 0
        for _ in range(_MOST_COUNTED):
            if found >= most or place >= size:
                return found
            params, place = self._combination(place)
            found += params is not None
        return None

    def parameters(self, asked: Collection[str]) -> list[str]:
        """Those of the search space."""
        return self.searchspace.keys()

    def _make_axes(self) -> dict[str, tuple[Parameter, list[Any]]]:
        """Each parameter's values on the grid."""
        space: Searchspace | None = getattr(self, "searchspace", None)
        if space is None or len(space) == 0:
            raise BadArgumentsError(
                f"Grid search needs a search space with at least one hyperparameter, but got {space!r}. "
                "Pass for example searchspace=Searchspace(units=('DISCRETE', [32, 64]))."
            )
        if isinstance(self._points, dict):
            for name in self._points:
                if name not in space:
                    raise BadArgumentsError(
                        f"points must name hyperparameters of the search space ({', '.join(space.keys())}), "
                        f"but got {name!r}.{closest(str(name), space.keys())}"
                    )
        axes = {}
        for name, spec in space.to_dict().items():
            known = Parameter.parse(name, spec)
            points = self._points.get(name) if isinstance(self._points, dict) else self._points
            if known.type in ("DOUBLE", "INTEGER") and known.step is None and points is None:
                raise BadArgumentsError(
                    f"Grid search needs a number of points for {name}, which is {known.type} without a step. "
                    f"Write GridSearch(points={{{name!r}: 5}}), or list its values as DISCRETE."
                )
            count = points if points is not None else known.count
            values = (
                known.distinct
                if known.type in LISTED and not self.allow_repeats
                else known.grid(count or 1)
            )
            axes[name] = (known, values)
        return axes

    def _combination(self, place: int) -> tuple[dict[str, Any] | None, int]:
        """The combination at this place of the whole product, and the next place that may hold another.

        It is None if it differs from an earlier one only in a parameter that does not exist.
        """
        known = {name: parameter for name, (parameter, _) in self._axes.items()}
        block = math.prod(len(values) for _, values in self._axes.values())
        params: dict[str, Any] = {}
        for name, (_, values) in self._axes.items():
            whole, block = (
                block,
                block // len(values),
            )  # places that are the same before this parameter, and with it
            number = place % whole // block
            if exists(name, params, known):
                params[name] = values[number]
            elif number:
                return None, place - place % whole + whole
        return params, place + 1
