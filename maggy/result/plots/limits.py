"""Decide which metrics an axis shows: one trial that diverged must not hide all others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from maggy.common.direction import Direction

__all__ = ["is_beyond", "worst_on_axis"]

MIN_VALUES = 5
"""With fewer values none counts as an outlier."""
MAIN_SHARE = 0.75
MAX_RATIO = 5.0


def worst_on_axis(
    values: Sequence[float], direction: Direction, *, best: float | None = None
) -> float | None:
    """Return the worst metric that the axis shows; None without values.

    The axis goes from the best metric to at most five times the distance of the best three
    quarters. So these fill at least a fifth of it, and metrics that are worse lie beyond its end. A
    metric that is better than all others is always shown.

    Example:
        >>> worst_on_axis([0.1, 0.2, 0.25, 0.3, 0.5, 1e9], Direction.MIN)
        0.5
        >>> worst_on_axis([0.1, 0.2, 0.25, 0.3, 0.5], Direction.MIN)
        0.5

    Args:
        values: Finite metrics.
        direction: The direction in which they improve.
        best: Where the axis begins; the best value if it is None.
    """
    ranking = sorted(values, key=lambda value: -direction.sign * value)
    if not ranking:
        return None
    if best is None:
        best = ranking[0]
    main = abs(ranking[math.floor(MAIN_SHARE * (len(ranking) - 1))] - best)
    if len(ranking) < MIN_VALUES or main == 0:
        return ranking[-1]
    return next(value for value in reversed(ranking) if abs(value - best) <= MAX_RATIO * main)


def is_beyond(value: float, worst: float | None, direction: Direction) -> bool:
    """Return whether a metric is worse than the worst one that the axis shows."""
    return worst is not None and direction.is_better(worst, than=value)
