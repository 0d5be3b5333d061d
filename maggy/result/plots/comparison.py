"""The plot of two experiments: the best metric so far, over what it cost and over the trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from maggy.common.direction import Direction
from maggy.common.optional import import_optional
from maggy.result.plots.limits import worst_on_axis
from maggy.result.plots.metric_axis import MetricAxis, direction_text
from maggy.result.plots.style import (
    LOOKS,
    REMEDY,
    add_legend,
    inches_of,
    rounded,
    set_texts,
    short,
    styled_axes,
)
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_best_so_far"]

_WIDTH, _HEIGHT = 5.5, 4.2  # of one of the two axes, in inches
_MARGINS = 0.8
_COLORS = (LOOKS["finished"].color, LOOKS["failed"].color)
_STYLES = ("-", "--")


def plot_best_so_far(
    names: Sequence[str],
    trials: Sequence[Sequence[TrialRow]],
    metric: str,
    direction: Direction,
    axes: Sequence[Axes] | None = None,
) -> list[Axes]:
    """Draw the best metric so far of each experiment, over worker-seconds and over trials.

    Args:
        names: The names of the experiments.
        trials: The ended trials of each, in the order of ending.
        metric: The name of the metric.
        direction: The direction in which it improves.
        axes: Two axes to draw on; None for a new figure.
    """
    if axes is None:
        pyplot = import_optional("matplotlib.pyplot", "A plot", REMEDY)
        figure = pyplot.figure(figsize=(2 * _WIDTH, _HEIGHT), layout="constrained")
        axes = figure.subplots(1, 2)
    costs = [[(row["duration"] or 0) / 1000 for row in rows] for rows in trials]
    counts = [[1.0] * len(rows) for rows in trials]
    for place, units, text in zip(
        axes, (costs, counts), ("worker-seconds of ended trials", "ended trials"), strict=True
    ):
        inner, _ = inches_of(place, _WIDTH - _MARGINS, _HEIGHT)
        with styled_axes(place, _WIDTH, _HEIGHT) as plot_axes:
            title = f"best {short(metric)} so far ({direction_text(direction)})"
            set_texts(plot_axes, inner, title=title, x=text, y=short(metric))
            axis = MetricAxis(plot_axes, direction)
            lines = [
                _best_so_far(rows, unit, direction)
                for rows, unit in zip(trials, units, strict=True)
            ]
            values = [value for _, bests in lines for value in bests]
            axis.set_limits(values, worst_on_axis(values, direction), has_edge=False)
            for name, (positions, bests), color, style in zip(
                names, lines, _COLORS, _STYLES, strict=True
            ):
                label = f"{short(name)}: {rounded(bests[-1]) if bests else 'no metric'}"
                (line,) = plot_axes.step(
                    positions, bests, where="post", color=color, linestyle=style, label=label
                )
                axis.handles.append(line)
            plot_axes.set_xlim(left=0)
            add_legend(plot_axes, axis.handles, inner)
    return list(axes)


def _best_so_far(
    rows: Sequence[TrialRow], units: Sequence[float], direction: Direction
) -> tuple[list[float], list[float]]:
    """Return what had been spent at the end of each trial, and the best metric by then."""
    positions: list[float] = []
    bests: list[float] = []
    position = 0.0
    for row, unit in zip(rows, units, strict=True):
        position += unit
        metric = row["metric"]
        if metric is None and not bests:
            continue
        is_best = metric is not None and (not bests or direction.is_better(metric, than=bests[-1]))
        positions.append(position)
        bests.append(metric if is_best and metric is not None else bests[-1])
    return positions, bests
