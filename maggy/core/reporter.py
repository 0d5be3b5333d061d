"""The mailbox between a training function and the heartbeat: what a trial reports waits here until it is sent.

Nothing here touches the network, so a training function never waits for it.
"""

from __future__ import annotations

import threading
from typing import Any

from maggy.core.exceptions import (
    BroadcastMetricTypeError,
    BroadcastStepTypeError,
    BroadcastStepValueError,
    EarlyStopException,
)
from maggy.core.messages import Line, Point
from maggy.core.plain import as_number

__all__ = ["Reporter"]

MAX_WAITING_POINTS = 1_000_000
MAX_WAITING_LINES = 100_000
DROPPED: Line = (True, "--- lines were dropped here: more came than the driver could take ---")
MAX_LINE_LENGTH = 16_384


class Reporter:
    """Hands a trial's metrics and log lines on to the experiment driver. One is made for each trial.

    A training function gets it by having a parameter named ``reporter``. All methods may be called from any thread
    and cost microseconds: they only append to memory. The worker's heartbeat sends everything once in
    ``hb_interval`` seconds and with the trial's end.

    Example:
        >>> def train(lr, reporter):
        ...     for epoch in range(10):
        ...         loss = 1 / (1 + epoch * lr)
        ...         reporter.broadcast(loss, step=epoch)
        ...     return loss
    """

    def __init__(self) -> None:
        # Reentrant: a finalizer that prints may run inside any of the methods.
        self._lock = threading.RLock()
        self._points: list[Point] = []
        self._first_point = 0
        self._lines: list[Line] = []
        self._first_line = 0
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
            metric: A number (also of numpy or a tensor of one number). NaN is recorded, and never better than anything.
            step: The training step, not below the last one; None for the last step plus one, beginning at 0.

        Raises:
            BroadcastMetricTypeError: The metric is not a number.
            BroadcastStepTypeError: The step is not a number.
            BroadcastStepValueError: The step is below the last one, not finite, or 2**63 or more.
            EarlyStopException: The driver has asked this trial to stop. Every later call raises it again.
        """
        value = as_number(metric)
        if value is None:
            raise BroadcastMetricTypeError(
                f"The metric that is broadcast must be a number, but got {type(metric).__name__}: {metric!r:.80}. "
                "Pass for example float(metric)."
            )
        wanted = None if step is None else as_number(step)
        if wanted is None and step is not None:
            raise BroadcastStepTypeError(
                f"The step that is broadcast must be a number, but got {type(step).__name__}: {step!r:.80}. "
                "Pass the count of batches or epochs, or leave it out."
            )
        with self._lock:
            at = self._last_step + 1 if wanted is None else wanted
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
        """
        shown = bool(jupyter or verbose)
        lines = [(shown, piece) for line in str(log_msg).splitlines() or [""] for piece in _pieces(line)]
        self._add(lines)

    def _add(self, lines: list[Line]) -> None:
        with self._lock:
            self._lines.extend(lines)
            if len(self._lines) > MAX_WAITING_LINES:
                self._first_line += self._drop(self._lines, MAX_WAITING_LINES)
                self._lines[0] = DROPPED

    def extend(self, points: list[Point], lines: list[Line]) -> None:
        """Keep what a process of this trial has reported to a reporter of its own."""
        with self._lock:
            self._points += points
            if len(self._points) > MAX_WAITING_POINTS:
                self._first_point += self._drop(self._points, MAX_WAITING_POINTS)
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

    def acknowledge(self, points: int, lines: int) -> None:
        """Forget the first ``points`` points and ``lines`` lines of the trial: the driver has them."""
        with self._lock:
            del self._points[: max(0, points - self._first_point)]
            self._first_point = max(self._first_point, points)
            del self._lines[: max(0, lines - self._first_line)]
            self._first_line = max(self._first_line, lines)

    @staticmethod
    def _drop(waiting: list[Any], most: int) -> int:
        """Keep the newest half of the ``most``, when the driver has been away for too long; returns how many went."""
        gone = len(waiting) - most // 2
        del waiting[:gone]
        return gone


def _pieces(line: str) -> list[str]:
    """A line in pieces of bounded length."""
    return [line[at : at + MAX_LINE_LENGTH] for at in range(0, len(line), MAX_LINE_LENGTH)] or [""]
