"""The axis of the metric: its limits, and an edge for the trials that have no place on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from maggy.common.direction import Direction
from maggy.common.optional import import_optional
from maggy.result.plots.limits import is_beyond, worst_on_axis
from maggy.result.plots.style import EDGE_COLOR, FAINT_COLOR, LOOKS, REMEDY, Look, look_of
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

__all__ = ["MetricAxis", "Place", "direction_text", "marker_area", "opacity"]

_MARGIN = 0.05
_EDGE = 0.08
"""The width of the edge, as a multiple of the distance from the best to the worst metric."""
_EDGE_OF_AXES = _EDGE / (1 + 2 * _MARGIN + _EDGE)
_MIN_PLAIN, _MAX_PLAIN = 1e-3, 1e7  # between them numbers need no exponent


@dataclass(frozen=True)
class Place:
    """A trial, and where it stands on the axis that is not the metric's."""

    position: float
    row: TrialRow


class MetricAxis:
    """Draw trials over their metrics, and mark at the edge those that failed or diverged.

    The edge is the end of the axis where metrics are worst.

    Args:
        axes: The axes to draw on.
        direction: The direction in which the metric improves.
        name: The axis of the metric, ``"x"`` or ``"y"``.

    Attributes:
        direction: The direction in which the metric improves.
        handles: What the legend explains.
    """

    def __init__(self, axes: Axes, direction: Direction, name: Literal["x", "y"] = "y") -> None:
        self._axes = axes
        self.direction = direction
        self._name = name
        self.handles: list[Any] = []

    def set_limits(self, values: Sequence[float], worst: float | None, *, has_edge: bool) -> None:
        """Set the limits of the axis, from the best of the values to the worst one that it shows.

        Args:
            values: The values that the axis may show.
            worst: The worst value that it shows, or None if there are no values.
            has_edge: Whether anything is marked at the edge.
        """
        set_limits = getattr(self._axes, f"set_{self._name}lim")
        if worst is None:
            set_limits(0, 1)
            getattr(self._axes, f"set_{self._name}ticks")([])
        else:
            best = self.direction.best(values)
            span = abs(best - worst) or abs(best) * 0.1 or 1.0
            sign = self.direction.sign
            edge = _EDGE if has_edge else 0.0
            low = worst - sign * span * (_MARGIN + edge)
            high = best + sign * span * _MARGIN
            set_limits(min(low, high), max(low, high))
            self._format(max(abs(low), abs(high)), abs(high - low))
        if has_edge:
            self._shade_edge()

    def _format(self, largest: float, span: float) -> None:
        """Write numbers in full, since a factor above the axis would cover the legend."""
        ticker = import_optional("matplotlib.ticker", "A plot", REMEDY)
        if _MIN_PLAIN <= largest < _MAX_PLAIN:
            formatter = ticker.ScalarFormatter(useOffset=False)
            formatter.set_scientific(False)
        else:
            digits = 3 + max(0, math.ceil(math.log10(largest / span)))
            formatter = ticker.StrMethodFormatter(f"{{x:.{digits}g}}")
        getattr(self._axes, f"{self._name}axis").set_major_formatter(formatter)

    def draw(self, places: Sequence[Place], zorder: float = 3) -> list[Place]:
        """Draw a marker for each trial, set the limits, and return the trials on the axis."""
        values = [row["metric"] for place in places if (row := place.row)["metric"] is not None]
        worst = worst_on_axis(values, self.direction)
        inside, beyond, failures = self._sort(places, worst)
        self.set_limits(values, worst, has_edge=bool(beyond or failures))
        area, alpha = marker_area(len(places)), opacity(len(places))
        for look in (LOOKS["finished"], LOOKS["stopped"]):
            group = [place for place in inside if look_of(place.row) is look]
            if group:
                self._scatter(group, look, area, alpha, zorder)
        if failures:
            self._mark([place.position for place in failures], LOOKS["failed"], area)
        self.mark_beyond([place.position for place in beyond], area)
        return inside

    def mark_beyond(
        self, positions: Sequence[float], area: float, label: str = "beyond the axis"
    ) -> None:
        """Mark trials at the edge, with an arrow that points beyond it.

        Args:
            positions: Where they stand on the axis that is not the metric's.
            area: The area of a marker.
            label: Their name in the legend.
        """
        if positions:
            marker = {"x": "<>", "y": "v^"}[self._name][self._is_edge_high]
            self._mark(positions, Look(label, EDGE_COLOR, marker), area)

    @property
    def _is_edge_high(self) -> bool:
        return self.direction is Direction.MIN

    def _sort(
        self, places: Sequence[Place], worst: float | None
    ) -> tuple[list[Place], list[Place], list[Place]]:
        """Return the trials on the axis, those beyond it, and those that failed."""
        inside, beyond, failures = [], [], []
        for place in places:
            metric = place.row["metric"]
            if metric is None:
                failures.append(place)
            elif is_beyond(metric, worst, self.direction):
                beyond.append(place)
            else:
                inside.append(place)
        return inside, beyond, failures

    def _scatter(
        self, places: Sequence[Place], look: Look, area: float, alpha: float, zorder: float
    ) -> None:
        points = [(place.position, place.row["metric"] or 0.0) for place in places]
        if self._name == "x":
            points = [(metric, position) for position, metric in points]
        handle = self._axes.scatter(
            [x for x, _ in points],
            [y for _, y in points],
            s=area,
            marker=look.marker,
            **look.colors,
            linewidths=1.0 if look.is_hollow else 0.0,
            alpha=alpha,
            label=f"{look.label} ({len(places)})",
            zorder=zorder,
        )
        self.handles.append(handle)

    def _mark(self, positions: Sequence[float], look: Look, area: float) -> None:
        """Draw markers in the middle of the edge."""
        middle = _EDGE_OF_AXES / 2
        level = [1 - middle if self._is_edge_high else middle] * len(positions)
        x, y = (level, positions) if self._name == "x" else (positions, level)
        handle = self._axes.scatter(
            x,
            y,
            s=max(area, 20.0),
            marker=look.marker,
            c=look.color,
            linewidths=1.1 if look.marker == "x" else 0.0,
            label=f"{look.label} ({len(positions)})",
            transform=self._edge_transform(),
            zorder=4,
        )
        self.handles.append(handle)

    def _edge_transform(self) -> Transform:
        # One coordinate is that of the data, the other one a share of the axes.
        if self._name == "x":
            return self._axes.get_yaxis_transform()
        return self._axes.get_xaxis_transform()

    def _shade_edge(self) -> None:
        patches = import_optional("matplotlib.patches", "A plot", REMEDY)
        low = 1 - _EDGE_OF_AXES if self._is_edge_high else 0.0
        corner, width, height = (
            ((low, 0), _EDGE_OF_AXES, 1) if self._name == "x" else ((0, low), 1, _EDGE_OF_AXES)
        )
        self._axes.add_patch(
            patches.Rectangle(
                corner,
                width,
                height,
                transform=self._axes.transAxes,
                facecolor=FAINT_COLOR,
                edgecolor="none",
                zorder=0.5,
            )
        )


def direction_text(direction: Direction) -> str:
    """Return which metrics are better, in words."""
    return "higher is better" if direction is Direction.MAX else "lower is better"


def marker_area(number: int) -> float:
    """Return the area of a marker in square points, so that many trials do not cover each other."""
    return min(36.0, max(7.0, 36.0 * math.sqrt(60 / max(1, number))))


def opacity(number: int) -> float:
    """Return the opacity of each of this number of markers: many markers are fainter."""
    return 0.85 if number <= 100 else 0.6
