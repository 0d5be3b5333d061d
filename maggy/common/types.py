"""Name the types of values that travel through the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Json", "ParameterValue", "Params", "TrainingFunction"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value that JSON can hold."""

ParameterValue: TypeAlias = Any
"""The value of a hyperparameter. A choice may be an object of any type."""

Params: TypeAlias = dict[str, ParameterValue]
"""The hyperparameters of a trial by name."""

TrainingFunction: TypeAlias = Callable[..., Any]
"""A function that the user wrote. Its parameters are chosen by name, and it may return anything."""
