"""Compute with a hyperparameter's scale, safely for the largest and the closest floats."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TypeVar

__all__ = ["clip", "decimal", "fraction", "interpolate"]

_Number = TypeVar("_Number", int, float)


def decimal(number: int | float) -> Decimal:
    """Return the decimal number that a float is written as, so that steps of 0.1 add up exactly."""
    return Decimal(str(number))


def fraction(value: float, low: float, high: float) -> float:
    """Return how far a value is on the way from one bound to the other, 0 to 1.

    The bounds may be so far apart that their difference is infinite.
    """
    span = high - low
    if span == 0:  # the logarithms of neighbouring floats may be equal
        return 0.0
    if math.isinf(span):
        return (value / 2 - low / 2) / (high / 2 - low / 2)
    return (value - low) / span


def interpolate(share: float, low: float, high: float, log: bool = False) -> float:
    """Return the value at a share of the way between two bounds; the inverse of ``fraction``.

    Args:
        share: From 0 to 1.
        low: The lower bound, above 0 for a log scale.
        high: The upper bound.
        log: Go evenly in the logarithm.
    """
    # A weighted sum, because high - low may be too large for a float.
    if log:
        exponent = math.log(low) * (1.0 - share) + math.log(high) * share
        return math.exp(min(exponent, math.log(high)))
    return low * (1.0 - share) + high * share


def clip(value: _Number, low: _Number, high: _Number) -> _Number:
    """Return the value, or the bound that it is beyond."""
    return min(max(value, low), high)
