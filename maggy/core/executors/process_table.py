"""Read the system's table of processes: the descendants of a process, and their memory.

Nothing here starts, signals or ends a process of somebody else.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections import defaultdict
from collections.abc import Collection, Iterator

__all__ = ["children_of", "descendants", "has_children", "is_alive", "memory_of"]

_PIECE_BYTES = 4096


def has_children() -> bool:
    """Return whether this process has any child, also one that has ended.

    Takes about a microsecond.
    """
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def children_of(pid: int) -> set[int] | None:
    """Return the ids of a process's children.

    Takes about 10 microseconds for each thread of the process, however many processes there are.

    Returns:
        The children, or None if the system does not list them (only Linux does), if the process
        has ended, or if one of its threads began or ended meanwhile.
    """
    folder = f"/proc/{pid}/task"
    children: set[int] = set()
    try:
        threads = os.listdir(folder)
        for thread in threads:
            ids = _read(f"{folder}/{thread}/children")
            if len(ids) == _PIECE_BYTES:  # There may be more of them.
                return None
            children.update(map(int, ids.split()))
        # The system gives the children of a thread that ends to another thread, whose list may
        # have been read before.
        return children if os.listdir(folder) == threads else None
    except OSError:
        return None


def descendants(root: int, spared: Collection[int] = ()) -> list[int]:
    """Return the ids of all processes below a process, parents before children.

    Reads the whole table, which takes 7 microseconds for each process of the machine.

    Args:
        root: Id of the process at the top, which is not returned.
        spared: Ids that are left out, with all processes below them.
    """
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent in _parents():
        children[parent].append(pid)
    ids = [root]
    for pid in ids:
        ids.extend(child for child in children[pid] if child not in spared)
    return ids[1:]


def is_alive(pid: int) -> bool:
    """Return whether the id belongs to a process, also to one that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def memory_of(pids: list[int], limit: int) -> int:
    """Return how much memory these processes use together; exact only if it may exceed the limit.

    A page that several processes share counts once. The kernel takes long to say how much is
    shared. So it is asked only if the sum that counts such a page for each process exceeds the
    limit.

    Args:
        pids: Ids of the processes. One that has ended uses nothing.
        limit: Bytes.

    Returns:
        Bytes.
    """
    total = sum(_resident_bytes(pid) for pid in pids)
    return total if total <= limit else sum(_proportional_bytes(pid) for pid in pids)


def _parents() -> Iterator[tuple[int, int]]:
    """Yield the id and the parent's id of every process."""
    if not os.path.isdir("/proc/self"):
        yield from _parents_by_ps()
        return
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):  # It has ended meanwhile.
                # The program's name is in parentheses and may hold anything. The parent's id is
                # the second item after it.
                stat = _read(f"/proc/{name}/stat")
                yield int(name), int(stat.rpartition(b")")[2].split()[1])


def _parents_by_ps() -> Iterator[tuple[int, int]]:
    ps = subprocess.Popen(["ps", "-A", "-o", "pid=,ppid="], stdout=subprocess.PIPE, text=True)
    table = ps.communicate()[0]
    for line in table.splitlines():
        pid, parent = map(int, line.split())
        if pid != ps.pid:
            yield pid, parent


def _resident_bytes(pid: int) -> int:
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):  # It has ended.
        return 0


def _proportional_bytes(pid: int) -> int:
    try:
        lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    except ProcessLookupError:
        return 0
    except OSError:  # This user may not look, or the kernel does not say.
        return _resident_bytes(pid)
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"Pss:"))


def _read(path: str) -> bytes:
    """Return a short file's content; without ``open``, which the trial may have replaced."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, _PIECE_BYTES)
    finally:
        os.close(descriptor)
