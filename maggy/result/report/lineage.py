"""The figure of a lineage: which trial continues which one, and how the best one came about."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from maggy.common.direction import Direction
from maggy.common.types import Json
from maggy.result.lineage import Lineage, Link, is_ladder
from maggy.result.plots.lineage import lineage_title, link_label
from maggy.result.plots.metric_axis import direction_text
from maggy.result.plots.style import counted, rounded
from maggy.result.report.labels import plot_label, plot_number
from maggy.result.report.metric_scale import Figure, MetricScale, trial_traces
from maggy.result.rows import TrialRow

__all__ = ["lineage_figure"]

_MARGIN = 0.04


def lineage_figure(
    rows: Sequence[TrialRow],
    places: Mapping[str, int],
    metric: str,
    direction: Direction,
    hyperparameters: Collection[str],
    best_id: str | None,
) -> Figure | None:
    """Return the metrics over the budgets, with lines; None if no trial continues another one.

    Args:
        rows: The ended trials. Those without a budget are left out and counted.
        places: The index of each trial in the table, by id.
        metric: The name of the metric.
        direction: The direction in which it improves.
        hyperparameters: The names of the search space: none of them is the budget.
        best_id: The id of the best trial, or None.
    """
    lineage = Lineage.of(rows, hyperparameters)
    if not lineage.links:
        return None
    metrics = [row["metric"] for row in lineage.rows if row["metric"] is not None]
    scale = MetricScale.over(metrics, direction, needs_edge=len(metrics) < len(lineage.rows))
    budgets = [lineage.budgets[row["trial_id"]] for row in lineage.rows]
    absent = len(rows) - len(lineage.rows)
    remark = f"; without {counted(absent)} that had no budget" if absent else ""
    return {
        "title": f"{plot_label(metric)} of {lineage_title(lineage)}",
        "note": f"{direction_text(direction)}{remark}",
        "data": [
            *_lines(lineage, is_copy=False),
            *_lines(lineage, is_copy=True),
            *trial_traces(budgets, lineage.rows, places, scale),
            *_copies(lineage, places),
            *_ancestry(lineage, best_id),
        ],
        "layout": {
            "xaxis": {"title": {"text": "budget in all"}, "zeroline": False, **_axis(budgets)},
            "yaxis": scale.axis(plot_label(metric)),
            "shapes": scale.shapes(),
        },
    }


def _axis(budgets: Sequence[float]) -> Figure:
    low, high = min(budgets), max(budgets)
    if is_ladder(budgets):
        levels = sorted(set(budgets))
        margin = _MARGIN * math.log10(high / low)
        return {
            "type": "log",
            "range": [
                plot_number(math.log10(low) - margin),
                plot_number(math.log10(high) + margin),
            ],
            "tickvals": [*map(plot_number, levels)],
            "ticktext": [*map(rounded, levels)],
        }
    margin = _MARGIN * (high - low) or abs(low) * 0.1 or 1.0
    return {"range": [plot_number(low - margin), plot_number(high + margin)]}


def _lines(lineage: Lineage, *, is_copy: bool) -> list[Json]:
    """Return the lines of one kind as one trace. A None after each line parts it from the next."""
    pairs = [
        points
        for link in _links(lineage, is_copy=is_copy)
        if len(points := _points(lineage, [link.parent, link.child])) == 2
    ]
    if not pairs:
        return []
    number = len(lineage.links)
    line: Figure = {
        "color": "@copy" if is_copy else "@finished",
        "dash": "dash" if is_copy else "solid",
        "width": 1.2 if number <= 100 else 0.8,
    }
    trace: Figure = {
        "type": "scatter",
        "mode": "lines",
        "name": f"{link_label(lineage, is_copy=is_copy)} ({len(pairs)})",
        "showlegend": not is_copy,  # its markers have an entry
        "x": [x for points in pairs for x in (*(budget for budget, _ in points), None)],
        "y": [y for points in pairs for y in (*(metric for _, metric in points), None)],
        "line": line,
        "opacity": min(0.8, max(0.25, 40 / number)),
        "hoverinfo": "skip",
    }
    return [trace]


def _copies(lineage: Lineage, places: Mapping[str, int]) -> list[Json]:
    """Return a marker for each copy, as lines between many trials are hard to tell apart."""
    rows = [link.child for link in _links(lineage, is_copy=True)]
    points = _points(lineage, rows)
    if not points:
        return []
    number = len(lineage.rows)
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "name": f"{link_label(lineage, is_copy=True)} ({len(points)})",
        "x": [budget for budget, _ in points],
        "y": [metric for _, metric in points],
        "customdata": [places[row["trial_id"]] for row in rows if row["metric"] is not None],
        "marker": {
            "color": "@copy",
            "symbol": "diamond",
            "size": 8 if number <= 60 else 6.5 if number <= 300 else 5,
        },
    }
    return [trace]


def _ancestry(lineage: Lineage, best_id: str | None) -> list[Json]:
    ancestry = lineage.ancestry(best_id)
    points = _points(lineage, ancestry)
    if not points:
        return []
    sizes: list[Json] = [0] * (len(points) - 1)
    trace: Figure = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"to the best: {rounded(ancestry[-1]['metric'])}",
        "x": [budget for budget, _ in points],
        "y": [metric for _, metric in points],
        "line": {"color": "@best", "width": 2},
        "marker": {"symbol": "star", "color": "@best", "size": [*sizes, 13]},
        "hoverinfo": "skip",
    }
    return [trace]


def _links(lineage: Lineage, *, is_copy: bool) -> list[Link]:
    return [link for link in lineage.links if link.is_copy is is_copy]


def _points(lineage: Lineage, rows: Sequence[TrialRow]) -> list[tuple[float, float]]:
    return [
        (plot_number(lineage.budgets[row["trial_id"]]), plot_number(row["metric"]))
        for row in rows
        if row["metric"] is not None
    ]
