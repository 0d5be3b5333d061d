"""Read the distributions of other libraries as hyperparameters, without importing a library.

It serves error texts only. An object of a release that it does not know may raise any error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from maggy.common.json_values import as_number
from maggy.common.types import ParameterValue
from maggy.searchspace.parameter_types import CATEGORICAL, CONSTANT, DISCRETE, DOUBLE, INTEGER

__all__ = ["Reading", "read_choices", "read_object", "read_range"]

# Whoever has such an object has imported its library, so its names are enough to recognize it.
_LIBRARIES: Final = frozenset({"ConfigSpace", "keras_tuner", "optuna", "ray", "skopt"})


@dataclass(frozen=True)
class Reading:
    """A hyperparameter that a user may mean.

    Attributes:
        kind: Its type in a search space.
        values: Its bounds or values.
        log: Whether it has a log scale.
        step: The distance between neighbouring values, or None.
    """

    kind: str
    values: list[ParameterValue]
    log: bool = False
    step: float | None = None

    @property
    def spec(self) -> tuple[ParameterValue, ...]:
        """The hyperparameter as a search space takes it."""
        if self.log:
            return self.kind, self.values, "log"
        if self.step is not None:
            return self.kind, self.values, {"step": self.step}
        return self.kind, self.values


def read_range(
    low: object,
    high: object,
    *,
    is_integer: bool = False,
    log: bool = False,
    step: object = None,
) -> Reading | None:
    """Return the range between two bounds, or None if they are no finite numbers."""
    lower, upper, width = as_number(low), as_number(high), as_number(step)
    if lower is None or upper is None or not (math.isfinite(lower) and math.isfinite(upper)):
        return None
    if is_integer:
        # ConfigSpace and scipy have integers as floats.
        lower, upper = math.floor(lower), math.floor(upper)
        width = None if width is None else int(width)
    # A log scale has no steps, and integers have a step of 1 anyway.
    has_step = not log and width is not None and not (is_integer and width == 1)
    return Reading(
        INTEGER if is_integer else DOUBLE, [lower, upper], log, width if has_step else None
    )


def read_choices(values: Iterable[ParameterValue]) -> Reading | None:
    """Return the choice among values, or None if there are none."""
    plain = [_plain(value) for value in values]
    if not plain:
        return None
    if len(plain) == 1:
        return Reading(CONSTANT, plain)
    has_numbers_only = all(as_number(value) is not None for value in plain)
    return Reading(DISCRETE if has_numbers_only else CATEGORICAL, plain)


def read_object(candidate: object) -> Reading | None:
    """Return the hyperparameter that a distribution of another library stands for, or None.

    It knows Optuna's distributions, scipy's frozen distributions, hyperopt's expressions, and the
    spaces of Ray Tune, scikit-optimize, ConfigSpace and Keras Tuner.
    """
    library = type(candidate).__module__.partition(".")[0]
    if library == "hyperopt":
        return _read_hyperopt(candidate)
    if library == "scipy":
        return _read_scipy(candidate)
    return _read_attributes(candidate) if library in _LIBRARIES else None


def _read_attributes(candidate: object) -> Reading | None:
    name = type(candidate).__name__
    if name == "Boolean":  # Keras Tuner
        return read_choices([False, True])
    if name == "Fixed":
        return read_choices([candidate.value])  # type: ignore[attr-defined]
    # Keras Tuner has the choices in values, where others have a method.
    choices = _first(
        candidate, "choices", "categories", "sequence", *["values"] * (name == "Choice")
    )
    if isinstance(choices, Iterable) and not isinstance(choices, (str, Mapping)):
        return read_choices(choices)
    sampler = _first(candidate, "sampler")
    step = _first(candidate, "step", "q") or _first(sampler, "q")
    scale = (_first(candidate, "prior"), _first(candidate, "sampling"), name)
    samplers = (type(sampler).__name__, type(_first(sampler, "sampler")).__name__)
    is_integer = "int" in name.lower()
    high = _first(candidate, "high", "upper", "max_value")
    # Ray's integers end before the upper bound, except the rounded ones.
    is_open = is_integer and type(candidate).__module__.startswith("ray.") and step is None
    upper = as_number(high)
    return read_range(
        _first(candidate, "low", "lower", "min_value"),
        upper - 1 if is_open and upper is not None else high,
        is_integer=is_integer,
        log=_first(candidate, "log") is True
        or any("log" in str(text).lower() for text in (*scale, *samplers)),
        step=step,
    )


def _read_scipy(candidate: object) -> Reading | None:
    distribution = _first(candidate, "dist")
    name = _first(distribution, "name")
    if name not in ("uniform", "loguniform", "reciprocal", "randint"):
        return None
    low, high = candidate.support()  # type: ignore[attr-defined]
    is_log = name in ("loguniform", "reciprocal")
    return read_range(low, high, is_integer=name == "randint", log=is_log)


def _read_hyperopt(expression: object) -> Reading | None:
    """Return the hyperparameter that one of hyperopt's expressions stands for.

    ``hp.uniform`` is ``float(hyperopt_param(label, uniform(low, high)))``, and ``hp.choice`` is
    ``switch(hyperopt_param(label, randint(number)), *choices)``.
    """
    if _first(expression, "name") == "switch":
        _, *choices = expression.pos_args  # type: ignore[attr-defined]
        return read_choices([choice.obj for choice in choices])
    is_integer = _first(expression, "name") == "int"
    while expression.name in ("float", "int"):  # type: ignore[attr-defined]
        (expression,) = expression.pos_args  # type: ignore[attr-defined]
    _, draw = expression.pos_args  # type: ignore[attr-defined]
    arguments = [literal.obj for literal in draw.pos_args]
    arguments += [literal.obj for name, literal in draw.named_args if name != "size"]
    if draw.name == "randint":  # randint(upper) or randint(low, upper), both without the upper
        low = arguments[0] if len(arguments) > 1 else 0
        return read_range(low, arguments[min(1, len(arguments) - 1)] - 1, is_integer=True)
    if draw.name not in ("uniform", "quniform", "loguniform", "qloguniform"):
        return None
    low, high, *others = arguments
    is_log = "log" in draw.name
    if is_log:  # hyperopt has the exponents of e
        low, high = math.exp(low), math.exp(high)
    step = others[0] if others else None
    return read_range(low, high, is_integer=is_integer, log=is_log, step=step)


def _first(candidate: object, *names: str) -> object:
    """Return the first of the attributes that exists and is not None, else None."""
    values = (getattr(candidate, name, None) for name in names)
    return next((value for value in values if value is not None), None)


def _plain(value: ParameterValue) -> ParameterValue:
    """Return a number of numpy's as Python's, whose text is shorter, and any other value itself."""
    number = as_number(value)
    return value if number is None else number
