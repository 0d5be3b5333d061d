"""Notice Ctrl-C, and name the end of an experiment's time. The driver ends the experiment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["TimeIsUp", "handle_interrupts"]


class TimeIsUp(Exception):
    """``max_seconds`` are over. It ends the wait of the driver, and users never see it."""


@contextmanager
def handle_interrupts(on_interrupt: Callable[[], None]) -> Iterator[None]:
    """Call a function on Ctrl-C, in place of Spark's handler, which cancels every job at once.

    It has an effect on the main thread only, where Python runs signal handlers.

    Args:
        on_interrupt: The function. It must not raise: an exception could occur anywhere, even in a
            finalizer that swallows it. Let it put a message into a queue instead.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, lambda number, frame: on_interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous or signal.SIG_DFL)
