"""Keep what a training function reports until the heartbeat sends it.

Nothing here touches the network. A training function waits here only while it prints faster than
the driver takes the lines.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from operator import itemgetter
from time import time
from typing import Any

from maggy.common.exceptions import (
    BroadcastStepValueError,
    EarlyStopException,
    NotSupportedError,
)
from maggy.common.reported_values import check_metric, check_step
from maggy.core.messages import Line, Point
from maggy.core.reporting.decision_reporter import DecisionReporter
from maggy.core.reporting.log_lines import batches, characters, pieces

__all__ = ["Reporter", "TimedPoint"]

MAX_WAITING_POINTS = 1_000_000
MAX_WAITING_LINES = 100_000
DROPPED_LINES: Line = (
    True,
    "--- lines were dropped here: more came than the driver could take ---",
)
TimedPoint = tuple[int | float, int | float, float]
"""A training step, the metric there, and when it was reported, in seconds since the epoch."""

MAX_WAITING_CHARACTERS = 64 * 2**20
CROWDED_CHARACTERS = 2**20
"""More waiting output than this is sent at once and not with the next heartbeat."""
FULL_CHARACTERS = 2 * 2**20
"""With more waiting output than this, ``print`` and ``log`` wait until the driver takes some."""
ROOM_SECONDS = 5.0
"""If the driver takes nothing for this time, it is away, and no call waits until it is back."""

# A system call in each broadcast would double its cost, and the lookup of an attribute of the class
# takes several times as long as this one.
_CURRENT_PROCESS = [os.getpid()]


class Reporter(DecisionReporter):
    """Pass the metrics and log lines of one trial on to the experiment driver.

    A training function with a parameter named ``reporter`` gets the reporter of its trial. All
    methods may be called from any thread and take microseconds, since they only append to memory.
    The heartbeat of the worker sends everything every ``hb_interval`` seconds and at the end of the
    trial. Only :meth:`log` and ``print`` wait for the driver, if they are called faster than it can
    take the lines. A copy of a reporter is the same reporter, also a copy by ``pickle``. In another
    process, such as a child that the function starts, all methods raise an error.

    Example:
        >>> def train(lr, reporter):
        ...     for epoch in range(10):
        ...         loss = 1 / (1 + epoch * lr)
        ...         reporter.broadcast(loss, step=epoch)
        ...     return loss
    """

    def __init__(self, hurry: Callable[[], bool] | None = None) -> None:
        super().__init__(hurry)
        # Reentrant: a finalizer that prints may run inside any method.
        self._lock = threading.RLock()
        self._process = _CURRENT_PROCESS[0]
        self._points: list[TimedPoint] = []
        self._first_point = 0
        self._lines: list[Line] = []
        self._first_line = 0
        self._characters = 0  # of the lines
        self._room: threading.Event | None = None  # set when the driver has taken lines
        self._driver_is_away = False
        # With at most this number of waiting points, a broadcast has nothing else to do: all points
        # may wait, and the trial is not stopped. One number costs one comparison.
        self._quiet_points = MAX_WAITING_POINTS
        self._stop_metric: int | float | None = None
        self.model_facts: dict[str, Any] = {}
        """What is recorded about the model of an ablation's trial; empty if there is nothing."""

    @property
    def last_step(self) -> int | float:
        """The step of the last broadcast; -1 before the first."""
        return self._last_step

    @property
    def stop_metric(self) -> int | float | None:
        """The metric of the first broadcast that raised :class:`EarlyStopException`; else None."""
        return self._stop_metric

    def broadcast(self, metric: float, step: int | None = None) -> None:
        """Report the metric of the trial at a training step.

        The value is sent with the next heartbeat. If a step is repeated, the new value replaces the
        earlier one.

        Args:
            metric: A number, also of numpy, or an array or a tensor with one number. NaN is
                recorded, and it is never better than another value.
            step: The training step, not below the last one. None stands for the last step plus one;
                the first step is 0.

        Raises:
            BroadcastMetricTypeError: If the metric is not a number, or larger than every float.
            BroadcastStepTypeError: If the step is not a number.
            BroadcastStepValueError: If the step is below the last one, not finite, or 2**63 or
                more.
            EarlyStopException: If the driver stops this trial early. Every later call raises it
                again.
            NotSupportedError: If this is not the process that runs the trial.
        """
        if self._process != _CURRENT_PROCESS[0]:
            raise self._wrong_process("broadcast")
        # Types are compared here first, since a training loop may broadcast after every batch.
        value = metric if type(metric) is float else check_metric(metric)
        number = step if type(step) is int or step is None else check_step(step)
        with self._lock:
            at = self._last_step + 1 if number is None else number
            if not self._last_step <= at < 2**63:  # also refuses NaN
                raise BroadcastStepValueError(
                    f"Steps must not go backwards, but got step {at} after {self._last_step}. "
                    "Continue the count over epochs and fits, or leave the step out."
                )
            self._last_step, self._last_metric = at, value
            points = self._points
            points.append((at, value, time()))
            if len(points) <= self._quiet_points:
                return
            self._drop_points()
            if not self.is_stopped:
                return
            if self._stop_metric is None:
                self._stop_metric = value
        raise EarlyStopException(value)

    def _count_points(self) -> int:
        """Return the number of points that were reported."""
        with self._lock:
            return self._first_point + len(self._points)

    def log(self, log_msg: object, jupyter: bool = False, verbose: bool = False) -> None:
        """Write a line to the worker's log and the trial's ``output.log``.

        Args:
            log_msg: The text. Any other object is converted to text.
            jupyter: Also show it in the notebook, under the progress bar.
            verbose: The name of ``jupyter`` in release 0.3.

        Raises:
            NotSupportedError: If this is not the process that runs the trial.
        """
        self._check_process("log")
        is_shown = bool(jupyter or verbose)
        lines = [
            (is_shown, piece)
            for line in str(log_msg).splitlines() or [""]
            for piece in pieces(line)
        ]
        for batch in batches(lines):
            self._add(batch)

    def _add(self, lines: list[Line]) -> None:
        # A finalizer that prints may run inside another method of this thread. If it waited, it
        # would wait for itself.
        may_wait = not self._lock._is_owned()  # type: ignore[attr-defined]
        with self._lock:
            self._lines += lines
            self._characters += characters(lines)
            if len(self._lines) > MAX_WAITING_LINES or self._characters > MAX_WAITING_CHARACTERS:
                limit = min(MAX_WAITING_LINES, len(self._lines))
                count = len(self._lines) - limit // 2
                del self._lines[:count]
                self._first_line += count
                self._lines[0] = DROPPED_LINES
                self._characters = characters(self._lines)
            is_crowded = self._characters > CROWDED_CHARACTERS
            if self._characters > FULL_CHARACTERS and not self._driver_is_away:
                self._room = self._room or threading.Event()
            room = self._room
        if not (is_crowded and may_wait) or self._hurry is None or not self._hurry():
            return
        if room is not None and not room.wait(ROOM_SECONDS):
            with self._lock:
                self._driver_is_away = True
                self._make_room()

    def extend(self, points: list[Point], lines: list[Line], times: Sequence[float] = ()) -> None:
        """Add points, and lines as they are: what is printed, or what another process reports.

        It waits as :meth:`log` does. Then another process waits too, since nobody reads its lines.

        Args:
            points: Points that this reporter need not check.
            lines: Lines of bounded length.
            times: For each point the time at which it was reported, in seconds since the epoch;
                empty for now.
        """
        if points:
            with self._lock:
                pairs = zip(points, times or [time()] * len(points), strict=True)
                self._points += [(*point, at) for point, at in pairs]
                self._drop_points()
        if lines:
            self._add(lines)

    @property
    def is_stopped(self) -> bool:
        """Whether the driver stops the trial early."""
        return self._quiet_points < 0

    def stop(self) -> None:
        """Stop the trial early: let the next broadcast raise :class:`EarlyStopException`."""
        self._quiet_points = -1
        self.decision_wait.end()

    def _leave(self, metric: int | float) -> None:
        self.stop()
        if self._stop_metric is None:
            self._stop_metric = metric
        raise EarlyStopException(metric)

    def waiting(self) -> tuple[int, list[Point], int, list[Line], list[float]]:
        """Return everything that is not acknowledged yet.

        Returns:
            The position of the first point, the points, the position of the first line, the lines,
            and the times of the points.
        """
        with self._lock:
            first_point, points = self._first_point, self._points.copy()
            first_line, lines = self._first_line, self._lines.copy()
        times = list(map(_time_of, points))
        return first_point, list(map(_without_time, points)), first_line, lines, times

    @property
    def is_crowded(self) -> bool:
        """Whether so much output waits that it should be sent before the next heartbeat."""
        return self._characters > CROWDED_CHARACTERS

    def acknowledge(self, points: int, lines: int) -> None:
        """Remove the points and lines that the driver has.

        Args:
            points: Number of points of the trial that have arrived.
            lines: Number of lines of the trial that have arrived.
        """
        with self._lock:
            arrivals = self._lines[: max(0, lines - self._first_line)]
            self._characters -= characters(arrivals)
            self._driver_is_away = False
            if self._characters <= FULL_CHARACTERS:
                self._make_room()
            del self._points[: max(0, points - self._first_point)]
            self._first_point = max(self._first_point, points)
            del self._lines[: max(0, lines - self._first_line)]
            self._first_line = max(self._first_line, lines)

    def _make_room(self) -> None:
        """Let the waiting calls continue. The caller must hold the lock."""
        if self._room is not None:
            self._room.set()
            self._room = None

    def __copy__(self) -> Reporter:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Reporter:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        _PICKLED[self._process, id(self)] = self
        return _find_pickled, (self._process, id(self))

    def _check_process(self, method: str) -> None:
        if self._process != _CURRENT_PROCESS[0]:
            raise self._wrong_process(method)

    def _wrong_process(self, method: str) -> NotSupportedError:
        """Return the error for a call in another process: nobody would empty the mailbox there."""
        here = _CURRENT_PROCESS[0]
        return NotSupportedError(
            f"reporter.{method}() must be called in the process that runs the trial "
            f"({self._process}), but was called in another one ({here}). Hand the value back to "
            "the training function, for example through a multiprocessing.Queue, and call "
            f"reporter.{method}() there. print() works in any process."
        )

    def _drop_points(self) -> None:
        """Remove the oldest half of the points if too many wait. The caller must hold the lock."""
        if len(self._points) > MAX_WAITING_POINTS:
            count = len(self._points) - MAX_WAITING_POINTS // 2
            del self._points[:count]
            self._first_point += count


_without_time: Callable[[TimedPoint], Point] = itemgetter(0, 1)
_time_of: Callable[[TimedPoint], float] = itemgetter(2)


def _find_pickled(process: int, key: int) -> Reporter:
    """Return the pickled reporter, or in another process one whose methods raise an error."""
    reporter = _PICKLED.get((process, key))
    if reporter is None:
        reporter = Reporter()
        reporter._process = process if process != _CURRENT_PROCESS[0] else 0
    return reporter


def _note_fork() -> None:
    _CURRENT_PROCESS[0] = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)

_PICKLED: weakref.WeakValueDictionary[tuple[int, int], Reporter] = weakref.WeakValueDictionary()
