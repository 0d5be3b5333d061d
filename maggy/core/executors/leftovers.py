"""Find the processes that a trial has started and left running, and end them.

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
from collections.abc import Iterator

from maggy.core.executors.process_table import children_of, descendants, has_children, is_alive

__all__ = ["Leftovers"]

GRACE_SECONDS = 1.0
"""How long a child may take to end after SIGTERM, before SIGKILL."""
ROUNDS = 5
"""How often to look for children again: one that is ended may have started others meanwhile."""
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
    """End the processes below this one that a trial leaves, but none that exists already.

    A trial that starts no process costs one call of the system. While only spared processes live,
    it costs some reads of the lists of children; the whole table of processes is read only when
    another process may be there.
    """

    def __init__(self) -> None:
        self._spared = set(descendants(os.getpid())) if has_children() else set[int]()

    def end(self, error: BaseException | None = None, grace: float = GRACE_SECONDS) -> None:
        """End every process below this one that is not spared: by SIGTERM, then by SIGKILL.

        It spares the processes that existed before, multiprocessing's resource trackers and fork
        servers, and the workers of pools, executors and managers that something still refers to.

        Args:
            error: The error that the trial raised. Its traceback does not count as something that
                refers to a pool.
            grace: Seconds between the two signals.
        """
        if not has_children():
            return
        if not self._are_all_spared():
            self._end_others(error, grace)
        # The ids of the others are free for new processes.
        self._spared = {pid for pid in self._spared if is_alive(pid)}
        subprocess._cleanup()  # type: ignore[attr-defined]

    def _are_all_spared(self) -> bool:
        """Return whether every process below this one is surely spared."""
        children = children_of(os.getpid())
        if children is None:
            return False
        trackers = set(_trackers())
        if not children <= self._spared | trackers:
            return False
        # What a fork server has started for the trial is not spared, but the server's parent does
        # not list it.
        return all(children_of(pid) == set() for pid in trackers & children - self._spared)

    def _end_others(self, error: BaseException | None, grace: float) -> None:
        for _ in range(ROUNDS):
            processes = self._find_others(error)
            if not processes:
                break
            survivors = _end(_end(processes, signal.SIGTERM, grace), signal.SIGKILL, GRACE_SECONDS)
            # They belong to another user, or are in a call of the system that nothing interrupts.
            self._spared.update(survivors)

    def _find_others(self, error: BaseException | None) -> list[int]:
        """Return the processes to end, parents first."""
        workers = set(_pool_workers())
        if workers - self._spared:
            # A pool that nothing refers to ends its workers by itself. One that is part of a cycle
            # does so only when garbage is collected.
            while error is not None:
                traceback.clear_frames(error.__traceback__)
                error = error.__context__
            gc.collect()
            workers = set(_pool_workers())
        self._spared |= workers
        trackers = set(_trackers())
        return [pid for pid in descendants(os.getpid(), self._spared) if pid not in trackers]


def _end(processes: list[int], number: int, patience: float) -> list[int]:
    """Send the signal, wait until the processes have ended, and return those that have not."""
    if not processes:
        return []
    with contextlib.ExitStack() as descriptors:
        # Before the signal, while the id surely belongs to this process.
        pids = {_open_end_of(pid, descriptors): pid for pid in processes}
        for pid in processes:
            with contextlib.suppress(OSError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)  # A stopped process would not notice.
        return _wait(pids, patience)


def _open_end_of(pid: int, descriptors: contextlib.ExitStack) -> int:
    """Return a descriptor that becomes readable when the process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # Not Linux, an old one, or the process has ended.
        descriptor, writing = os.pipe()
        threading.Thread(
            target=_report_end, args=(pid, writing), name="maggy-leftovers", daemon=True
        ).start()
    descriptors.callback(os.close, descriptor)
    return descriptor


def _report_end(pid: int, writing: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # Nobody but the parent can wait for a process.
        pass
    finally:
        os.close(writing)


def _wait(pids: dict[int, int], patience: float) -> list[int]:
    """Wait until the processes behind these descriptors have ended; return those that have not."""
    poll = select.poll()
    for descriptor in pids:
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + patience
    while pids and (remaining := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(remaining * 1000):
            poll.unregister(descriptor)
            _reap(pids.pop(descriptor))
    return list(pids.values())


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):  # It is a descendant, but no child.
        os.waitpid(pid, os.WNOHANG)


def _trackers() -> Iterator[int]:
    """Yield the ids of multiprocessing's own processes. Loads none of these modules."""
    for module, name, attribute in _TRACKERS:
        pid = getattr(getattr(sys.modules.get(module), name, None), attribute, None)
        if pid is not None:
            yield pid


def _pool_workers() -> Iterator[int]:
    """Yield the processes of all pools, managers and executors that something refers to.

    Pools and managers register finalizers, and executors a thread, both with a weak reference to
    their owner: this finds them without a search through all objects.
    """
    util = sys.modules.get("multiprocessing.util")
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
