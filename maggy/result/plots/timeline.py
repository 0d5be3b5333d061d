"""The plot of the workers' time: which trials each worker ran, and when it had none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from maggy.common.optional import import_optional
from maggy.result.plots.lanes import Lane, arrange
from maggy.result.plots.style import (
    BEST_COLOR,
    LOOKS,
    REMEDY,
    add_legend,
    counted,
    inches_of,
    look_of,
    say_that_it_is_empty,
    set_texts,
    styled_axes,
)
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

__all__ = ["plot_timeline"]

_WIDTH = 8.0
_LINE = 0.3  # the height of a lane, in inches
_MIN_LINE = 0.18
_MAX_HEIGHT = 12.0
_SIDE = 1.0  # beside the lanes
_MARGINS = 1.6  # above and below the lanes
_IDLE_COLOR = "#cdd3d9"
_BAR = 0.72  # the height of a bar, of that of a lane
_UNITS = ((120.0, 1.0, "seconds"), (7200.0, 60.0, "minutes"), (float("inf"), 3600.0, "hours"))


def plot_timeline(rows: Sequence[TrialRow], best_id: str | None, axes: Axes | None = None) -> Axes:
    """Draw a lane for each worker, with a bar for each trial that it ran. Idle time is pale.

    Args:
        rows: The trials. Only the last run of each is recorded.
        best_id: The id of the best trial, or None.
        axes: The axes to draw on; None for a new figure.
    """
    lanes = arrange(rows)
    height = min(_MAX_HEIGHT, _MARGINS + _LINE * max(3, len(lanes)))
    inner, lanes_height = inches_of(axes, _WIDTH - _SIDE, height - _MARGINS)
    with styled_axes(axes, _WIDTH, height) as plot_axes:
        ends = [interval.end for lane in lanes for interval in lane.intervals]
        total = max(ends, default=0.0)
        scale, unit = next((scale, unit) for limit, scale, unit in _UNITS if total <= limit)
        set_texts(
            plot_axes,
            inner,
            title=_title(lanes),
            x=f"time since the first trial began ({unit}){_remarks(rows)}",
            y="",
        )
        if not lanes:
            say_that_it_is_empty(plot_axes, "no trial has started")
            return plot_axes
        handles = _draw_trials(plot_axes, lanes, scale)
        handles.append(_draw_idle_time(plot_axes, lanes, total, scale))
        handles += _mark_best(plot_axes, lanes, best_id, scale)
        plot_axes.set_xlim(0, (total or 1.0) / scale * 1.01)
        plot_axes.set_ylim(len(lanes) - 0.4, -0.6)
        stride = -(-len(lanes) // max(1, int(lanes_height / _MIN_LINE)))
        ticks = range(0, len(lanes), stride)
        plot_axes.set_yticks(ticks, [lanes[tick].name for tick in ticks])
        plot_axes.tick_params(axis="y", length=0)
        plot_axes.grid(False, axis="y")
        plot_axes.spines["left"].set_visible(False)
        add_legend(plot_axes, handles, inner)
    return plot_axes


def _title(lanes: Sequence[Lane]) -> str:
    workers = sum(lane.worker is not None for lane in lanes)
    packs = len(lanes) - workers
    number = sum(len(lane.intervals) for lane in lanes)
    if not packs:
        return f"{counted(number)} on {counted(workers, 'worker')}"
    beside = f"{counted(workers, 'worker')} and " if workers else ""
    return (
        f"{counted(number)} on {beside}{counted(packs, 'lane')} (packed, as the records do not say "
        f"which worker ran {'some' if workers else 'them'})"
    )


def _remarks(rows: Sequence[TrialRow]) -> str:
    """Return what the plot cannot show, to be added to the name of the axis."""
    again = sum(row["attempts"] > 1 for row in rows)
    absent = sum(row["start"] is None for row in rows)
    return (f"; only the last run of {counted(again)}" if again else "") + (
        f"; without {counted(absent)} that never began" if absent else ""
    )


def _draw_trials(axes: Axes, lanes: Sequence[Lane], scale: float) -> list[Any]:
    """Draw the bars of all trials, and return what the legend explains."""
    handles = []
    number = sum(len(lane.intervals) for lane in lanes)
    for look in LOOKS.values():
        bars = [
            _corners(interval.start / scale, interval.end / scale, level)
            for level, lane in enumerate(lanes)
            for interval in lane.intervals
            if look_of(interval.row) is look
        ]
        if bars:
            collections = import_optional("matplotlib.collections", "A plot", REMEDY)
            collection = collections.PolyCollection(
                bars,
                facecolors=look.color,
                # The outline parts two trials without a pause between them.
                edgecolors="white",
                linewidths=0.6 if number <= 50 * len(lanes) else 0.2,
                label=f"{look.label} ({len(bars)})",
                zorder=3,
            )
            axes.add_collection(collection, autolim=False)
            handles.append(collection)
    return handles


def _draw_idle_time(
    axes: Axes, lanes: Sequence[Lane], total: float, scale: float
) -> PolyCollection:
    """Draw the whole time of each lane behind the trials."""
    collections = import_optional("matplotlib.collections", "A plot", REMEDY)
    busy = sum(interval.end - interval.start for lane in lanes for interval in lane.intervals)
    share = max(0.0, 1 - busy / (total * len(lanes))) if total else 0.0
    idle: PolyCollection = collections.PolyCollection(
        [_corners(0, total / scale, level) for level in range(len(lanes))],
        facecolors=_IDLE_COLOR,
        edgecolors="none",
        label=f"idle ({100 * share:.0f} % of the time)",
        zorder=2,
    )
    axes.add_collection(idle, autolim=False)
    return idle


def _mark_best(axes: Axes, lanes: Sequence[Lane], best_id: str | None, scale: float) -> list[Any]:
    """Mark the best trial with a star."""
    for level, lane in enumerate(lanes):
        for interval in lane.intervals:
            if interval.row["trial_id"] == best_id:
                (star,) = axes.plot(
                    (interval.start + interval.end) / 2 / scale,
                    level,
                    linestyle="none",
                    marker="*",
                    markersize=12,
                    color=BEST_COLOR,
                    markeredgecolor="white",
                    markeredgewidth=0.8,
                    clip_on=False,
                    label="best",
                    zorder=5,
                )
                return [star]
    return []


def _corners(start: float, end: float, level: int) -> list[tuple[float, float]]:
    low, high = level - _BAR / 2, level + _BAR / 2
    return [(start, low), (start, high), (end, high), (end, low)]
