"""The lines in which running trials and their points are recorded, written and parsed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from maggy.common.types import Json
from maggy.records.trial_record import is_number

__all__ = [
    "FORMAT_LINE",
    "RunningTrial",
    "began_line",
    "given_back_line",
    "parse_running",
    "point_lines",
]

FORMAT_LINE = '{"format": 1}\n'
"""The first line. Raise the number when the meaning of a line changes; new kinds need no number."""
_POINTS_IN_LINE = 1000
"""Maximum number of points in a line. Python's lock is held while a line is made."""


@dataclass
class RunningTrial:
    """What is recorded of the present run of a trial.

    Attributes:
        number: The number of the trial, from 1; None if it is unknown.
        start: When the run began, in seconds since the epoch; None if it is unknown.
        worker: The number of the worker; None if it is unknown.
        attempts: How many times the trial was started.
        steps: The steps of the points, strictly ascending.
        history: Their values. One that is not finite is None.
        times: When the points were reported, in seconds since the epoch; None if it is unknown.
    """

    number: int | None = None
    start: float | None = None
    worker: int | None = None
    attempts: int = 1
    steps: list[int | float] = field(default_factory=list)
    history: list[float | None] = field(default_factory=list)
    times: list[float | None] = field(default_factory=list)

    def add(self, point: Json) -> None:
        """Add a point, ``[step, value, time]``, by the rule of :meth:`Trial.append_point`.

        What is no point is left out. The time may be missing.
        """
        if not isinstance(point, list) or len(point) < 2:
            return
        step, value = point[0], point[1]
        if not is_number(step) or not (value is None or is_number(value)):
            return
        if self.steps and step <= self.steps[-1]:
            if step < self.steps[-1]:
                return
            for values in (self.steps, self.history, self.times):
                values.pop()
        time = point[2] if len(point) > 2 else None
        self.steps.append(step)
        self.history.append(None if value is None else float(value))
        self.times.append(float(time) if is_number(time) else None)


def began_line(
    trial_id: str, number: int | None, start: float | None, worker: int | None, attempts: int
) -> str:
    """Return the line that says that a run of a trial begins. It has no points yet.

    The arguments are the attributes of a trial by the same names.
    """
    began = {"number": number, "start": start, "worker": worker, "attempts": attempts}
    return json.dumps({"trial": trial_id, "began": began}) + "\n"


def point_lines(trial_id: str, points: Iterable[Sequence[float]]) -> str:
    """Return the lines that add points to the present run of a trial.

    Args:
        trial_id: The id of the trial.
        points: The step and the value of each point, and its time if that is known. Numbers that
            are not finite become null.
    """
    plain = [[number if math.isfinite(number) else None for number in point] for point in points]
    starts = range(0, len(plain), _POINTS_IN_LINE)
    parts = [plain[start : start + _POINTS_IN_LINE] for start in starts]
    return "".join(json.dumps({"trial": trial_id, "points": part}) + "\n" for part in parts)


def given_back_line(trial_id: str) -> str:
    """Return the line that says that a trial has lost its worker. Its points no longer count."""
    return json.dumps({"trial": trial_id, "given_back": True}) + "\n"


def parse_running(data: bytes) -> dict[str, RunningTrial]:
    """Return the runs that are recorded, by the ids of their trials.

    Whether they have ended is recorded elsewhere. A line that is torn or unknown is left out. The
    data may come from anybody.
    """
    runs: dict[str, RunningTrial] = {}
    *lines, _ = data.split(b"\n")  # a driver may be writing the last one just now
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        trial_id = record.get("trial") if isinstance(record, dict) else None
        if not isinstance(trial_id, str):
            continue
        if isinstance(began := record.get("began"), dict):
            runs[trial_id] = _parse_began(began)
        elif isinstance(points := record.get("points"), list):
            run = runs.setdefault(trial_id, RunningTrial())
            for point in points:
                run.add(point)
        elif record.get("given_back") is True:
            runs.pop(trial_id, None)
    return runs


def _parse_began(record: dict[str, Json]) -> RunningTrial:
    start, attempts = record.get("start"), _count(record.get("attempts"))
    return RunningTrial(
        number=_count(record.get("number")),
        start=float(start) if is_number(start) else None,
        worker=_count(record.get("worker")),
        attempts=1 if attempts is None else attempts,
    )


def _count(value: Json) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None
