"""The plot of a lineage: which trial continues which one, and how the best one came about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from maggy.common.direction import Direction
from maggy.common.optional import import_optional
from maggy.result.lineage import Lineage, is_ladder
from maggy.result.plots.metric_axis import MetricAxis, Place, direction_text, marker_area
from maggy.result.plots.style import (
    BEST_COLOR,
    LOOKS,
    REMEDY,
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

__all__ = ["COPY_COLOR", "lineage_title", "link_label", "plot_lineage"]

COPY_COLOR = "#AA3377"
_COPY_MARKER = "D"
_WIDTH, _HEIGHT = 7.0, 4.4
_MARGINS = 0.8  # in inches, for what stands beside the axes
_MARGIN = 0.04


def plot_lineage(
    rows: Sequence[TrialRow],
    metric: str,
    direction: Direction,
    best_id: str | None,
    hyperparameters: Collection[str] = (),
    axes: Axes | None = None,
) -> Axes:
    """Draw the final metric of each trial over its budget, with a line from what it continues.

    Args:
        rows: The trials. Those without a budget are left out and counted.
        metric: The name of the metric.
        direction: The direction in which it improves.
        best_id: The id of the best trial, or None. What it continues is drawn on top.
        hyperparameters: The names of the search space: none of them is the budget.
        axes: The axes to draw on; None for a new figure.
    """
    inner, _ = inches_of(axes, _WIDTH - _MARGINS, _HEIGHT)
    lineage = Lineage.of(rows, hyperparameters)
    with styled_axes(axes, _WIDTH, _HEIGHT) as plot_axes:
        absent = len(rows) - len(lineage.rows)
        remark = f"; without {counted(absent)} that had none" if absent else ""
        set_texts(
            plot_axes,
            inner,
            title=f"{short(metric)} of {lineage_title(lineage)} ({direction_text(direction)})",
            x=f"budget in all{remark}",
            y=short(metric),
        )
        if not lineage.links:
            say_that_it_is_empty(plot_axes, "no trial continues another one")
            return plot_axes
        axis = MetricAxis(plot_axes, direction)
        budgets = lineage.budgets
        _set_budgets(plot_axes, [*budgets.values()])
        axis.draw([Place(budgets[row["trial_id"]], row) for row in lineage.rows])
        for is_copy in (False, True):
            _draw_links(axis, plot_axes, lineage, is_copy=is_copy)
        _draw_ancestry(axis, plot_axes, lineage, best_id)
        add_legend(plot_axes, axis.handles, inner)
    return plot_axes


def lineage_title(lineage: Lineage) -> str:
    """Return how many trials, members and links there are, in words."""
    if lineage.members:
        turns = counted(len(lineage.rows), "turn")
        return f"{turns} of {counted(len(lineage.members), 'member')}"
    return f"{counted(len(lineage.rows))}, of which {len(lineage.links)} continue another"


def link_label(lineage: Lineage, *, is_copy: bool) -> str:
    """Return how the legend calls a link."""
    if is_copy:
        return "copy of another member"
    return "its own training" if lineage.members else "continues a trial"


def _set_budgets(axes: Axes, budgets: Sequence[float]) -> None:
    low, high = min(budgets), max(budgets)
    if is_ladder(budgets):
        ticker = import_optional("matplotlib.ticker", "A plot", REMEDY)
        axes.set_xscale("log")
        margin = (high / low) ** _MARGIN
        axes.set_xlim(low / margin, high * margin)
        levels = sorted(set(budgets))
        axes.set_xticks(levels, [rounded(level) for level in levels])
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        return
    margin = _MARGIN * (high - low) or abs(low) * 0.1 or 1.0
    axes.set_xlim(low - margin, high + margin)
    if all(budget == int(budget) for budget in budgets):
        use_integer_ticks(axes)


def _draw_links(axis: MetricAxis, axes: Axes, lineage: Lineage, *, is_copy: bool) -> None:
    """Draw a line for each link between two trials with a metric, and a marker for each copy."""
    pairs = [
        _points(lineage, [link.parent, link.child])
        for link in lineage.links
        if link.is_copy is is_copy
    ]
    segments = [points for points in pairs if len(points) == 2]
    if not segments:
        return
    collections = import_optional("matplotlib.collections", "A plot", REMEDY)
    number = len(lineage.links)
    color, style = (COPY_COLOR, "--") if is_copy else (LOOKS["finished"].color, "-")
    lines = collections.LineCollection(
        segments,
        colors=color,
        linestyles=style,
        linewidths=1.2 if number <= 100 else 0.8,
        alpha=min(0.8, max(0.25, 40 / number)),
        zorder=2,
    )
    axes.add_collection(lines, autolim=False)
    if is_copy:
        # Above the line to the best one, which may have copied, too.
        axes.scatter(
            [points[1][0] for points in segments],
            [points[1][1] for points in segments],
            s=marker_area(number),
            marker=_COPY_MARKER,
            facecolors=COPY_COLOR,
            edgecolors="white",
            linewidths=0.4,
            zorder=6,
        )
    lines_module = import_optional("matplotlib.lines", "A plot", REMEDY)
    handle = lines_module.Line2D(
        [],
        [],
        color=color,
        linestyle=style,
        linewidth=1.4,
        marker=_COPY_MARKER if is_copy else None,
        markersize=5,
        label=f"{link_label(lineage, is_copy=is_copy)} ({len(segments)})",
    )
    axis.handles.append(handle)


def _draw_ancestry(axis: MetricAxis, axes: Axes, lineage: Lineage, best_id: str | None) -> None:
    ancestry = lineage.ancestry(best_id)
    points = _points(lineage, ancestry)
    if not points:
        return
    style: dict[str, Any] = {"color": BEST_COLOR, "markersize": 11, "markeredgewidth": 0.6}
    axes.plot(*zip(*points, strict=True), color=BEST_COLOR, linewidth=2.0, zorder=5)
    # Its last turn may be a copy, whose marker must not cover the star.
    axes.plot(*points[-1], marker="*", markeredgecolor="white", zorder=7, **style)
    lines_module = import_optional("matplotlib.lines", "A plot", REMEDY)
    label = f"to the best: {rounded(ancestry[-1]['metric'])}"
    axis.handles.append(
        lines_module.Line2D([], [], linewidth=2.0, marker="*", label=label, **style)
    )


def _points(lineage: Lineage, rows: Sequence[TrialRow]) -> list[tuple[float, float]]:
    return [
        (lineage.budgets[row["trial_id"]], row["metric"])
        for row in rows
        if row["metric"] is not None
    ]
