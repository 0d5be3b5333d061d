"""Arrange trials in lanes: one for each worker, and packed ones where the worker is unknown."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from maggy.result.rows import TrialRow

__all__ = ["Interval", "Lane", "arrange"]


@dataclass(frozen=True)
class Interval:
    """When a trial ran, in seconds since the first one began."""

    start: float
    end: float
    row: TrialRow


@dataclass
class Lane:
    """Trials that ran one after the other.

    Attributes:
        name: The name of the lane.
        worker: The number of the worker; None if the lane is packed.
        intervals: The trials, in the order of starting.
    """

    name: str
    worker: int | None
    intervals: list[Interval] = field(default_factory=list)


def arrange(rows: Sequence[TrialRow]) -> list[Lane]:
    """Return the lanes of all trials that have started, those of workers first.

    Trials without a worker are packed: each one takes the lane that has been free for longest, and
    a new lane if none is free. That shows how many ran at once, but not where.
    """
    intervals = _intervals(rows)
    lanes: dict[int, Lane] = {}
    strangers = []
    for interval in intervals:
        worker = interval.row.get("worker")
        if worker is None:
            strangers.append(interval)
        else:
            lane = lanes.setdefault(worker, Lane(f"worker {worker}", worker))
            lane.intervals.append(interval)
    return [*(lanes[worker] for worker in sorted(lanes)), *_pack(strangers)]


def _intervals(rows: Sequence[TrialRow]) -> list[Interval]:
    starts = [row["start"] for row in rows if row["start"] is not None]
    origin = min(starts, default=0.0)
    intervals = [
        Interval(row["start"] - origin, row["start"] - origin + (row["duration"] or 0) / 1000, row)
        for row in rows
        if row["start"] is not None
    ]
    return sorted(intervals, key=lambda interval: interval.start)


def _pack(intervals: Sequence[Interval]) -> list[Lane]:
    lanes: list[Lane] = []
    ends: list[tuple[float, int]] = []  # of the last trial of each lane, with the lane's index
    for interval in intervals:
        if ends and ends[0][0] <= interval.start:
            _, index = heapq.heappop(ends)
        else:
            index = len(lanes)
            lanes.append(Lane(f"lane {index + 1}", None))
        lanes[index].intervals.append(interval)
        heapq.heappush(ends, (interval.end, index))
    return lanes
