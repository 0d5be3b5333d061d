"""What each trial reported over its steps, as numbers for the page's script."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from maggy.common.direction import Direction
from maggy.common.types import Json
from maggy.result.report.labels import plot_number
from maggy.result.report.metric_scale import MetricScale
from maggy.result.rows import TrialRow

__all__ = ["curves_data", "thin"]

_MAX_POINTS = 1_000
"""Maximum number of points of one curve, and the least if there are very many curves."""
_MIN_POINTS = 40
_MAX_TOTAL = 200_000


def curves_data(rows: Sequence[TrialRow], direction: Direction) -> Json:
    """Return the curves, and the limits of their axis; None if no trial has reported a number.

    Args:
        rows: The trials in the order of the table.
        direction: The direction in which the metric improves.

    Returns:
        ``curves``, for each trial None or its steps, its values (None for NaN) and the number of
        its points before they were thinned; ``range``, the limits; ``beyond``, the number of
        curves that leave it.
    """
    reports = [row for row in rows if any(value is not None for value in row["history"])]
    if not reports:
        return None
    limit = max(_MIN_POINTS, min(_MAX_POINTS, _MAX_TOTAL // len(reports)))
    numbers = [[value for value in row["history"] if value is not None] for row in reports]
    best = direction.best([direction.best(values) for values in numbers])
    worst = [min(values, key=lambda value: direction.sign * value) for values in numbers]
    scale = MetricScale.over(worst, direction, best=best)
    return {
        "curves": [_curve(row, limit) for row in rows],
        "range": [plot_number(scale.low), plot_number(scale.high)],
        "beyond": sum(map(scale.is_beyond, worst)),
    }


def _curve(row: TrialRow, limit: int) -> Json:
    steps, values = thin(row["steps"], row["history"], limit)
    if all(value is None for value in values):
        return None
    return [
        [plot_number(step) for step in steps],
        [None if value is None else plot_number(value) for value in values],
        len(row["history"]),
    ]


def thin(
    steps: Sequence[float], values: Sequence[float | None], limit: int
) -> tuple[list[float], list[float | None]]:
    """Return at most about this number of points, among them both ends and all extremes.

    Of each stretch of the curve the lowest and the highest point stay, so that no peak is lost.

    Example:
        >>> thin(range(100), [0.0] * 50 + [9.0] + [0.0] * 49, 10)[1].count(9.0)
        1

    Args:
        steps: The steps.
        values: The values at these steps; None for NaN.
        limit: Maximum number of points, plus two for the ends.
    """
    if len(values) <= limit:
        return list(steps), list(values)
    numbers = np.array(values, dtype=float)
    missing = np.isnan(numbers)
    low, high = np.where(missing, np.inf, numbers), np.where(missing, -np.inf, numbers)
    places = {0, len(values) - 1}
    ends = np.linspace(0, len(values), max(2, limit // 2) + 1).astype(int).tolist()
    for start, end in pairwise(ends):
        places |= {start + int(low[start:end].argmin()), start + int(high[start:end].argmax())}
    order = sorted(places)
    return [steps[place] for place in order], [values[place] for place in order]
