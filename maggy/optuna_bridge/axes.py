"""Show one hyperparameter to Optuna, so that every value comes back exactly."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maggy.common.json_values import as_number
from maggy.common.types import ParameterValue
from maggy.searchspace.parameter import CATEGORICAL, DISCRETE, INTEGER, Parameter

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, CategoricalChoiceType
    from optuna.trial import Trial as OptunaTrial

__all__ = ["Axis", "make_axis"]

# Samplers calculate with floats, which cannot tell neighbouring integers beyond 2**53 apart.
_MAX_INTEGER = 2**53


@dataclass(frozen=True)
class Axis(ABC):
    """One hyperparameter with at least two values, as Optuna sees it.

    Args:
        parameter: The hyperparameter.
    """

    parameter: Parameter

    @abstractmethod
    def suggest(self, trial: OptunaTrial) -> ParameterValue:
        """Return the value that Optuna suggests."""

    @abstractmethod
    def encode(self, value: ParameterValue) -> CategoricalChoiceType:
        """Return the value that a trial of Optuna holds; the inverse of ``suggest``."""

    @abstractmethod
    def distribution(self) -> BaseDistribution:
        """Return the distribution of the encoded values."""


@dataclass(frozen=True)
class _NumberAxis(Axis):
    """A DOUBLE or INTEGER that Optuna sees as it is, with its log scale and its step."""

    def suggest(self, trial: OptunaTrial) -> ParameterValue:
        parameter = self.parameter
        name, (low, high) = parameter.name, parameter.ends
        if parameter.type == INTEGER:
            step = int(parameter.step or 1)
            return parameter.checked(
                trial.suggest_int(name, low, high, log=parameter.log, step=step)
            )
        number = float(trial.suggest_float(name, low, high, log=parameter.log, step=parameter.step))
        inside = min(max(number, float(low)), float(high))
        # Rounding may leave the region by a hair, which is mended here. A sampler that the user
        # told values may leave it by far, which `checked` refuses.
        is_rounding = math.isclose(number, inside, abs_tol=1e-9 * (high - low))
        return parameter.checked(inside if is_rounding else number)

    def encode(self, value: ParameterValue) -> CategoricalChoiceType:
        number: int | float = self.parameter.checked(value)
        return number

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution, IntDistribution

        parameter = self.parameter
        low, high = parameter.ends
        if parameter.type == INTEGER:
            return IntDistribution(low, high, log=parameter.log, step=int(parameter.step or 1))
        return FloatDistribution(low, high, log=parameter.log, step=parameter.step)


@dataclass(frozen=True)
class _OrderAxis(Axis):
    """Numbers that Optuna sees as their position in ascending order, so that it knows neighbours.

    Args:
        order: The indices of the values in ascending order; empty if the values are in this order.
    """

    order: tuple[int, ...] = ()

    def suggest(self, trial: OptunaTrial) -> ParameterValue:
        position = trial.suggest_int(self.parameter.name, 0, self._last)
        return self.parameter.at(self.order[position] if self.order else position)

    def encode(self, value: ParameterValue) -> CategoricalChoiceType:
        index = self.parameter.index(value)
        return self.order.index(index) if self.order else index

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import IntDistribution

        return IntDistribution(0, self._last)

    @property
    def _last(self) -> int:
        return (self.parameter.count or 1) - 1


@dataclass(frozen=True)
class _ChoiceAxis(Axis):
    """Values without an order.

    Args:
        choices: The scalar that Optuna sees for each of the parameter's values, in their order.
    """

    choices: tuple[CategoricalChoiceType, ...]

    def suggest(self, trial: OptunaTrial) -> ParameterValue:
        choice = trial.suggest_categorical(self.parameter.name, self.choices)
        return self.parameter.at(self.choices.index(choice))

    def encode(self, value: ParameterValue) -> CategoricalChoiceType:
        return self.choices[self.parameter.index(value)]

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.choices)


@dataclass(frozen=True)
class _PositionAxis(Axis):
    """Numbers that floats cannot tell apart. Optuna sees their positions on the unit scale."""

    def suggest(self, trial: OptunaTrial) -> ParameterValue:
        return self.parameter.decode(trial.suggest_float(self.parameter.name, 0.0, 1.0))

    def encode(self, value: ParameterValue) -> CategoricalChoiceType:
        return self.parameter.encode(value)

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution

        return FloatDistribution(0.0, 1.0)


def make_axis(parameter: Parameter, by_value: bool = False) -> Axis:
    """Return how a hyperparameter with at least two values is shown to Optuna.

    Args:
        parameter: The hyperparameter.
        by_value: Show DISCRETE numbers and numbers with a step as they are.
    """
    if parameter.type == CATEGORICAL:
        return _ChoiceAxis(parameter, _choices_of(parameter))
    if parameter.type == DISCRETE:
        numbers = [as_number(value) for value in parameter.values]
        if by_value or None in numbers or len(set(numbers)) != len(numbers):
            return _ChoiceAxis(parameter, _choices_of(parameter))
        order = sorted(range(len(numbers)), key=lambda index: numbers[index] or 0)
        return _OrderAxis(parameter, tuple(order))
    if parameter.step is not None and not by_value:
        is_small = (parameter.count or 0) < _MAX_INTEGER
        return _OrderAxis(parameter) if is_small else _PositionAxis(parameter)
    low, high = parameter.values
    is_exact = (
        low > -_MAX_INTEGER and high < _MAX_INTEGER
        if parameter.type == INTEGER
        else high - low < float("inf")
    )
    return _NumberAxis(parameter) if is_exact else _PositionAxis(parameter)


def _choices_of(parameter: Parameter) -> tuple[CategoricalChoiceType, ...]:
    """Return the listed values if they are scalars that differ in Python, else their indices."""
    values = parameter.values
    is_scalar = all(value is None or isinstance(value, (bool, int, float, str)) for value in values)
    is_distinct = is_scalar and len(set(values)) == len(values)
    return tuple(values) if is_distinct else tuple(range(len(values)))
