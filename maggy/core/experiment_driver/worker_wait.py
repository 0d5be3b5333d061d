"""Say how many workers have come while others are missing: rarely, and only when it changes."""

from __future__ import annotations

__all__ = ["SECONDS_BETWEEN_LINES", "WorkerWait"]

SECONDS_BETWEEN_LINES = 5.0
"""Workers may take this long before a line about them; at least as long is between two lines."""


class WorkerWait:
    """Decide when the user reads a line about missing workers. It has no clock of its own.

    Args:
        expected: Number of workers that the driver has started.
        start: The time at which the wait begins, in seconds.
    """

    def __init__(self, expected: int, start: float) -> None:
        self._expected = expected
        self._due = start + SECONDS_BETWEEN_LINES
        self._last_count: int | None = None  # in the last line

    def text(self, count: int) -> str:
        """Return what the experiment waits for when ``count`` workers have come; empty if none."""
        if count >= self._expected:
            return ""
        return f"Waiting for executors: {count} of {self._expected}"

    def deadline(self, count: int) -> float | None:
        """Return when a line is due; None if there is nothing new to say."""
        return None if count in (self._last_count, self._expected) else self._due

    def line(self, count: int, now: float) -> str:
        """Return the line that is due now, and count it as printed; empty if none is due."""
        deadline = self.deadline(count)
        if deadline is None or now < deadline:
            return ""
        self._last_count, self._due = count, now + SECONDS_BETWEEN_LINES
        return self.text(count)
