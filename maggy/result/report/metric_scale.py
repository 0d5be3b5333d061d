"""The axis of the metric in the report's plots: its limits, and the edge for trials beyond it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maggy.common.direction import Direction
from maggy.common.types import Json
from maggy.result.plots.limits import is_beyond, worst_on_axis
from maggy.result.plots.style import LOOKS, look_of
from maggy.result.report.labels import plot_number
from maggy.result.rows import TrialRow

__all__ = ["Figure", "MetricScale", "trial_traces"]

Figure = dict[str, Json]
"""A figure, or a part of one, as plotly's script takes it. A colour such as ``"@best"`` is one of
the page's, which knows whether it is light or dark."""

_MARGIN = 0.05
_EDGE = 0.08
_SYMBOLS = {"finished": "circle", "stopped": "square-open", "failed": "x-thin-open"}


@dataclass(frozen=True)
class MetricScale:
    """Where metrics stand on an axis.

    Attributes:
        low: The lower limit of the axis.
        high: The upper limit.
        worst: The worst metric on the axis; None if there is none.
        edge: The limits of the edge, where trials stand that have no place on the axis; None
            without such trials.
        direction: The direction in which the metric improves.
    """

    low: float
    high: float
    worst: float | None
    edge: tuple[float, float] | None
    direction: Direction

    @classmethod
    def over(
        cls,
        metrics: Sequence[float],
        direction: Direction,
        *,
        best: float | None = None,
        needs_edge: bool = False,
    ) -> MetricScale:
        """Return the scale on which one diverged trial does not hide the others.

        Args:
            metrics: The metrics.
            direction: The direction in which they improve.
            best: Where the axis begins; the best of the metrics if it is None.
            needs_edge: There are trials without a metric.
        """
        worst = worst_on_axis(metrics, direction, best=best)
        if worst is None:
            return cls(-1.08, 1.0, None, (-1.08, -1.0), direction)
        best = direction.best(metrics) if best is None else best
        has_edge = needs_edge or any(is_beyond(metric, worst, direction) for metric in metrics)
        sign = direction.sign
        span = abs(best - worst) or abs(best) * 0.1 or 1.0
        start = worst - sign * span * _MARGIN
        end = start - sign * span * _EDGE * has_edge
        low, high = sorted((end, best + sign * span * _MARGIN))
        low_edge, high_edge = sorted((start, end))
        return cls(low, high, worst, (low_edge, high_edge) if has_edge else None, direction)

    @property
    def middle(self) -> float:
        """The middle of the edge."""
        return self.worst or 0.0 if self.edge is None else sum(self.edge) / 2

    def is_beyond(self, metric: float) -> bool:
        """Return whether a metric is worse than the worst one on the axis."""
        return is_beyond(metric, self.worst, self.direction)

    def axis(self, title: str) -> Figure:
        """Return the axis."""
        return {
            "title": {"text": title},
            "range": [plot_number(self.low), plot_number(self.high)],
            "zeroline": False,
            **({"showticklabels": False} if self.worst is None else {}),
        }

    def shapes(self) -> list[Json]:
        """Return the area of the edge."""
        if self.edge is None:
            return []
        low, high = map(plot_number, self.edge)
        area: Figure = {
            "type": "rect", "layer": "below", "xref": "paper", "x0": 0, "x1": 1, "y0": low,
            "y1": high, "fillcolor": "@faint", "line": {"width": 0},
        }  # fmt: skip
        return [area]


def trial_traces(
    positions: Sequence[float],
    rows: Sequence[TrialRow],
    places: Mapping[str, int],
    scale: MetricScale,
) -> list[Json]:
    """Return the markers of trials, a trace for each status and one for those beyond the axis.

    Args:
        positions: Where each trial stands on the horizontal axis.
        rows: The trials.
        places: The index of each trial in the table, by id.
        scale: The scale of the metric.
    """
    groups: dict[str, list[tuple[float, float, int]]] = {}
    for position, row in zip(positions, rows, strict=True):
        metric, place = row["metric"], places[row["trial_id"]]
        look = look_of(row)
        name = next(name for name, other in LOOKS.items() if other is look)
        if metric is None:
            groups.setdefault(name, []).append((position, scale.middle, place))
        elif scale.is_beyond(metric):
            groups.setdefault("beyond", []).append((position, scale.middle, place))
        else:
            groups.setdefault(name, []).append((position, metric, place))
    size = 8 if len(rows) <= 60 else 6 if len(rows) <= 300 else 4.5
    points_up = scale.direction is Direction.MIN
    symbols = {**_SYMBOLS, "beyond": "triangle-up" if points_up else "triangle-down"}
    labels = {**{name: look.label for name, look in LOOKS.items()}, "beyond": "beyond the axis"}
    traces: list[Json] = []
    for name in (*LOOKS, "beyond"):
        if not (group := groups.get(name)):
            continue
        marker: Figure = {
            "color": f"@{name}",
            "symbol": symbols[name],
            "size": max(size, 7) if name in ("failed", "beyond") else size,
            "opacity": 0.85 if len(rows) <= 100 else 0.65,
            "line": {"width": 1.5 if name in ("failed", "stopped") else 0, "color": f"@{name}"},
        }
        trace: Figure = {
            "type": "scatter",
            "mode": "markers",
            "name": f"{labels[name]} ({len(group)})",
            "x": [plot_number(position) for position, _, _ in group],
            "y": [plot_number(metric) for _, metric, _ in group],
            "customdata": [place for _, _, place in group],
            "marker": marker,
        }
        traces.append(trace)
    return traces
