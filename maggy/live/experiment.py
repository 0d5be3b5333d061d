"""Collect what a running experiment does, and give snapshots of it at any moment."""

from __future__ import annotations

import math
import threading
import time
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from maggy.common.direction import Direction
from maggy.live.bounded import LastLines, RunningRow
from maggy.live.estimate import remaining_seconds
from maggy.live.snapshot import MAX_BEST, MAX_FAILURES, Snapshot
from maggy.result.rows import TrialRow
from maggy.tracking import ExperimentInfo
from maggy.trial import Trial

__all__ = ["LiveExperiment"]

MAX_ENDED_OUTPUTS: Final = 20
"""Number of ended trials whose output is kept."""


class LiveExperiment:
    """Keep what views show of a running experiment. Any thread may call any method.

    A call takes the same short time however many trials there are, except :meth:`snapshot`, which
    takes time in proportion to the running trials. So does the memory.

    Example:
        >>> from maggy.result.rows import make_row
        >>> trial = Trial({"x": 1})
        >>> trial.number, trial.status = 1, Trial.RUNNING
        >>> live = LiveExperiment("digits", total=2)
        >>> live.trial_began(make_row(trial, "accuracy"))
        >>> live.add_points(trial.trial_id, [(0, 0.5), (1, 0.75)])
        >>> snapshot = live.snapshot()
        >>> snapshot.num_ended, snapshot.running[0]["history"]
        (0, [0.5, 0.75])

    Args:
        name: The name that the user has given to the experiment.
        experiment_id: ``<app_id>_<run_id>``.
        directory: The path or URL of the records.
        kind: ``"optimization"``, ``"ablation"`` or ``"single"``.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric.
        total: Number of trials of the experiment; None if it is unknown.
        earlier: The rows of the trials that ended in an earlier call of the experiment.
        clock: Returns monotonic seconds.
        wall_clock: Returns seconds since 1970.

    Attributes:
        on_change: Called at the first change after a snapshot, by the thread that makes it. It must
            not block.
    """

    def __init__(
        self,
        name: str,
        experiment_id: str = "",
        directory: str = "",
        kind: str = "optimization",
        direction: str = "max",
        optimization_key: str = "metric",
        total: int | None = None,
        *,
        earlier: Iterable[TrialRow] = (),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._experiment_id = experiment_id
        self._directory = directory
        self._kind = kind
        self._direction = Direction.parse(direction)
        self._optimization_key = optimization_key
        self._total = total
        self._clock = clock
        self._wall_clock = wall_clock
        self.on_change: Callable[[], None] = _do_nothing
        self._lock = threading.Lock()
        # Everything below only with the lock.
        self._has_changed = False
        self._waiting_for = ""
        self._first_start: float | None = None
        self._running: dict[str, RunningRow] = {}
        self._outputs: dict[str, LastLines] = {}
        self._ended_outputs: deque[str] = deque()  # ids of ended trials whose output is kept
        self._end_count = self._stop_count = self._failure_count = 0
        self._timed_count = 0  # trials that began and ended in this call,
        self._timed_seconds = 0.0  # how long they took together,
        self._has_success = False  # and whether one of them did not fail
        self._best: list[tuple[float, int, TrialRow]] = []  # (loss, count, row), best first
        self._failures: deque[TrialRow] = deque(maxlen=MAX_FAILURES)
        for row in earlier:
            self._count(row)

    @classmethod
    def of(cls, info: ExperimentInfo, earlier: Iterable[TrialRow] = ()) -> LiveExperiment:
        """Return the live experiment for what listeners are told of one."""
        return cls(
            info["name"],
            info["experiment_id"],
            info["directory"],
            info["kind"],
            info["direction"],
            info["optimization_key"] or "metric",
            info["num_trials"],
            earlier=earlier,
        )

    @property
    def has_changed(self) -> bool:
        """Whether something has happened since the last snapshot."""
        return self._has_changed

    @property
    def is_running(self) -> bool:
        """Whether a trial has begun in this call, so that time passes in the snapshots."""
        return self._first_start is not None

    def wait_for(self, text: str) -> None:
        """Say what the experiment waits for, until a trial begins.

        Args:
            text: As ``"Waiting for executors: 2 of 8"``; empty if it waits for nothing.
        """
        with self._lock:
            self._waiting_for = text
        self._note_change()

    def trial_began(self, row: TrialRow) -> None:
        """Enter a trial that runs now. The row belongs to this object from now on."""
        with self._lock:
            now = self._clock()
            if self._first_start is None:
                self._first_start = now
            self._waiting_for = ""
            self._running[row["trial_id"]] = RunningRow(row, now)
        self._note_change()

    def add_points(self, trial_id: str, points: Sequence[tuple[float, float]]) -> None:
        """Add points of a running trial; those of any other trial are ignored.

        An equal step replaces the last value, and a step below the last one is ignored.

        Args:
            trial_id: The trial that reported them.
            points: The steps and values.
        """
        with self._lock:
            trial = self._running.get(trial_id)
            if trial is None:
                return
            for step, value in points:
                trial.add_point(step, value)
        self._note_change()

    def add_output(self, trial_id: str, lines: Sequence[str]) -> None:
        """Add lines that a trial has printed. The last ones are kept."""
        with self._lock:
            output = self._outputs.get(trial_id)
            if output is None:
                trial = self._running.get(trial_id)
                number = None if trial is None else trial.number
                output = self._outputs[trial_id] = LastLines(number)
                if trial is None:
                    self._keep_output_of_ended(trial_id)
            output.add(lines)
        self._note_change()

    def trial_given_back(self, trial_id: str) -> None:
        """Remove a running trial, which has lost its worker and will begin again."""
        with self._lock:
            self._running.pop(trial_id, None)
            if trial_id in self._outputs:
                self._keep_output_of_ended(trial_id)
        self._note_change()

    def trial_ended(self, row: TrialRow) -> None:
        """Count a trial that has ended. The row belongs to this object from now on."""
        trial_id = row["trial_id"]
        with self._lock:
            trial = self._running.pop(trial_id, None)
            if trial is not None:
                self._timed_count += 1
                self._timed_seconds += self._clock() - trial.start
                self._has_success = self._has_success or row["status"] != Trial.ERROR
            if trial_id in self._outputs:
                self._keep_output_of_ended(trial_id)
            self._count(row)
        self._note_change()

    def snapshot(self, state: str = "RUNNING") -> Snapshot:
        """Return what the experiment looks like now.

        The rows of running trials have at most :data:`~maggy.live.bounded.MAX_POINTS` points.

        Args:
            state: ``"RUNNING"``, ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        """
        with self._lock:
            self._has_changed = False
            now = self._clock()
            running = sorted(self._running.values(), key=_order)
            return Snapshot(
                name=self._name,
                experiment_id=self._experiment_id,
                directory=self._directory,
                kind=self._kind,
                state=state,
                direction=str(self._direction),
                optimization_key=self._optimization_key,
                total=self._total,
                num_ended=self._end_count,
                num_stopped=self._stop_count,
                num_failed=self._failure_count,
                time=self._wall_clock(),
                seconds=0.0 if self._first_start is None else now - self._first_start,
                remaining_seconds=self._remaining_seconds(now),
                waiting_for=self._waiting_for,
                running=[trial.snapshot() for trial in running],
                best=[row for _, _, row in self._best],
                failures=list(self._failures),
                output={trial_id: output.snapshot() for trial_id, output in self._outputs.items()},
                numbers={
                    trial_id: output.number
                    for trial_id, output in self._outputs.items()
                    if output.number is not None
                },
            )

    def _note_change(self) -> None:
        # Two threads may both see no change yet. Then the call comes twice, which is harmless.
        if not self._has_changed:
            self._has_changed = True
            self.on_change()

    def _count(self, row: TrialRow) -> None:
        self._end_count += 1
        metric = row["metric"]
        if row["status"] == Trial.ERROR:
            self._failure_count += 1
            self._failures.append(row)
        else:
            self._stop_count += row["early_stop"]
        if metric is not None:
            # Of equal metrics the first counts as better, as everywhere.
            insort(self._best, (-self._direction.sign * metric, self._end_count, row))
            del self._best[MAX_BEST:]

    def _keep_output_of_ended(self, trial_id: str) -> None:
        self._ended_outputs.append(trial_id)
        while len(self._ended_outputs) > MAX_ENDED_OUTPUTS:
            oldest = self._ended_outputs.popleft()
            # A trial that was given back runs again, or ended again later.
            if oldest not in self._running and oldest not in self._ended_outputs:
                self._outputs.pop(oldest, None)

    def _remaining_seconds(self, now: float) -> float | None:
        if self._total is None or self._first_start is None or not self._has_success:
            return None
        return remaining_seconds(
            self._total - self._end_count,
            self._timed_count,
            self._timed_seconds,
            [now - trial.start for trial in self._running.values()],
            now - self._first_start,
        )


def _order(trial: RunningRow) -> float:
    # Only records of older releases have no number.
    return math.inf if trial.number is None else trial.number


def _do_nothing() -> None:
    """Stand for a callback that nobody has set."""
