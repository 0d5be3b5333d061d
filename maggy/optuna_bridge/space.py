"""Show a search space to Optuna's samplers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from maggy.common.types import ParameterValue, Params
from maggy.optuna_bridge.axes import Axis, make_axis
from maggy.searchspace import Searchspace
from maggy.searchspace.configuration import exists
from maggy.searchspace.parameter import parse_parameters

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, CategoricalChoiceType
    from optuna.trial import Trial as OptunaTrial

__all__ = ["OptunaSpace"]


class OptunaSpace:
    """Map configurations to the values of Optuna's trials, and back.

    A DOUBLE or INTEGER stays the same, with its log scale. Values with a step, and DISCRETE
    numbers, become their position in ascending order, so that a sampler knows which are neighbours.
    A CATEGORICAL stays the same if Optuna can tell its values apart. Lists, and values that are
    equal in Python (``1`` and ``True``), become the index. A parameter with one value is not shown.

    Args:
        space: The search space.
        by_value: Show DISCRETE numbers and numbers with a step as they are too, for a sampler to
            which the user passed values.
    """

    def __init__(self, space: Searchspace, by_value: bool = False) -> None:
        self._parameters = parse_parameters(space.to_dict())
        self._axes = {
            name: make_axis(parameter, by_value)
            for name, parameter in self._parameters.items()
            if parameter.count != 1
        }

    @property
    def has_conditions(self) -> bool:
        """Whether some parameters exist only in some configurations."""
        return any(parameter.when for parameter in self._parameters.values())

    def suggest(self, trial: OptunaTrial) -> Params:
        """Return the configuration that a trial of Optuna suggests."""
        params: Params = {}
        for name, parameter in self._parameters.items():
            if exists(parameter, params, self._parameters):
                axis = self._axes.get(name)
                params[name] = parameter.at(0) if axis is None else axis.suggest(trial)
        return params

    def encode(self, params: Mapping[str, ParameterValue]) -> dict[str, CategoricalChoiceType]:
        """Return the values that a trial of Optuna holds for a configuration, by name."""
        return {name: axis.encode(params[name]) for name, axis in self._axes_in(params)}

    def distributions(self, params: Mapping[str, ParameterValue]) -> dict[str, BaseDistribution]:
        """Return the distributions of the values that ``encode`` returns, by name."""
        return {name: axis.distribution() for name, axis in self._axes_in(params)}

    def _axes_in(self, params: Mapping[str, ParameterValue]) -> list[tuple[str, Axis]]:
        return [(name, axis) for name, axis in self._axes.items() if name in params]
