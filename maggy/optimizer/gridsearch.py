"""Search a grid: try every combination of listed values."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, closest, json_key
from maggy.common.types import ParameterValue, Params
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.searchspace import Searchspace
from maggy.searchspace.configuration import exists
from maggy.searchspace.parameter import LISTED, Parameter, parse_parameters
from maggy.trial import Trial

__all__ = ["GridSearch"]

# Combinations of conditional parameters are counted one by one, up to this number.
_MAX_COUNT = 100_000


@dataclass(frozen=True)
class _Axis:
    """A parameter and its values on the grid."""

    parameter: Parameter
    values: list[ParameterValue]


class GridSearch(AbstractOptimizer):
    """Try every combination once. The last parameter of the space changes fastest.

    DISCRETE and CATEGORICAL parameters take all of their values, and so does a parameter with a
    ``step``. A DOUBLE or INTEGER without a step needs a number of points. They are spread evenly
    over its scale, both ends included. If a parameter with a step has more values than ``points``,
    it takes only as many as there are points. A value that is listed twice is taken once, unless
    the config allows repeats.

    ``num_trials`` may be left out of the config. If it is smaller than the grid, the grid ends
    there.

    Example:
        >>> optimizer = GridSearch(points={"lr": 3})
        >>> optimizer.num_trials = None
        >>> optimizer.searchspace = Searchspace(
        ...     lr=("DOUBLE", [0.01, 1.0], "log"), pool=("DISCRETE", [1, 2])
        ... )
        >>> optimizer.total_trials()
        6

    Args:
        points: The number of points of every DOUBLE and INTEGER, or a dict of numbers by name.

    Raises:
        BadArgumentsError: If a number of points is not a whole number of at least 1.
    """

    independent = True
    needs_num_trials = False

    def __init__(self, points: int | Mapping[str, int] | None = None) -> None:
        super().__init__()
        for number in points.values() if isinstance(points, Mapping) else [points]:
            count = as_number(number)
            if number is not None and (not isinstance(count, int) or count < 1):
                raise BadArgumentsError(
                    "points must be a whole number of at least 1, or a dict of such numbers by "
                    f"name, but got {points!r:.80}."
                )
        self._points = dict(points) if isinstance(points, Mapping) else points
        self._initial_keys: set[str] = set()

    def initialize(self) -> None:
        """Start at the first combination.

        Raises:
            BadArgumentsError: If there is no search space, or if a parameter needs a number of
                points.
        """
        self._axes = self._make_axes()
        self._initial_keys = set()
        self._position = 0
        self._num_suggestions = 0

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """Return the next combination, or None after the last one. Ignore ``trial``."""
        size = self._product_size()
        while self._position < size and (
            self.num_trials is None or self._num_suggestions < self.num_trials
        ):
            params, self._position = self._combination(self._position)
            if params is not None and json_key(params) not in self._initial_keys:
                self._num_suggestions += 1
                return Trial(params)
        return None

    def initial_trial(self, params: Params) -> Trial:
        """Return a trial with these parameters. If they are on the grid, they run only once."""
        self._initial_keys.add(json_key(params))
        self._num_suggestions += 1
        return Trial(params)

    def total_trials(self) -> int | None:
        """Return the number of combinations, or ``num_trials`` if that is smaller.

        Returns:
            The number of trials. None if counting the combinations would take long.
        """
        self._axes = self._make_axes()
        size = self._product_size()
        limit = size if self.num_trials is None else min(size, self.num_trials)
        if not any(axis.parameter.when for axis in self._axes.values()):
            return limit
        count = position = 0
        for _ in range(_MAX_COUNT):
            if count >= limit or position >= size:
                return count
            params, position = self._combination(position)
            count += params is not None
        return None

    def parameters(self, function_parameters: Collection[str]) -> list[str]:
        """Return the names of the search space."""
        return self.searchspace.keys()

    def _product_size(self) -> int:
        return math.prod(len(axis.values) for axis in self._axes.values())

    def _make_axes(self) -> dict[str, _Axis]:
        # The attribute is missing until the driver, or a user's own code, has set it.
        space: Searchspace | None = getattr(self, "searchspace", None)
        if space is None or len(space) == 0:
            raise BadArgumentsError(
                "Grid search needs a search space with at least one hyperparameter, "
                f"but got {space!r}. "
                "Pass for example searchspace=Searchspace(units=('DISCRETE', [32, 64]))."
            )
        if isinstance(self._points, dict):
            _check_names(self._points, space)
        return {
            name: self._make_axis(parameter)
            for name, parameter in parse_parameters(space.to_dict()).items()
        }

    def _make_axis(self, parameter: Parameter) -> _Axis:
        name = parameter.name
        points = self._points.get(name) if isinstance(self._points, dict) else self._points
        is_listed = parameter.type in LISTED
        if not is_listed and parameter.step is None and points is None:
            raise BadArgumentsError(
                f"Grid search needs a number of points for {name}, which is {parameter.type} "
                f"without a step. Write GridSearch(points={{{name!r}: 5}}), or list its values as "
                "DISCRETE."
            )
        if is_listed and not self.allow_repeats:
            return _Axis(parameter, parameter.distinct)
        count = points if points is not None else parameter.count
        return _Axis(parameter, parameter.grid(count or 1))

    def _combination(self, position: int) -> tuple[Params | None, int]:
        """Return the combination at a position of the whole product, and the next position to try.

        The combination is None if it differs from an earlier one only in a parameter that does not
        exist. The next position then skips all combinations of which this is true.
        """
        parameters = {name: axis.parameter for name, axis in self._axes.items()}
        block = self._product_size()
        params: Params = {}
        for name, axis in self._axes.items():
            # As in a number with mixed radixes: ``block`` positions share the values of all
            # parameters up to this one, and ``outer_block`` those of the parameters before it.
            outer_block, block = block, block // len(axis.values)
            index = position % outer_block // block
            if exists(axis.parameter, params, parameters):
                params[name] = axis.values[index]
            elif index:
                return None, position - position % outer_block + outer_block
        return params, position + 1


def _check_names(points: Mapping[str, int], space: Searchspace) -> None:
    for name in points:
        if name not in space:
            raise BadArgumentsError(
                f"points must name hyperparameters of the search space ({', '.join(space.keys())}),"
                f" but got {name!r}.{closest(str(name), space.keys())}"
            )
