"""The figure of the workers' time: which trials each worker ran, and when it had none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maggy.common.types import Json
from maggy.result.plots.lanes import Lane, arrange
from maggy.result.plots.style import LOOKS, counted, look_of
from maggy.result.report.labels import plot_number
from maggy.result.report.metric_scale import Figure
from maggy.result.rows import TrialRow

__all__ = ["timeline_figure"]

_UNITS = ((120.0, 1.0, "seconds"), (7200.0, 60.0, "minutes"), (float("inf"), 3600.0, "hours"))
_LINE, _MARGINS, _MIN_HEIGHT, _MAX_HEIGHT = 22, 130, 240, 900  # pixels


def timeline_figure(rows: Sequence[TrialRow], places: Mapping[str, int]) -> Figure | None:
    """Return a lane for each worker with a bar for each trial; None if no trial has started.

    Args:
        rows: The ended trials. Only the last run of each is recorded.
        places: The index of each trial in the table, by id.
    """
    lanes = arrange(rows)
    if not lanes:
        return None
    total = max(interval.end for lane in lanes for interval in lane.intervals)
    scale, unit = next((scale, unit) for limit, scale, unit in _UNITS if total <= limit)
    names: list[Json] = [lane.name for lane in lanes]
    return {
        "title": "What the workers did",
        "note": _note(lanes, total, rows),
        "height": max(_MIN_HEIGHT, min(_MAX_HEIGHT, _MARGINS + _LINE * len(lanes))),
        "data": [trace for look in LOOKS for trace in _bars(lanes, look, scale, places)],
        "layout": {
            "barmode": "overlay",
            "bargap": 0.25,
            "xaxis": {
                "title": {"text": f"time since the first trial began ({unit})"},
                "range": [0, plot_number((total or 1.0) / scale * 1.01)],
                "zeroline": False,
            },
            "yaxis": {
                "type": "category",
                "categoryorder": "array",
                "categoryarray": names,
                "range": [len(lanes) - 0.4, -0.6],
                "showgrid": False,
            },
            "plot_bgcolor": "@faint",
        },
    }


def _bars(lanes: Sequence[Lane], look: str, scale: float, places: Mapping[str, int]) -> list[Json]:
    bars = [
        (lane.name, interval)
        for lane in lanes
        for interval in lane.intervals
        if look_of(interval.row) is LOOKS[look]
    ]
    if not bars:
        return []
    trace: Figure = {
        "type": "bar",
        "orientation": "h",
        "name": f"{LOOKS[look].label} ({len(bars)})",
        "y": [name for name, _ in bars],
        "base": [plot_number(interval.start / scale) for _, interval in bars],
        "x": [plot_number((interval.end - interval.start) / scale) for _, interval in bars],
        "customdata": [places[interval.row["trial_id"]] for _, interval in bars],
        "marker": {"color": f"@{look}", "line": {"color": "@paper", "width": 0.5}},
    }
    return [trace]


def _note(lanes: Sequence[Lane], total: float, rows: Sequence[TrialRow]) -> str:
    busy = sum(interval.end - interval.start for lane in lanes for interval in lane.intervals)
    idle = max(0.0, 1 - busy / (total * len(lanes))) if total else 0.0
    again = sum(row["attempts"] > 1 for row in rows)
    absent = sum(row["start"] is None for row in rows)
    is_packed = any(lane.worker is None for lane in lanes)
    remarks = [
        f"idle for {100 * idle:.0f} % of the time",
        "packed, because the records do not say which worker ran a trial" if is_packed else "",
        f"only the last run of {counted(again)}" if again else "",
        f"without {counted(absent)} that never began" if absent else "",
    ]
    return "; ".join(filter(None, remarks))
