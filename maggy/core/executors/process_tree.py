"""The processes below this one: whom they belong to, how much memory they take, and how all of them are ended.

On Linux a process that adopts orphans keeps every descendant within reach, also after a double fork or ``setsid``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator

__all__ = [
    "IS_LINUX",
    "Wakeup",
    "adopt_orphans",
    "descendants",
    "die_with_parent",
    "end_all",
    "memory_of",
    "reap",
]

IS_LINUX = sys.platform.startswith("linux")
_SET_DEATH_SIGNAL, _ADOPT_ORPHANS = 1, 36  # PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER of prctl(2)


class Wakeup:
    """Lets a loop wait for the end of a child, or for the request (SIGTERM) to end, beside its descriptors.

    Only for the main thread of a process of ours. Ctrl-C and a hang-up of the terminal are for others to handle.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for descriptor in (self._read, self._write):
            os.set_blocking(descriptor, False)
        self.is_asked_to_end = False
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
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
        """Wait until something happens, for so many seconds at most."""
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

    def _ask_to_end(self, number: int, frame: object) -> None:
        self.is_asked_to_end = True


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends. Linux only; elsewhere no effect."""
    if IS_LINUX:
        _prctl(_ADOPT_ORPHANS, 1)


def die_with_parent(number: int, parent: int) -> None:
    """Get this signal when the parent process ends, also if it has ended by now. Linux only; elsewhere no effect."""
    if IS_LINUX:
        _prctl(_SET_DEATH_SIGNAL, number)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)


def reap() -> Iterator[tuple[int, int]]:
    """Yield process id and exit status (a signal's number below 0) of every child that has ended.

    Raises:
        ChildProcessError: No child is left.
    """
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def end_all(wakeup: Wakeup, grace: float, group: int | None = None) -> None:
    """End every descendant of this process: first ask (SIGTERM), then kill those that live after the grace.

    Descendants that watch over others, such as Python's trackers of shared memory, clean up and end by themselves
    when those have ended, so they need the grace.

    Args:
        wakeup: Of this process.
        grace: Seconds.
        group: The process group that is killed where orphans cannot be adopted, so that no other descendant is in
            reach.
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
        while True:  # those forked meanwhile are met in the next round
            _signal_all(signal.SIGKILL)
            os.waitpid(-1, 0)
            list(reap())


def _signal_all(number: int) -> None:
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def descendants(root: int) -> list[int]:
    """Return the ids of all processes below this one, parents before children. Empty where there is no ``/proc``."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid in _process_ids():
        with contextlib.suppress(OSError):
            # The name of the program, in parentheses, may hold anything; the parent's id is the second item after it.
            parent = int(_read(pid, "stat").rpartition(b")")[2].split()[1])
            children[parent].append(pid)
    ids = [root]
    for pid in ids:
        ids.extend(children[pid])
    return ids[1:]


def memory_of(pids: list[int], limit: int) -> int:
    """Return the bytes of memory that these processes use together, exactly only if they may be above the limit.

    A page that several processes share counts once. The kernel takes long to say how much is shared, so it is asked
    only when the sum that counts such a page for each process is above the limit.
    """
    total = sum(_resident(pid) for pid in pids)
    return total if total <= limit else sum(_share(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        return int(_read(pid, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):  # it has ended
        return 0


def _share(pid: int) -> int:
    try:
        lines = _read(pid, "smaps_rollup").splitlines()
    except ProcessLookupError:
        return 0
    except OSError:  # not allowed to look, or the kernel does not say
        return _resident(pid)
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"Pss:"))


def _process_ids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except FileNotFoundError:
        return []


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()
