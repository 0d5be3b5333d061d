"""Interrupting a training function from the heartbeat thread: a signal to the main thread, a handler that raises."""

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
    """Raises :class:`TrialInterrupted` in the thread that made it, while that thread is inside :meth:`armed`.

    A signal ends even a ``sleep`` or a wait for a lock; one long call into C ends only when it returns.
    Made on a process's main thread, since only there can signals be handled.
    """

    SIGNAL = signal.SIGUSR2

    def __init__(self) -> None:
        self._target = threading.get_ident()
        self._armed = False
        self.reason = ""
        """Why the training function was interrupted; empty if it was not."""

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Handle the signal inside the block; it must enclose every :meth:`armed` and every :meth:`fire`."""
        previous = signal.signal(self.SIGNAL, self._handle)
        try:
            yield
        finally:
            signal.signal(self.SIGNAL, previous)

    @contextlib.contextmanager
    def armed(self) -> Iterator[None]:
        """Allow the interrupt inside the block."""
        self.reason = ""
        self._armed = True
        try:
            yield
        finally:
            self._armed = False

    def fire(self, reason: str) -> None:
        """Interrupt, from any thread. No effect outside :meth:`armed`."""
        if self._armed:
            self.reason = self.reason or reason
            signal.pthread_kill(self._target, self.SIGNAL)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if (
            self._armed and self.reason
        ):  # else it was meant for an earlier run, or sent by somebody else
            raise TrialInterrupted(self.reason)
