"""A search space as Optuna's samplers see it: numbers and indices, so that every value comes back exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from maggy.common.json_values import as_number
from maggy.searchspace import Searchspace
from maggy.searchspace.configuration import exists
from maggy.searchspace.parameter import CATEGORICAL, DISCRETE, INTEGER, Parameter

__all__ = ["OptunaSpace"]

# Beyond these a float, with which samplers calculate, no longer tells neighbouring integers apart.
_WIDEST = 2**53


@dataclass(frozen=True)
class _Axis:
    """How one parameter is shown to Optuna.

    Args:
        parameter: The parameter.
        kind: ``"number"``: as it is; ``"order"``: the place in ascending order; ``"choice"``: one of ``choices``;
            ``"place"``: the place on the unit scale; ``"fixed"``: not at all, as it has one value only.
        order: For ``"order"``, the indices of the values in ascending order; empty if they are so listed.
        choices: For ``"choice"``, how the values are shown, in their order in the list.
    """

    parameter: Parameter
    kind: Literal["number", "order", "choice", "place", "fixed"]
    order: tuple[int, ...] = ()
    choices: tuple[Any, ...] = ()

    @property
    def step(self) -> Any:
        """The step of a ``"number"``; 1 or None where there is none."""
        return self.parameter.step or (1 if self.parameter.type == INTEGER else None)


class OptunaSpace:
    """Maps configurations to what Optuna's trials hold and back.

    A DOUBLE or INTEGER stays what it is, with its log scale. Values with a step, and DISCRETE numbers, become their
    place in ascending order, so that a sampler knows which are neighbours. A CATEGORICAL stays what it is if Optuna
    can tell its values apart; lists, and values that are equal in Python (``1`` and ``True``), become the index.

    Args:
        space: The search space.
        by_value: Show DISCRETE numbers and those with a step as they are too, for a sampler that was told values.
    """

    def __init__(self, space: Searchspace, by_value: bool = False) -> None:
        self._known = {name: Parameter.parse(name, spec) for name, spec in space.to_dict().items()}
        self._axes = {name: _axis(parameter, by_value) for name, parameter in self._known.items()}

    @property
    def has_conditions(self) -> bool:
        """Whether some parameters exist only sometimes."""
        return any(parameter.when for parameter in self._known.values())

    def suggest(self, trial: Any) -> dict[str, Any]:
        """The configuration that an ``optuna.Trial`` suggests."""
        params: dict[str, Any] = {}
        for name, axis in self._axes.items():
            if exists(name, params, self._known):
                params[name] = _suggest(trial, name, axis)
        return params

    def encode(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a trial of Optuna's holds for this configuration."""
        return {name: _encode(name, axis, params[name]) for name, axis in self._shown(params)}

    def distributions(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The distributions of what ``encode`` gives for this configuration."""
        return {name: _distribution(axis) for name, axis in self._shown(params)}

    def _shown(self, params: Mapping[str, Any]) -> list[tuple[str, _Axis]]:
        return [
            (name, axis)
            for name, axis in self._axes.items()
            if name in params and axis.kind != "fixed"
        ]


def _axis(parameter: Parameter, by_value: bool) -> _Axis:
    if parameter.count == 1:
        return _Axis(parameter, "fixed")
    if parameter.type == CATEGORICAL:
        return _Axis(parameter, "choice", choices=_choices(parameter))
    if parameter.type == DISCRETE:
        numbers = [as_number(value) for value in parameter.values]
        if by_value or None in numbers or len(set(numbers)) != len(numbers):
            return _Axis(parameter, "choice", choices=_choices(parameter))
        return _Axis(
            parameter,
            "order",
            tuple(sorted(range(len(numbers)), key=lambda index: numbers[index] or 0)),
        )
    if parameter.step is not None and not by_value:
        return _Axis(parameter, "order" if (parameter.count or 0) < _WIDEST else "place")
    low, high = parameter.values
    is_exact = (
        low > -_WIDEST and high < _WIDEST
        if parameter.type == INTEGER
        else high - low < float("inf")
    )
    return _Axis(parameter, "number" if is_exact else "place")


def _choices(parameter: Parameter) -> tuple[Any, ...]:
    """The listed values if they are scalars that differ, else their indices."""
    values = parameter.values
    is_scalar = all(value is None or isinstance(value, (bool, int, float, str)) for value in values)
    return tuple(values if is_scalar and len(set(values)) == len(values) else range(len(values)))


def _suggest(trial: Any, name: str, axis: _Axis) -> Any:
    parameter = axis.parameter
    if axis.kind == "fixed":
        return parameter.at(0)
    if axis.kind == "choice":
        return parameter.at(axis.choices.index(trial.suggest_categorical(name, axis.choices)))
    if axis.kind == "order":
        place = trial.suggest_int(name, 0, (parameter.count or 1) - 1)
        return parameter.at(axis.order[place] if axis.order else place)
    if axis.kind == "place":
        return parameter.decode(name, trial.suggest_float(name, 0.0, 1.0))
    low, high = parameter.ends
    if parameter.type == INTEGER:
        return parameter.checked(
            name, trial.suggest_int(name, low, high, log=parameter.log, step=axis.step)
        )
    drawn = float(trial.suggest_float(name, low, high, log=parameter.log, step=axis.step))
    inside = min(max(drawn, float(low)), float(high))
    # Rounding may lead out of the region by a hair; a sampler that was told values may lead anywhere.
    return parameter.checked(
        name, inside if math.isclose(drawn, inside, abs_tol=1e-9 * (high - low)) else drawn
    )


def _encode(name: str, axis: _Axis, value: Any) -> Any:
    parameter = axis.parameter
    if axis.kind == "number":
        return parameter.checked(name, value)
    if axis.kind == "place":
        return parameter.encode(name, value)
    index = parameter.index(name, value)
    if axis.kind == "choice":
        return axis.choices[index]
    return axis.order.index(index) if axis.order else index


def _distribution(axis: _Axis) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    parameter = axis.parameter
    if axis.kind == "choice":
        return CategoricalDistribution(axis.choices)
    if axis.kind == "order":
        return IntDistribution(0, (parameter.count or 1) - 1)
    if axis.kind == "place":
        return FloatDistribution(0.0, 1.0)
    kind = IntDistribution if parameter.type == INTEGER else FloatDistribution
    return kind(*parameter.ends, log=parameter.log, step=axis.step)
