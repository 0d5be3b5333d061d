"""What ends an experiment from outside: Ctrl-C, and the end of its time. The driver decides what is done then."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["TimeIsUp", "interrupts"]


class TimeIsUp(Exception):
    """``max_seconds`` are over; ends the wait, and is not raised to the user."""


@contextmanager
def interrupts(on_interrupt: Callable[[], None]) -> Iterator[None]:
    """Have ``on_interrupt`` called on Ctrl-C, in place of Spark's handler, which cancels every job at once.

    On the main thread only. An exception raised by a handler could end in the middle of anything, even in a finalizer
    that swallows it; word in a queue cannot.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, lambda number, frame: on_interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous or signal.SIG_DFL)
