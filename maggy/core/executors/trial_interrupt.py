"""Interrupt a training function: a signal goes to the main thread, and its handler raises."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["Interrupter", "TrialInterrupted"]


class TrialInterrupted(BaseException):
    """Raised inside a training function that has to end now. No ``except Exception`` catches it."""


class Interrupter:
    """Raise :class:`TrialInterrupted` in the thread that made this, inside :meth:`arm`.

    A signal ends even a ``sleep`` or a wait for a lock. One long call into C ends only when it
    returns. Make it on a process's main thread, since Python handles signals only there.
    """

    SIGNAL = signal.SIGUSR2

    def __init__(self) -> None:
        self._target = threading.get_ident()
        self._is_armed = False
        self.reason = ""
        """Why the training function was interrupted; empty if it was not."""

    @contextlib.contextmanager
    def install(self) -> Iterator[None]:
        """Handle the signal inside the block, which encloses all uses of the other methods."""
        previous = signal.signal(self.SIGNAL, self._handle)
        try:
            yield
        finally:
            signal.signal(self.SIGNAL, previous)

    @contextlib.contextmanager
    def arm(self) -> Iterator[None]:
        """Allow the interrupt inside the block."""
        self.reason = ""
        self._is_armed = True
        try:
            yield
        finally:
            self._is_armed = False

    def fire(self, reason: str) -> None:
        """Interrupt the training function, from any thread. Has no effect outside :meth:`arm`.

        Args:
            reason: Why it has to end. The first reason counts.
        """
        if self._is_armed:
            self.reason = self.reason or reason
            signal.pthread_kill(self._target, self.SIGNAL)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # Otherwise it was meant for an earlier run, or somebody else sent it.
        if self._is_armed and self.reason:
            raise TrialInterrupted(self.reason)
