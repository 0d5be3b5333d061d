"""An ablation in the report: the figure and the table of its components, its ablator's lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from maggy.ablation.component import Component
from maggy.ablation.statistics import Verdict
from maggy.common.direction import Direction
from maggy.common.types import Json
from maggy.result.ablator_lines import ablator_lines
from maggy.result.component_table import component_table, verdict_note
from maggy.result.differences import ComponentDifference
from maggy.result.plots.metric_axis import direction_text
from maggy.result.report.labels import line, plot_label, plot_number
from maggy.result.report.metric_scale import Figure
from maggy.result.rows import TrialRow

__all__ = ["ablator_text", "component_rows", "differences_figure"]

_LINE, _MARGINS, _MIN_HEIGHT = 24, 120, 260  # pixels
_COLORS: dict[Verdict | None, str] = {
    None: "@finished", "helps": "@helps", "hurts": "@failed", "inconclusive": "@beyond",
}  # fmt: skip
# Not "helps" and "hurts": a choice is named after the value that replaces the base's.
_NAMES: dict[Verdict | None, str] = {
    None: "difference",
    "helps": "metric gets worse",
    "hurts": "metric gets better",
    "inconclusive": "inconclusive",
}


def differences_figure(
    differences: Sequence[ComponentDifference], metric: str, direction: Direction
) -> Figure | None:
    """Return a bar for each component, sorted by effect; None without a single difference.

    Args:
        differences: The components.
        metric: The name of the metric.
        direction: The direction in which it improves.
    """
    entries = sorted(
        (entry for entry in differences if entry["difference"] is not None),
        key=lambda entry: entry["difference"] or 0.0,
    )
    if not entries:
        return None
    data = [trace for verdict in _COLORS for trace in _bars(entries, verdict)]
    ticks: list[Json] = list(range(len(entries)))
    names: list[Json] = [plot_label(Component.from_params(entry).describe()) for entry in entries]
    return {
        "title": f"{plot_label(metric)} without each component",
        "note": direction_text(direction),
        "height": max(_MIN_HEIGHT, _MARGINS + _LINE * len(entries)),
        "data": data,
        "layout": {
            "barmode": "overlay",
            "showlegend": len(data) > 1,
            "xaxis": {
                "title": {"text": f"difference of {plot_label(metric)} from the base"},
                "range": _limits(entries),
            },
            "yaxis": {
                "tickvals": ticks,
                "ticktext": names,
                "range": [len(entries) - 0.4, -0.6],
                "showgrid": False,
                "automargin": True,
                "zeroline": False,
            },
        },
    }


def _bars(entries: Sequence[ComponentDifference], verdict: Verdict | None) -> list[Json]:
    group = [
        (place, entry) for place, entry in enumerate(entries) if entry.get("verdict") == verdict
    ]
    if not group:
        return []
    widths = [_half_width(entry) for _, entry in group]
    trace: Figure = {
        "type": "bar",
        "orientation": "h",
        "name": f"{_NAMES[verdict]} ({len(group)})",
        "y": [place for place, _ in group],
        "x": [plot_number(entry["difference"] or 0.0) for _, entry in group],
        "marker": {"color": _COLORS[verdict]},
        "text": [plot_label(Component.from_params(entry).describe()) for _, entry in group],
        "textposition": "none",
        "hovertemplate": "%{text}<br>%{x:+.4g}<extra></extra>",
    }
    if any(widths):
        trace["error_x"] = {
            "type": "data", "array": [plot_number(width) for width in widths], "color": "@best",
            "thickness": 1.2, "width": 3,
        }  # fmt: skip
    return [trace]


def _half_width(entry: ComponentDifference) -> float:
    low, high = entry.get("ci_low"), entry.get("ci_high")
    return 0.0 if low is None or high is None else (high - low) / 2


def _limits(entries: Sequence[ComponentDifference]) -> list[Json]:
    """Return the limits of the axis: differences of diverged trainings lie beyond it."""
    metrics = sorted(abs(entry["metric"] or 0.0) for entry in entries)
    bases = [abs((entry["metric"] or 0.0) - (entry["difference"] or 0.0)) for entry in entries]
    usual = max(metrics[math.floor(0.75 * (len(metrics) - 1))], min(bases))
    limit = 10 * usual or math.inf
    ends = [0.0]
    for entry in entries:
        difference, width = entry["difference"] or 0.0, _half_width(entry)
        if abs(difference) <= limit:
            ends += [difference - width, difference + width]
        else:
            ends.append(math.copysign(limit, difference))
    margin = 0.04 * (max(ends) - min(ends)) or 1.0
    return [plot_number(min(ends) - margin), plot_number(max(ends) + margin)]


def component_rows(
    values: Mapping[str, Any], rows: Sequence[TrialRow], *, metric: str, confidence: float
) -> tuple[list[str], list[list[str]], str] | None:
    """Return the heads, the rows and the note of the table of components; None without repeats.

    Args:
        values: The keys of the result.
        rows: The ended trials.
        metric: The name of the metric.
        confidence: The confidence of intervals and verdicts.
    """
    if "base" not in values:
        return None
    table = component_table(
        values["differences"], values["base"], rows, metric=metric, confidence=confidence
    )
    cells = [[line(cell) for cell in row] for row in table.rows]
    return [line(head) for head in table.heads], cells, verdict_note(values["differences"])


def ablator_text(values: Mapping[str, Any]) -> str:
    """Return what the ablator adds to the result, as aligned lines; empty if it adds nothing."""
    return "\n".join(ablator_lines(values)).strip("\n") if "differences" in values else ""
