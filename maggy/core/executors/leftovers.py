"""Processes that a trial has started and left: which they are, and how they end.

It spares those that multiprocessing itself keeps, and those of pools that the user's modules keep.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

__all__ = ["Leftovers", "adopt_orphans"]

GRACE_SECONDS = 1.0
"""How long a child may take to end after SIGTERM, before SIGKILL."""
ROUNDS = 5
"""How often children are looked for again, since one that is ended may have started others meanwhile."""
_PR_SET_CHILD_SUBREAPER = 36
_TRACKERS = (
    ("multiprocessing.resource_tracker", "_resource_tracker", "_pid"),
    ("multiprocessing.forkserver", "_forkserver", "_forkserver_pid"),
    ("loky.backend.resource_tracker", "_resource_tracker", "_pid"),
    ("joblib.externals.loky.backend.resource_tracker", "_resource_tracker", "_pid"),
)
_EXECUTORS = (
    "concurrent.futures.process",
    "loky.process_executor",
    "joblib.externals.loky.process_executor",
)


class Leftovers:
    """The processes below this one that a trial leaves; those that are there when this is made are never ended."""

    def __init__(self) -> None:
        self._spared = set(_descendants(os.getpid())) if _has_children() else set[int]()

    def end(self, error: BaseException | None = None, grace: float = GRACE_SECONDS) -> None:
        """End every process below this one that is not spared: SIGTERM first, after the grace SIGKILL.

        Spared are those that were there before, multiprocessing's resource trackers and fork servers, and the workers
        of pools, executors and managers that something still refers to.

        Args:
            error: What the trial has raised; its traceback does not count as something that refers to a pool.
            grace: Seconds.
        """
        if not _has_children():
            return
        for _ in range(ROUNDS):
            processes = self._left(error)
            if not processes:
                break
            alive = _end(_end(processes, signal.SIGTERM, grace), signal.SIGKILL, GRACE_SECONDS)
            self._spared.update(
                alive
            )  # of another user, or in a call of the system that cannot be interrupted
        self._spared = {
            pid for pid in self._spared if _is_alive(pid)
        }  # the other ids are free for new processes
        subprocess._cleanup()  # type: ignore[attr-defined]

    def _left(self, error: BaseException | None) -> list[int]:
        """Return the processes to end, parents first."""
        workers = set(_pool_workers())
        if workers - self._spared:
            # A pool that nothing refers to ends its workers by itself, but if it is part of a cycle only now.
            while error is not None:
                traceback.clear_frames(error.__traceback__)
                error = error.__context__
            gc.collect()
            workers = set(_pool_workers())
        self._spared |= workers
        trackers = set(_trackers())
        return [pid for pid in _descendants(os.getpid(), self._spared) if pid not in trackers]


def adopt_orphans(is_on: bool) -> None:
    """Have processes whose parent ends become children of this one, if it is above them. Linux only."""
    if sys.platform.startswith("linux"):
        import ctypes

        arguments = [ctypes.c_ulong(value) for value in (is_on, 0, 0, 0)]
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, *arguments)


def _has_children() -> bool:
    """Return whether this process has any child, also one that has ended. Takes half a microsecond."""
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _descendants(root: int, spared: Collection[int] = ()) -> list[int]:
    """Return the ids of all processes below this one, parents before children, without the spared and those below."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent in _parents():
        children[parent].append(pid)
    ids = [root]
    for pid in ids:
        ids.extend(child for child in children[pid] if child not in spared)
    return ids[1:]


def _parents() -> Iterator[tuple[int, int]]:
    """Yield the id and the parent's id of every process."""
    if not os.path.isdir("/proc/self"):
        ps = subprocess.Popen(["ps", "-A", "-o", "pid=,ppid="], stdout=subprocess.PIPE, text=True)
        table = ps.communicate()[0]
        for line in table.splitlines():
            pid, parent = map(int, line.split())
            if pid != ps.pid:
                yield pid, parent
        return
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                # The program's name is in parentheses and may hold anything; the parent is the second item after it.
                yield int(name), int(_read(f"/proc/{name}/stat").rpartition(b")")[2].split()[1])


def _read(path: str) -> bytes:
    """Return a short file's content; without ``open``, which the trial may have replaced."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _end(processes: list[int], number: int, patience: float) -> list[int]:
    """Send the signal, wait until the processes have ended, and return those that have not."""
    if not processes:
        return []
    with contextlib.ExitStack() as opened:
        # Before the signal, while the id is surely this process's.
        watched = {_watch(pid, opened): pid for pid in processes}
        for pid in processes:
            with contextlib.suppress(OSError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)  # a stopped process would not notice
        return _wait(watched, patience)


def _watch(pid: int, opened: contextlib.ExitStack) -> int:
    """Return a descriptor that can be read from when the process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, an old one, or the process has ended
        descriptor, writing = os.pipe()
        threading.Thread(
            target=_report_end, args=(pid, writing), name="maggy-leftovers", daemon=True
        ).start()
    opened.callback(os.close, descriptor)
    return descriptor


def _report_end(pid: int, writing: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # not a child of this process, so there is no way to wait for it
        pass
    finally:
        os.close(writing)


def _wait(watched: dict[int, int], patience: float) -> list[int]:
    """Wait until the processes behind these descriptors have ended, and return those that have not."""
    poll = select.poll()
    for descriptor in watched:
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + patience
    while watched and (remaining := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(remaining * 1000):
            poll.unregister(descriptor)
            _reap(watched.pop(descriptor))
    return list(watched.values())


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):  # not a child of this process but one further down
        os.waitpid(pid, os.WNOHANG)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _trackers() -> Iterator[int]:
    for module, name, attribute in _TRACKERS:
        pid = getattr(getattr(sys.modules.get(module), name, None), attribute, None)
        if pid is not None:
            yield pid


def _pool_workers() -> Iterator[int]:
    """Yield the processes of all pools, managers and executors that something refers to."""
    util: Any = sys.modules.get("multiprocessing.util")
    for finalizer in list(getattr(util, "_finalizer_registry", {}).values()):
        reference = getattr(finalizer, "_weakref", None)
        owner = reference() if reference is not None else None
        for process in [*(getattr(owner, "_pool", None) or ()), getattr(owner, "_process", None)]:
            if getattr(process, "pid", None) is not None:
                yield process.pid
    for name in _EXECUTORS:
        for thread in list(getattr(sys.modules.get(name), "_threads_wakeups", ())):
            reference = getattr(thread, "executor_reference", None)
            executor = reference() if reference is not None else None
            yield from list(getattr(executor, "_processes", None) or ())
