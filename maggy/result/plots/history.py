"""The plot of a search's history: the metric of each trial, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from maggy.common.direction import Direction
from maggy.result.plots.metric_axis import MetricAxis, Place, direction_text
from maggy.result.plots.style import (
    BEST_COLOR,
    add_legend,
    counted,
    inches_of,
    rounded,
    say_that_it_is_empty,
    set_texts,
    short,
    styled_axes,
    use_integer_ticks,
)
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_history"]

_WIDTH, _HEIGHT = 7.0, 4.4
_MARGINS = 0.8  # in inches, for what stands beside the axes


def plot_history(
    rows: Sequence[TrialRow], metric: str, direction: Direction, axes: Axes | None = None
) -> Axes:
    """Draw the final metrics in the order of ending, and the best one so far.

    Args:
        rows: The trials. Failed ones are marked at the edge.
        metric: The name of the metric.
        direction: The direction in which it improves.
        axes: The axes to draw on; None for a new figure.
    """
    inner, _ = inches_of(axes, _WIDTH - _MARGINS, _HEIGHT)
    with styled_axes(axes, _WIDTH, _HEIGHT) as plot_axes:
        set_texts(
            plot_axes,
            inner,
            title=f"{short(metric)} of {counted(len(rows))} ({direction_text(direction)})",
            x="trial, in the order of ending",
            y=short(metric),
        )
        if not rows:
            say_that_it_is_empty(plot_axes, "no trial has ended")
            return plot_axes
        axis = MetricAxis(plot_axes, direction)
        inside = axis.draw([Place(position, row) for position, row in enumerate(rows, start=1)])
        plot_axes.set_xlim(0.5 - 0.01 * len(rows), len(rows) + 0.5 + 0.01 * len(rows))
        use_integer_ticks(plot_axes)
        _draw_best(axis, plot_axes, inside, len(rows))
        add_legend(plot_axes, axis.handles, inner)
    return plot_axes


def _draw_best(axis: MetricAxis, axes: Axes, places: Sequence[Place], end: int) -> None:
    """Draw a line of the best metric so far, up to the last trial, and mark the best trial."""
    positions: list[float] = []
    values: list[float] = []
    for place in places:
        value = place.row["metric"]
        is_best = not values or axis.direction.is_better(value or 0.0, than=values[-1])
        if value is not None and is_best:
            positions.append(place.position)
            values.append(value)
    if not values:
        return
    (line,) = axes.step(
        [*positions, end],
        [*values, values[-1]],
        where="post",
        color=BEST_COLOR,
        linewidth=1.4,
        marker="*",
        markersize=11,
        markevery=[len(positions) - 1],
        markeredgecolor="white",
        markeredgewidth=0.6,
        label=f"best so far: {rounded(values[-1])}",
        zorder=5,
    )
    axis.handles.append(line)
