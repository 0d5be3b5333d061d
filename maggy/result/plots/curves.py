"""The plot of learning curves: what each trial reported while it trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maggy.common.direction import Direction
from maggy.common.optional import import_optional
from maggy.result.plots.limits import is_beyond, worst_on_axis
from maggy.result.plots.metric_axis import MetricAxis, direction_text, marker_area
from maggy.result.plots.style import (
    BEST_COLOR,
    LOOKS,
    REMEDY,
    Look,
    add_legend,
    counted,
    inches_of,
    look_of,
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

__all__ = ["plot_curves"]

_WIDTH, _HEIGHT = 7.0, 4.4
_MARGINS = 0.8  # in inches, for what stands beside the axes


@dataclass(frozen=True)
class _Curve:
    """The reported values of a trial; NaN stands for a value that was no number.

    Attributes:
        worst: The worst value that is a number.
    """

    row: TrialRow
    values: list[float]
    worst: float

    @property
    def points(self) -> list[tuple[float, float]]:
        return list(zip(self.row["steps"], self.values, strict=True))


def plot_curves(
    rows: Sequence[TrialRow],
    metric: str,
    direction: Direction,
    best_id: str | None,
    axes: Axes | None = None,
) -> Axes:
    """Draw the reported values of each trial over the training steps, the best trial on top.

    Args:
        rows: The trials.
        metric: The name of the metric.
        direction: The direction in which it improves.
        best_id: The id of the best trial, or None.
        axes: The axes to draw on; None for a new figure.
    """
    inner, _ = inches_of(axes, _WIDTH - _MARGINS, _HEIGHT)
    with styled_axes(axes, _WIDTH, _HEIGHT) as plot_axes:
        curves = [curve for row in rows if (curve := _make_curve(row, direction)) is not None]
        name = short(metric)
        set_texts(
            plot_axes,
            inner,
            title=f"{name} while {counted(len(curves))} trained ({direction_text(direction)})",
            x="training step",
            y=f"{name}, as reported",
        )
        if not curves:
            say_that_it_is_empty(plot_axes, "no trial has reported a value")
            return plot_axes
        axis = MetricAxis(plot_axes, direction)
        exits = _limit(axis, plot_axes, curves, direction)
        for look in LOOKS.values():
            kind = [curve for curve in curves if look_of(curve.row) is look]
            others = [curve for curve in kind if curve.row["trial_id"] != best_id]
            label = f"{look.label} ({len(kind)})"
            _draw_lines(axis, plot_axes, others, look, label, len(curves))
        has_nan = any(math.isnan(value) for curve in curves for value in curve.values)
        label = f"{'NaN or ' if has_nan else ''}beyond the axis"
        axis.mark_beyond(exits, marker_area(len(curves)), label)
        for curve in curves:
            if curve.row["trial_id"] == best_id:
                _draw_best(axis, plot_axes, curve)
        add_legend(plot_axes, axis.handles, inner)
    return plot_axes


def _make_curve(row: TrialRow, direction: Direction) -> _Curve | None:
    """Return the curve of a trial; None if it has reported no number."""
    numbers = [value for value in row["history"] if value is not None]
    if not numbers:
        return None
    values = [math.nan if value is None else value for value in row["history"]]
    return _Curve(row, values, min(numbers, key=lambda value: direction.sign * value))


def _limit(
    axis: MetricAxis, axes: Axes, curves: Sequence[_Curve], direction: Direction
) -> list[float]:
    """Set the limits of both axes, and return the steps at which curves leave them."""
    numbers = [value for curve in curves for value in curve.values if not math.isnan(value)]
    worst = worst_on_axis(
        [curve.worst for curve in curves], direction, best=direction.best(numbers)
    )
    exits = [
        next(
            step
            for step, value in curve.points
            if math.isnan(value) or is_beyond(value, worst, direction)
        )
        for curve in curves
        if any(map(math.isnan, curve.values)) or is_beyond(curve.worst, worst, direction)
    ]
    axis.set_limits(numbers, worst, has_edge=bool(exits))
    steps = [step for curve in curves for step in curve.row["steps"]]
    first, last = min(steps), max(steps)
    margin = 0.02 * (last - first) or 0.5
    axes.set_xlim(first - margin, last + margin)
    if all(step == int(step) for step in steps):
        use_integer_ticks(axes)
    return exits


def _draw_lines(
    axis: MetricAxis, axes: Axes, curves: Sequence[_Curve], look: Look, label: str, number: int
) -> None:
    """Draw faded lines, and the last point of each trial that did not run to its end."""
    if not curves:
        return
    collections = import_optional("matplotlib.collections", "A plot", REMEDY)
    alpha = min(0.8, max(0.07, 25 / number))
    width = 1.1 if number <= 100 else 0.7
    lines = collections.LineCollection(
        [curve.points for curve in curves], colors=look.color, linewidths=width, alpha=alpha
    )
    axes.add_collection(lines, autolim=False)
    has_ends = look is not LOOKS["finished"]
    # A curve of one point is no line.
    ends = [curve.points[-1] for curve in curves if has_ends or len(curve.points) == 1]
    style: dict[str, Any] = {
        "marker": look.marker,
        **look.colors,
        "linewidths": 0.9 if has_ends else 0.0,
    }
    if ends:
        axes.scatter(
            [step for step, _ in ends],
            [value for _, value in ends],
            s=marker_area(number) * 0.6,
            alpha=min(1.0, 0.25 + 2.5 * alpha),
            zorder=3,
            **style,
        )
    lines_module = import_optional("matplotlib.lines", "A plot", REMEDY)
    axis.handles.append(
        lines_module.Line2D(
            [],
            [],
            color=look.color,
            marker=look.marker if has_ends else None,
            markerfacecolor=look.face,
            markersize=5,
            label=label,
        )
    )


def _draw_best(axis: MetricAxis, axes: Axes, curve: _Curve) -> None:
    (line,) = axes.plot(
        curve.row["steps"],
        curve.values,
        color=BEST_COLOR,
        linewidth=2.4,
        marker="*" if len(curve.values) == 1 else None,
        markersize=11,
        label=f"best: {rounded(curve.row['metric'])}",
        zorder=5,
    )
    axis.handles.append(line)
