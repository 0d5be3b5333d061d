"""Keep the points of a running trial, and what a trial has printed, in bounded memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

from maggy.live.snapshot import MAX_OUTPUT_LINES
from maggy.result.rows import TrialRow

__all__ = ["MAX_POINTS", "LastLines", "RunningRow"]

MAX_POINTS: Final = 120
"""Maximum number of points in the row of a running trial, evenly chosen from all of them."""
MAX_LINE_CHARACTERS: Final = 1000
"""Longer lines of output are cut."""


class RunningRow:
    """A running trial, with a bounded number of its points."""

    __slots__ = ("_copy", "_count", "_last", "_row", "_steps", "_stride", "_values", "start")

    def __init__(self, row: TrialRow, start: float) -> None:
        self.start = start
        self._row = row
        self._copy: TrialRow | None = row
        # Every point whose number is a multiple of the stride, and the last one.
        self._steps: list[float] = []
        self._values: list[float | None] = []
        self._stride = 1
        self._count = 0
        self._last: float | None = None

    @property
    def number(self) -> int | None:
        """The number of the trial; None if it is unknown."""
        return self._row["number"]

    def add_point(self, step: float, value: float) -> None:
        """Add a point as :meth:`maggy.Trial.append_metric` does."""
        if not math.isfinite(step) or (self._last is not None and step < self._last):
            return
        if type(step) is float and step.is_integer():
            step = int(step)
        self._copy = None
        plain = value if math.isfinite(value) else None
        if step == self._last:
            self._values[-1] = plain
            return
        if self._steps and (self._count - 1) % self._stride:
            self._steps.pop()  # It was kept only as the last one.
            self._values.pop()
        if len(self._steps) >= MAX_POINTS:
            del self._steps[1::2], self._values[1::2]
            self._stride *= 2
        self._steps.append(step)
        self._values.append(plain)
        self._count += 1
        self._last = step

    def snapshot(self) -> TrialRow:
        """Return a row that does not change any more. Without a new point it is the earlier one."""
        if self._copy is None:
            self._copy = self._row.copy()
            self._copy["steps"], self._copy["history"] = self._steps.copy(), self._values.copy()
        return self._copy


class LastLines:
    """The last lines of a trial's output, and the number of the trial, if it is known."""

    __slots__ = ("_copy", "_lines", "number")

    def __init__(self, number: int | None) -> None:
        self.number = number
        self._lines: deque[str] = deque(maxlen=MAX_OUTPUT_LINES)
        self._copy: list[str] | None = None

    def add(self, lines: Sequence[str]) -> None:
        """Add lines, of which the last ones are kept."""
        self._lines.extend(line[:MAX_LINE_CHARACTERS] for line in lines[-MAX_OUTPUT_LINES:])
        self._copy = None

    def snapshot(self) -> list[str]:
        """Return lines that do not change any more."""
        if self._copy is None:
            self._copy = list(self._lines)
        return self._copy
