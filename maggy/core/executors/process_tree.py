"""Keep every descendant of a process within reach, and end them all with it.

On Linux a process that adopts orphans reaches every descendant, also after a double fork or
``setsid``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

from maggy.core.executors.process_table import descendants

__all__ = ["IS_LINUX", "Wakeup", "adopt_orphans", "die_with_parent", "end_all", "reap"]

IS_LINUX = sys.platform.startswith("linux")
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER


class Wakeup:
    """Let a loop wait, besides its descriptors, for the end of a child or for SIGTERM.

    Make it on the main thread of a process that runs no code of users. That process ignores Ctrl-C
    and the hang-up of the terminal: other processes handle them.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for descriptor in (self._read, self._write):
            os.set_blocking(descriptor, False)
        self.is_asked_to_end = False
        """Whether SIGTERM has come."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        # The handler does nothing, but without one the system would not report the signal.
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._ask_to_end)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def select(self, descriptor: int) -> bool:
        """Wait until something happens; return whether the descriptor can be read from."""
        ready = select.select([self._read, descriptor], [], [])[0]
        self._clear()
        return descriptor in ready

    def wait(self, seconds: float) -> None:
        """Wait until something happens, or until the time is over."""
        select.select([self._read], [], [], seconds)
        self._clear()

    def close(self) -> None:
        """Handle signals as a new process does."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(self._read)
        os.close(self._write)

    def _clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass

    def _ask_to_end(self, number: int, frame: FrameType | None) -> None:
        self.is_asked_to_end = True


def adopt_orphans(is_on: bool = True) -> None:
    """Adopt every descendant whose own parent ends. Has no effect except on Linux.

    Args:
        is_on: Whether to adopt; False ends it.
    """
    if IS_LINUX:
        _prctl(_ADOPT_ORPHANS, is_on)


def die_with_parent(number: int, parent: int) -> None:
    """Get a signal when the parent ends, also if it has ended by now.

    Has no effect except on Linux.

    Args:
        number: The signal.
        parent: Id of the parent, read before it could end.
    """
    if IS_LINUX:
        _prctl(_SET_DEATH_SIGNAL, number)
        # The system sends no signal for a parent that ended before the call.
        if os.getppid() != parent:
            os.kill(os.getpid(), number)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)


def reap() -> Iterator[tuple[int, int]]:
    """Yield the process id and the exit status of every child that has ended.

    If a signal ended it, the status is the signal's number below 0.

    Raises:
        ChildProcessError: If no child is left.
    """
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def end_all(wakeup: Wakeup, grace: float, group: int | None = None) -> None:
    """End every descendant of this process: ask with SIGTERM, and kill after the grace.

    Descendants that watch over others, such as Python's trackers of shared memory, clean up and
    end by themselves when those have ended. They need the grace.

    Args:
        wakeup: The wakeup of this process.
        grace: Seconds.
        group: The process group to kill where orphans cannot be adopted: no other descendant is
            within reach there.
    """
    if not IS_LINUX and group is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + grace
    with contextlib.suppress(ChildProcessError):
        list(reap())
        _signal_all(signal.SIGTERM)
        while (remaining := deadline - time.monotonic()) > 0:
            wakeup.wait(remaining)
            list(reap())
        while True:  # A process that is forked meanwhile is killed in the next round.
            _signal_all(signal.SIGKILL)
            os.waitpid(-1, 0)
            list(reap())


def _signal_all(number: int) -> None:
    for pid in descendants(os.getpid()) if IS_LINUX else []:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
