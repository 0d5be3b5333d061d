"""Find the times in which a thread could not run, although it had planned to wake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Gap", "GapWatch"]

GAP_SECONDS = 1.0
"""A thread that wakes this much later than it planned could not run in between."""


@dataclass(frozen=True)
class Gap:
    """A time in which the thread could not run.

    Attributes:
        seconds: Its length.
        is_standstill: Whether the whole process stood still, as it does when it is stopped. If not,
            another thread worked all the time, in a call that holds Python's lock.
    """

    seconds: float
    is_standstill: bool


class GapWatch:
    """Compare when a thread wakes with when it planned to.

    Args:
        now: Monotonic seconds.
        work_clock: Returns the seconds of processor time that this process has used.
    """

    def __init__(self, now: float, work_clock: Callable[[], float]) -> None:
        self._work_clock = work_clock
        self._work = work_clock()
        self.next_wake = now
        """When the thread plans to wake, in monotonic seconds."""

    def find(self, now: float) -> Gap | None:
        """Return the gap that ends now; None if the thread woke in time."""
        seconds = now - self.next_wake
        work, self._work = self._work, self._work_clock()
        if seconds < GAP_SECONDS:
            return None
        return Gap(seconds, is_standstill=self._work - work < seconds / 10)
