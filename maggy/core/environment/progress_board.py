"""Hold the figures of a running experiment for readers in other threads."""

from __future__ import annotations

import math
import threading
from collections import deque

__all__ = ["ProgressBoard"]

MAX_LOG_CHARACTERS = 1_000_000
"""Maximum number of characters that wait for a reader. Older lines are dropped beyond this."""


class ProgressBoard:
    """Hold figures that one thread writes and others read. All values are of built-in types.

    Example:
        >>> from maggy.core.environment.progress_board import ProgressBoard
        >>> board = ProgressBoard()
        >>> board.update(num_trials=3, num_ended=1, num_stopped=0, best_metric=0.5)
        >>> board.write("0: epoch 1")
        >>> board.read()["ex_logs"], board.read()["ex_logs"]
        ('0: epoch 1', None)
    """

    def __init__(self) -> None:
        # The driver writes in the caller's thread, and the platform reads in a thread of its own.
        self._lock = threading.Lock()
        # The keys are those of the protocol that the notebook's front end speaks.
        self._figures: dict[str, int | float] = {
            "num_trials": 0,
            "to_date": 0,
            "stopped": 0,
            "metric": 0.0,
        }
        self._lines: deque[str] = deque()
        self._characters = 0

    def update(
        self,
        *,
        num_trials: int | None,
        num_ended: int,
        num_stopped: int,
        best_metric: float | None,
    ) -> None:
        """Replace the figures.

        Args:
            num_trials: Number of trials of the experiment. None, if it is unknown, shows the
                number of ended trials.
            num_ended: Number of trials that have ended.
            num_stopped: Number of ended trials that were stopped early.
            best_metric: The best metric so far; 0 is shown if it is None, NaN or infinite.
        """
        total = num_ended if num_trials is None else num_trials
        metric = 0.0 if best_metric is None or not math.isfinite(best_metric) else best_metric
        # Numpy's numbers are converted: a reader must not need numpy to unpickle the figures.
        figures = {
            "num_trials": int(total),
            "to_date": int(num_ended),
            "stopped": int(num_stopped),
            "metric": float(metric),
        }
        with self._lock:
            self._figures = figures

    def write(self, text: str) -> None:
        """Add lines for the next reader."""
        text = str(text)[-MAX_LOG_CHARACTERS:]
        with self._lock:
            self._lines.append(text)
            self._characters += len(text)
            while self._characters > MAX_LOG_CHARACTERS:
                self._characters -= len(self._lines.popleft())

    def read(self) -> dict[str, int | float | str | None]:
        """Return the figures and the new lines, which no other reader gets again.

        Returns:
            ``num_trials``, ``to_date`` (number of ended trials), ``stopped``, ``metric`` (the best
            one) and ``ex_logs``: the lines since the last call, or None if there are none.
        """
        with self._lock:
            lines = "\n".join(self._lines) if self._lines else None
            self._lines.clear()
            self._characters = 0
            return {**self._figures, "ex_logs": lines}
