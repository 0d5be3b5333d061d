"""The figures of a search that need no other library: its history, and each of its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from maggy.common.direction import Direction
from maggy.common.json_values import as_number, json_key
from maggy.common.types import Json, ParameterValue
from maggy.result.plots.metric_axis import direction_text
from maggy.result.plots.style import rounded
from maggy.result.report.labels import plot_label, plot_number, value_text
from maggy.result.report.metric_scale import Figure, MetricScale, trial_traces
from maggy.result.rows import TrialRow
from maggy.searchspace.parameter import LISTED, Parameter

__all__ = ["history_figure", "parameter_figure"]

_GOLDEN = 0.618034
_MAX_CATEGORY = 24


def history_figure(
    rows: Sequence[TrialRow], places: Mapping[str, int], metric: str, direction: Direction
) -> Figure:
    """Return the metrics in the order of ending, and the best one so far.

    Args:
        rows: The ended trials, in that order.
        places: The index of each trial in the table, by id.
        metric: The name of the metric.
        direction: The direction in which it improves.
    """
    scale = _scale(rows, direction)
    positions = [float(position) for position in range(1, len(rows) + 1)]
    return {
        "title": f"{metric_text(metric)} of each trial",
        "note": direction_text(direction),
        "data": [
            *trial_traces(positions, rows, places, scale),
            *_best_so_far(rows, direction),
        ],
        "layout": {
            "xaxis": {
                "title": {"text": "trial, in the order of ending"},
                "range": [0.5 - 0.01 * len(rows), len(rows) + 0.5 + 0.01 * len(rows)],
                "zeroline": False,
            },
            "yaxis": scale.axis(metric_text(metric)),
            "shapes": scale.shapes(),
        },
    }


def metric_text(metric: str) -> str:
    """Return the name of the metric as the plots write it."""
    return plot_label(metric)


def _scale(rows: Sequence[TrialRow], direction: Direction) -> MetricScale:
    metrics = [row["metric"] for row in rows if row["metric"] is not None]
    return MetricScale.over(metrics, direction, needs_edge=len(metrics) < len(rows))


def _best_so_far(rows: Sequence[TrialRow], direction: Direction) -> list[Json]:
    positions: list[Json] = []
    values: list[float] = []
    for position, row in enumerate(rows, start=1):
        metric = row["metric"]
        if metric is not None and (not values or direction.is_better(metric, than=values[-1])):
            positions.append(position)
            values.append(metric)
    if not values:
        return []
    sizes: list[Json] = [0] * (len(values) - 1)
    line: Figure = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"best so far: {rounded(values[-1])}",
        "x": [*positions, len(rows)],
        "y": [*map(plot_number, values), plot_number(values[-1])],
        "line": {"shape": "hv", "color": "@best", "width": 1.6},
        "marker": {"symbol": "star", "color": "@best", "size": [*sizes, 13, 0]},
        "hoverinfo": "skip",
    }
    return [line]


def parameter_figure(
    rows: Sequence[TrialRow],
    places: Mapping[str, int],
    name: str,
    parameter: Parameter | None,
    metric: str,
    direction: Direction,
) -> Figure:
    """Return the metric over the values of one parameter, on the parameter's own scale.

    Args:
        rows: The ended trials. Those without the parameter are left out and counted.
        places: The index of each trial in the table, by id.
        name: The name of the parameter.
        parameter: The parameter in the search space, or None if there is none.
        metric: The name of the metric.
        direction: The direction in which it improves.
    """
    group = [row for row in rows if name in row["params"]]
    values = [row["params"][name] for row in group]
    is_listed = parameter is not None and parameter.type in LISTED
    numbers = (
        []
        if is_listed
        else [number for value in values if (number := as_number(value)) is not None]
    )
    if is_listed or len(numbers) < len(values):
        positions, axis = _categories(values, parameter if is_listed else None)
    else:
        positions, axis = [float(number) for number in numbers], _number_axis(parameter, numbers)
    scale = _scale(group, direction)
    others = len(rows) - len(group)
    return {
        "title": f"{metric_text(metric)} by {plot_label(name)}",
        "choice": plot_label(name),
        "note": f"{others} trials without it" if others else "",
        "data": trial_traces(positions, group, places, scale),
        "layout": {
            "xaxis": {"title": {"text": plot_label(name)}, "zeroline": False, **axis},
            "yaxis": scale.axis(metric_text(metric)),
            "shapes": scale.shapes(),
        },
    }


def _number_axis(parameter: Parameter | None, numbers: Sequence[float]) -> Figure:
    low, high = (min(numbers), max(numbers)) if parameter is None else parameter.ends
    if parameter is not None and parameter.log:
        first, last = math.log10(low), math.log10(high)
        margin = 0.04 * (last - first)
        ends: list[Json] = [plot_number(first - margin), plot_number(last + margin)]
        return {"type": "log", "range": ends, "dtick": 1 if last - first > 1.5 else "D1"}
    margin = 0.04 * (high - low) or abs(low) * 0.1 or 1.0
    return {"range": [plot_number(low - margin), plot_number(high + margin)]}


def _categories(
    values: Sequence[ParameterValue], parameter: Parameter | None
) -> tuple[list[float], Figure]:
    """Return the position of each trial, and the axis with the names of the categories.

    The categories have the order of the space, or of appearance without a space.
    """
    order = [*([] if parameter is None else parameter.distinct), *values]
    names = {json_key(value): plot_label(value_text(value), _MAX_CATEGORY) for value in order}
    places = {key: place for place, key in enumerate(names)}
    counts = dict.fromkeys(names, 0)
    positions = []
    for value in values:
        key = json_key(value)
        counts[key] += 1
        # Multiples of the golden ratio spread trials evenly, so that fewer cover each other.
        positions.append(places[key] + 0.5 * ((counts[key] * _GOLDEN) % 1 - 0.5))
    # With many categories not every one has space for its name.
    stride = -(-len(names) // 40)
    texts: list[Json] = [*names.values()]
    axis: Figure = {
        "tickvals": list(range(0, len(names), stride)),
        "ticktext": texts[::stride],
        "range": [-0.6, len(names) - 0.4],
        "showgrid": False,
    }
    return positions, axis
