"""The figures of a running experiment for whoever asks from another thread. Knows neither trials nor sockets."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import Any

__all__ = ["Board"]

MAX_LOG_CHARACTERS = 1_000_000
"""Older lines that nobody fetched are dropped beyond this."""


class Board:
    """Figures that one thread writes and others read; everything in it is of a built-in type.

    Example:
        >>> from maggy.core.environment.progress_board import Board
        >>> board = Board()
        >>> board.update(num_trials=3, to_date=1, stopped=0, metric=0.5)
        >>> board.write("0: epoch 1")
        >>> board.read()["ex_logs"], board.read()["ex_logs"]
        ('0: epoch 1', None)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures: dict[str, int | float] = {
            "num_trials": 0,
            "to_date": 0,
            "stopped": 0,
            "metric": 0.0,
        }
        self._lines: deque[str] = deque()
        self._characters = 0

    def update(
        self, *, num_trials: int | None, to_date: int, stopped: int, metric: float | None
    ) -> None:
        """Replaces the figures.

        Args:
            num_trials: How many trials there will be; None, if nobody knows, shows as many as have ended.
            to_date: How many have ended.
            stopped: How many of them were stopped early.
            metric: The best metric so far; 0 is shown as long as there is none.
        """
        total = to_date if num_trials is None else num_trials
        best = 0.0 if metric is None or not math.isfinite(metric) else float(metric)
        with self._lock:
            self._figures = {
                "num_trials": int(total),
                "to_date": int(to_date),
                "stopped": int(stopped),
                "metric": best,
            }

    def write(self, text: str) -> None:
        """Adds lines for the next reader."""
        text = str(text)[-MAX_LOG_CHARACTERS:]
        with self._lock:
            self._lines.append(text)
            self._characters += len(text)
            while self._characters > MAX_LOG_CHARACTERS:
                self._characters -= len(self._lines.popleft())

    def read(self) -> dict[str, Any]:
        """The figures, and as ``ex_logs`` the lines since the last reading, which nobody gets again; None for none."""
        with self._lock:
            logs = "\n".join(self._lines) if self._lines else None
            self._lines.clear()
            self._characters = 0
            return {**self._figures, "ex_logs": logs}
