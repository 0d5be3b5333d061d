"""Let a training function wait until the driver's stop rules have seen what it has reported."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["DecisionWait"]

WAIT_SECONDS = 1.0
"""How long a training function waits at most. A decision takes a few milliseconds."""
_MAKING = threading.Lock()


class DecisionWait:
    """Wait until the driver has decided on the points of a run. Any thread may call any method."""

    def __init__(self) -> None:
        self._wanted = self._decided = 0
        # Most trials never wait, and to make an event takes longer than all else here.
        self._is_decided: threading.Event | None = None
        self._is_driver_silent = False

    @property
    def asks(self) -> bool:
        """Whether a decision is asked for that has not come yet."""
        return self._wanted > self._decided

    def ask(self, points: int) -> None:
        """Ask for a decision on the first points of the run.

        Args:
            points: Their number.
        """
        self._wanted = max(self._wanted, points)

    def wait(self, points: int, send: Callable[[], bool] | None) -> None:
        """Ask for a decision on the first points of the run, and wait for it.

        A driver that did not answer in time is not waited for again, until it has answered.

        Args:
            points: Their number.
            send: Sends the question, and returns whether this thread may wait; None if nobody
                answers.
        """
        if points <= self._decided:
            return
        with _MAKING:  # two threads may wait for the first time
            is_decided = self._is_decided = self._is_decided or threading.Event()
        is_decided.clear()
        self.ask(points)
        if send is None or not send() or self._is_driver_silent:
            return
        if not is_decided.wait(WAIT_SECONDS):
            self._is_driver_silent = True

    def note(self, points: int) -> None:
        """Note that the driver has decided on the first points of the run.

        Args:
            points: Their number.
        """
        self._decided = max(self._decided, points)
        self._is_driver_silent = False
        if not self.asks:
            self.end()

    def end(self) -> None:
        """End the wait, as when the trial is stopped."""
        if self._is_decided is not None:
            self._is_decided.set()
