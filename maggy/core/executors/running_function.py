"""Watch the function that runs now: its time limit, and the interrupts that end it."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["RunningFunction"]

GRACE_SECONDS = 5.0
"""How long an interrupted function may take to end before its process is ended."""
REPEAT_SECONDS = 0.5
"""How long to wait before a function that swallowed an interrupt is interrupted again."""


class RunningFunction:
    """Watch a training function, or a component that the check builds, and make it end.

    The thread that trains calls :meth:`begin` and :meth:`end`. All other methods belong to the
    session's thread. No lock is needed: the start time is written last in :meth:`begin`, and read
    first everywhere else.

    Args:
        interrupt: Interrupts the function; called with the reason.
        give_up: Called with the reason when the function does not end after an interrupt.
    """

    def __init__(self, interrupt: Callable[[str], None], give_up: Callable[[str], None]) -> None:
        self._interrupt = interrupt
        self._give_up = give_up
        self._start: float | None = None
        self._limit: float | None = None
        self._limit_name = ""
        self._standstill = 0.0  # Seconds since the start that do not count as the function's.
        self._reason: str | None = None
        self._last_interrupt = self._grace_end = 0.0
        self._has_returned = False

    @property
    def is_running(self) -> bool:
        """Whether a function runs."""
        return self._start is not None

    def begin(self, now: float, limit: float | None, limit_name: str) -> None:
        """Watch a function that is about to be called.

        Args:
            now: Monotonic seconds.
            limit: Seconds that it may take; None for no limit.
            limit_name: What the reason for an interrupt calls the limit.
        """
        self._limit, self._limit_name = limit, limit_name
        self._reason = None
        self._standstill = 0.0
        self._has_returned = False
        self._start = now

    def returned(self) -> None:
        """Interrupt the function no more: it has returned, and only its last reports are due."""
        self._has_returned = True

    def end(self) -> None:
        """Stop watching: the function has ended."""
        self._start = None

    def leave_out(self, seconds: float) -> None:
        """Leave out a time in which the function could not run."""
        self._standstill += seconds
        self._grace_end += seconds

    def interrupt(self, reason: str, now: float) -> None:
        """Interrupt the function. Has no effect if none runs, or if it was interrupted already."""
        if self._start is not None and self._reason is None and not self._has_returned:
            self._grace_end = now + GRACE_SECONDS
            self._reason, self._last_interrupt = reason, now
            self._interrupt(reason)

    def watch(self, now: float) -> float:
        """Interrupt a function whose time is over, and press one that did not end.

        Args:
            now: Monotonic seconds.

        Returns:
            When to call this again, in monotonic seconds.
        """
        start = self._start
        if start is None or self._has_returned:
            return math.inf
        deadline = math.inf
        if self._limit is not None:
            deadline = start + self._standstill + self._limit
            if now >= deadline:
                deadline = math.inf
                self.interrupt(f"exceeded {self._limit_name}={self._limit:g}", now)
        if self._reason is not None:
            deadline = min(deadline, self._press(self._reason, now))
        return deadline

    def _press(self, reason: str, now: float) -> float:
        """Repeat an interrupt that was swallowed; give up when the grace is over."""
        if now >= self._grace_end:
            self._grace_end = now + GRACE_SECONDS
            self._give_up(reason)
        if now >= self._last_interrupt + REPEAT_SECONDS:
            self._last_interrupt = now
            self._interrupt(reason)
        return min(self._grace_end, now + REPEAT_SECONDS)
