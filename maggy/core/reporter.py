"""The mailbox between a training function and the heartbeat: what a trial reports waits here until it is sent.

Nothing here touches the network. A training function waits here only while it prints faster than
the driver takes the lines.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from maggy.common.exceptions import (
    BroadcastMetricTypeError,
    BroadcastStepTypeError,
    BroadcastStepValueError,
    EarlyStopException,
    NotSupportedError,
)
from maggy.common.json_values import as_metric, as_number, is_beyond_floats
from maggy.core.messages import Line, Point

__all__ = ["Reporter"]

MAX_WAITING_POINTS = 1_000_000
MAX_WAITING_LINES = 100_000
DROPPED: Line = (True, "--- lines were dropped here: more came than the driver could take ---")
LINES_AT_ONCE = 1000
"""Of one text, so many lines are taken before the next ones have to wait for room."""
MAX_WAITING_CHARACTERS = 64 * 2**20
CROWDED_CHARACTERS = 2**20
"""So much waiting output is sent at once and not with the next heartbeat."""
FULL_CHARACTERS = 2 * 2**20
"""So much waiting output lets ``print`` and ``log`` wait until the driver has taken some of it."""
ROOM_SECONDS = 5.0
"""When nothing was taken for so long, the driver is away, and nobody waits until it is back."""
LINE_CHARACTERS = 16
"""What a line counts beside its text."""
MAX_LINE_LENGTH = 16_384


class Reporter:
    """Hands a trial's metrics and log lines on to the experiment driver. One is made for each trial.

    A training function gets it by having a parameter named ``reporter``. All methods may be called from any thread
    and cost microseconds: they only append to memory. The worker's heartbeat sends everything once in
    ``hb_interval`` seconds and with the trial's end. Only :meth:`log`, and ``print``, wait for the
    driver when they are called faster than it can take the lines. A copy, also one by ``pickle``, is
    the same reporter. In another process, such as a child that the function starts, it only raises.

    Example:
        >>> def train(lr, reporter):
        ...     for epoch in range(10):
        ...         loss = 1 / (1 + epoch * lr)
        ...         reporter.broadcast(loss, step=epoch)
        ...     return loss
    """

    # Kept here since a call of the system would double the cost of a broadcast.
    _current_process: ClassVar[int] = os.getpid()

    def __init__(self, hurry: Callable[[], bool] | None = None) -> None:
        # Called when much output waits; returns whether the calling thread may wait until it was sent.
        self._hurry = hurry
        # Reentrant: a finalizer that prints may run inside any of the methods.
        self._lock = threading.RLock()
        self._process = self._current_process
        self._points: list[Point] = []
        self._first_point = 0
        self._lines: list[Line] = []
        self._first_line = 0
        self._characters = 0  # of the lines
        self._room: threading.Event | None = None  # to wait for, while there is none
        self._driver_is_away = False
        self._stopped = False
        self._stop_metric: int | float | None = None
        self._last_step: int | float = -1

    @property
    def last_step(self) -> int | float:
        """The last step that was broadcast; -1 before the first."""
        return self._last_step

    @property
    def stop_metric(self) -> int | float | None:
        """The metric of the first broadcast that raised :class:`EarlyStopException`; None if none did."""
        return self._stop_metric

    def broadcast(self, metric: float, step: int | None = None) -> None:
        """Report the metric that the trial has reached at a training step.

        The point is kept and sent with the next heartbeat. A repeated step replaces the earlier value.

        Args:
            metric: A number (also of numpy, or an array or a tensor of one number). NaN is recorded, and never better
                than anything.
            step: The training step, not below the last one; None for the last step plus one, beginning at 0.

        Raises:
            BroadcastMetricTypeError: The metric is not a number, or larger than every float.
            BroadcastStepTypeError: The step is not a number.
            BroadcastStepValueError: The step is below the last one, not finite, or 2**63 or more.
            EarlyStopException: The driver has asked this trial to stop. Every later call raises it again.
            NotSupportedError: This is not the process that runs the trial.
        """
        if self._process != self._current_process:
            raise self._wrong_process("broadcast")
        # The types are compared here first, since a loop over batches calls this for each of them.
        value = metric if type(metric) is float else as_metric(metric)
        if value is None:
            raise BroadcastMetricTypeError(
                f"The metric that is broadcast must be a number, but got {type(metric).__name__}: {metric!r:.80}. "
                "Pass for example float(metric)."
            )
        if type(value) is int and is_beyond_floats(value):
            raise BroadcastMetricTypeError(
                "The metric that is broadcast must be a number that a float can hold, but got one that is larger than "
                "every float. Broadcast its logarithm."
            )
        number = step if step is None or type(step) is int else as_number(step)
        if number is None and step is not None:
            raise BroadcastStepTypeError(
                f"The step that is broadcast must be a number, but got {type(step).__name__}: {step!r:.80}. "
                "Pass the count of batches or epochs, or leave it out."
            )
        with self._lock:
            at = self._last_step + 1 if number is None else number
            if not self._last_step <= at < 2**63:  # also refuses NaN
                raise BroadcastStepValueError(
                    f"Steps must not go backwards, but got step {at} after {self._last_step}. "
                    "Count on over epochs and fits, or leave the step out."
                )
            self._last_step = at
            self._points.append((at, value))
            if len(self._points) > MAX_WAITING_POINTS:
                self._first_point += self._drop(self._points, MAX_WAITING_POINTS)
            if not self._stopped:
                return
            if self._stop_metric is None:
                self._stop_metric = value
        raise EarlyStopException(value)

    def log(self, log_msg: Any, jupyter: bool = False, verbose: bool = False) -> None:
        """Write a line to the worker's log and the trial's ``output.log``.

        Args:
            log_msg: The text; anything else is turned into text.
            jupyter: Also show it in the notebook, under the progress bar.
            verbose: The name that ``jupyter`` had in release 0.3.

        Raises:
            NotSupportedError: This is not the process that runs the trial.
        """
        if self._process != self._current_process:
            raise self._wrong_process("log")
        shown = bool(jupyter or verbose)
        lines = [
            (shown, piece) for line in str(log_msg).splitlines() or [""] for piece in _pieces(line)
        ]
        for at in range(0, len(lines), LINES_AT_ONCE):
            self._add(lines[at : at + LINES_AT_ONCE])

    def _add(self, lines: list[Line]) -> None:
        # A finalizer that prints runs inside another method of its thread; if it waited, it would wait for itself.
        may_wait = not self._lock._is_owned()  # type: ignore[attr-defined]
        with self._lock:
            self._lines += lines
            self._characters += _characters(lines)
            if len(self._lines) > MAX_WAITING_LINES or self._characters > MAX_WAITING_CHARACTERS:
                self._first_line += self._drop(
                    self._lines, min(MAX_WAITING_LINES, len(self._lines))
                )
                self._lines[0] = DROPPED
                self._characters = _characters(self._lines)
            crowded = self._characters > CROWDED_CHARACTERS
            if self._characters > FULL_CHARACTERS and not self._driver_is_away:
                self._room = self._room or threading.Event()
            room = self._room
        if not (crowded and may_wait) or self._hurry is None or not self._hurry():
            return
        if room is not None and not room.wait(ROOM_SECONDS):
            with self._lock:
                self._driver_is_away = True
                self._make_room()

    def extend(self, points: list[Point], lines: list[Line]) -> None:
        """Keep what a process of this trial has reported to a reporter of its own.

        Waits as :meth:`log` does, and then that process waits too, since nobody reads what it sends.
        """
        with self._lock:
            self._points += points
            if len(self._points) > MAX_WAITING_POINTS:
                self._first_point += self._drop(self._points, MAX_WAITING_POINTS)
        if lines:
            self._add(lines)

    @property
    def is_stopped(self) -> bool:
        """Whether the driver has asked the trial to stop."""
        return self._stopped

    def stop(self) -> None:
        """Let the next broadcast raise :class:`EarlyStopException`. Called when the driver asks for it."""
        self._stopped = True

    def waiting(self) -> tuple[int, list[Point], int, list[Line]]:
        """What has not been acknowledged: position of the first point, points, position of the first line, lines."""
        with self._lock:
            return self._first_point, self._points.copy(), self._first_line, self._lines.copy()

    @property
    def is_crowded(self) -> bool:
        """Whether so much output waits that it should not wait for the next heartbeat."""
        return self._characters > CROWDED_CHARACTERS

    def acknowledge(self, points: int, lines: int) -> None:
        """Forget the first ``points`` points and ``lines`` lines of the trial: the driver has them."""
        with self._lock:
            gone = self._lines[: max(0, lines - self._first_line)]
            self._characters -= _characters(gone)
            self._driver_is_away = False
            if self._characters <= FULL_CHARACTERS:
                self._make_room()
            del self._points[: max(0, points - self._first_point)]
            self._first_point = max(self._first_point, points)
            del self._lines[: max(0, lines - self._first_line)]
            self._first_line = max(self._first_line, lines)

    def _make_room(self) -> None:
        """Let those go on that wait; only with the lock."""
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

    def _wrong_process(self, method: str) -> NotSupportedError:
        """Return the error for a call in another process than the trial's: nobody would empty its mailbox."""
        here = self._current_process
        return NotSupportedError(
            f"reporter.{method}() must be called in the process that runs the trial ({self._process}), but was "
            f"called in another one ({here}). Hand the value back to the training function, for example "
            f"through a multiprocessing.Queue, and call reporter.{method}() there. print() works in any process."
        )

    @staticmethod
    def _drop(waiting: list[Any], most: int) -> int:
        """Keep the newest half of the ``most``, when the driver has been away for too long; returns how many went."""
        gone = len(waiting) - most // 2
        del waiting[:gone]
        return gone


def _characters(lines: list[Line]) -> int:
    return sum(len(line[1]) for line in lines) + LINE_CHARACTERS * len(lines)


def _pieces(line: str) -> list[str]:
    """A line in pieces of bounded length."""
    return [line[at : at + MAX_LINE_LENGTH] for at in range(0, len(line), MAX_LINE_LENGTH)] or [""]


def _find_pickled(process: int, key: int) -> Reporter:
    """Return the reporter that was pickled; in another process, one that only raises."""
    reporter = _PICKLED.get((process, key))
    if reporter is None:
        reporter = Reporter()
        reporter._process = process if process != reporter._current_process else 0
    return reporter


def _note_fork() -> None:
    Reporter._current_process = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)

_PICKLED: weakref.WeakValueDictionary[tuple[int, int], Reporter] = weakref.WeakValueDictionary()
