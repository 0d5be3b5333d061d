"""Choose which lines about ended trials are printed. The experiment's log has all of them."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["EndLines"]

LINES_PER_SECOND = 20


class EndLines:
    """Choose at most 20 lines in a second; count the others, and say how many there were.

    Example:
        >>> lines = EndLines(lambda: 0.0)
        >>> [len(lines.add("trial 1: ...")) for _ in range(22)][-3:]
        [1, 0, 0]
        >>> lines.omission()
        ['2 more trials have ended.']

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second_end = -math.inf
        self._num_chosen = 0
        self._num_omitted = 0

    def add(self, line: str) -> list[str]:
        """Return what to print when a trial has ended.

        Args:
            line: The line about the trial.
        """
        if (now := self._clock()) >= self._second_end:
            self._second_end, self._num_chosen = now + 1, 0
        if self._num_chosen == LINES_PER_SECOND:
            self._num_omitted += 1
            return []
        self._num_chosen += 1
        return [*self.omission(), line]

    def omission(self) -> list[str]:
        """Return the line about lines that were omitted since the last one, if there are any."""
        count, self._num_omitted = self._num_omitted, 0
        if not count:
            return []
        return [f"{count:,} more trial{' has' if count == 1 else 's have'} ended."]
