"""Record what trials report while they run. It does not decide when to write."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from maggy.records.contract import RecordStore
from maggy.records.running_points import FORMAT_LINE, began_line, given_back_line, point_lines
from maggy.trial import Trial

__all__ = ["RunningLog"]

MANY_CHARACTERS = 2**20
"""The text begins anew once this much has been added, and twice as much as it began with."""


class _Run:
    """A run of a trial.

    The lists are those of the trial. A trial that runs again gets new ones, so these stay those of
    this run. The policy thread appends to them, and the writer reads them.

    Attributes:
        is_recorded: The beginning is written.
        point_count: Number of points that are written.
        last_value: The last of their values. The trial may still replace it.
    """

    __slots__ = (
        "is_recorded",
        "last_value",
        "origin",
        "point_count",
        "steps",
        "times",
        "trial_id",
        "values",
    )

    def __init__(self, trial: Trial) -> None:
        self.trial_id = trial.trial_id
        self.origin = (trial.number, trial.start, trial.worker, trial.attempts)
        self.steps: Sequence[int | float] = trial.step_history
        self.values: Sequence[float] = trial.metric_history
        self.times: Sequence[float] = trial.time_history
        self.is_recorded = False
        self.point_count = 0
        self.last_value = math.nan


class _Text:
    """A text that is to be written, and what is recorded once it is."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._begun: list[_Run] = []
        self._counts: list[tuple[_Run, int, float]] = []

    def add_beginning(self, run: _Run) -> None:
        """Add the beginning of a run."""
        self.parts.append(began_line(run.trial_id, *run.origin))
        self._begun.append(run)

    def add_points(self, run: _Run, start: int) -> None:
        """Add the points from the one with this number on."""
        # A point has its step before its value, and loses its value for a moment when that is
        # replaced. Slices are atomic, so no lock is needed.
        values = run.values[start:]
        points = list(zip(run.steps[start:], values, run.times[start:], strict=False))
        if points:
            self.parts.append(point_lines(run.trial_id, points))
            self._counts.append((run, start + len(points), points[-1][1]))

    def note_written(self) -> None:
        """Take note that the text is written."""
        for run in self._begun:
            run.is_recorded = True
        for run, count, value in self._counts:
            run.point_count, run.last_value = count, value


class RunningLog:
    """Keep a text with the beginnings and points of the trials that run, in a store of records.

    Nothing is written about the end of a trial, which has its own record. So the text would grow
    for ever. When it has grown by much, it begins anew with the trials that run.

    The policy thread calls :meth:`begin`, :meth:`end` and :meth:`give_back`, the writer the rest.
    They share no lock: the writer reads what the other thread only adds.

    Args:
        store: The store of the records.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._runs: dict[str, _Run] = {}  # the trials that run
        self._begun: deque[_Run] = deque()
        self._given_back: deque[_Run] = deque()
        # From here on everything belongs to the writer.
        self._characters = 0  # added since the text began anew
        self._limit = 0
        self._has_failed = False  # then nobody knows how much is written
        self._is_closed = False

    def begin(self, trial: Trial) -> None:
        """Take note of a trial that begins. It has no points yet."""
        run = self._runs[trial.trial_id] = _Run(trial)
        self._begun.append(run)

    def end(self, trial_id: str) -> None:
        """Take note of the end of a trial."""
        self._runs.pop(trial_id, None)

    def give_back(self, trial_id: str) -> None:
        """Take note of a trial that has lost its worker. Its points are void."""
        run = self._runs.pop(trial_id, None)
        if run is not None:
            self._given_back.append(run)

    def write(self, *, with_points: bool) -> None:
        """Record what is new. After an error the next call records everything again.

        Args:
            with_points: Record the new points, too.
        """
        if self._is_closed:
            return
        text = self._new_text(with_points=with_points)
        if not text.parts and not self._has_failed:
            return
        if begins_anew := self._has_failed or self._characters >= self._limit:
            text = self._whole_text()
        self._has_failed = True
        content = "".join(text.parts)
        if begins_anew:
            self._store.replace_running(content)
            self._characters, self._limit = 0, max(MANY_CHARACTERS, 2 * len(content))
        else:
            self._store.append_running(content)
            self._characters += len(content)
        self._has_failed = False
        text.note_written()

    def remove(self) -> None:
        """Remove the text. Nothing more is written."""
        self._is_closed = True
        self._store.remove_running()

    def _new_text(self, *, with_points: bool) -> _Text:
        text = _Text()
        for run in _drain(self._given_back):
            current = self._runs.get(run.trial_id)
            # The line must not take back a later run of the same trial.
            if run.is_recorded and (current is None or not current.is_recorded):
                text.parts.append(given_back_line(run.trial_id))
        for run in _drain(self._begun):
            # Where the text has begun anew meanwhile, the beginning is recorded already.
            if self._runs.get(run.trial_id) is run and not run.is_recorded:
                text.add_beginning(run)
        if with_points:
            for run in list(self._runs.values()):
                start = run.point_count
                if start and _differ(run.values[start - 1 : start], run.last_value):
                    start -= 1
                text.add_points(run, start)
        return text

    def _whole_text(self) -> _Text:
        text = _Text()
        text.parts.append(FORMAT_LINE)
        for run in list(self._runs.values()):
            text.add_beginning(run)
            text.add_points(run, 0)
        return text


def _drain(runs: deque[_Run]) -> list[_Run]:
    """Remove the runs that are in a queue now, and return them."""
    return [runs.popleft() for _ in range(len(runs))]


def _differ(values: Sequence[float], value: float) -> bool:
    """Return whether there is a value, and it is not this one. NaN equals NaN."""
    return any(other != value and not (math.isnan(other) and math.isnan(value)) for other in values)
