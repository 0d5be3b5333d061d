"""Identify a driver's process, and prove that one has ended. Only Linux allows a proof."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Process", "current_process", "is_provably_dead", "start_of"]


@dataclass(frozen=True)
class Process:
    """The identity of a process, which differs from that of all others, on this host or elsewhere.

    Attributes:
        host: The name of the host.
        boot_id: The last boot of the host; empty where it cannot be read.
        namespace: The container's own numbering of processes. Numbers of two containers are
            unrelated.
        pid: The process number.
        started: The start of the process, in units of the kernel; empty where it cannot be read.
    """

    host: str
    boot_id: str = ""
    namespace: str = ""
    pid: int = 0
    started: str = ""


def current_process() -> Process:
    """Return this process."""
    boot_id = namespace = ""
    with suppress(OSError):
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    return Process(
        socket.gethostname(), boot_id, namespace, os.getpid(), start_of(os.getpid()) or ""
    )


def start_of(pid: int) -> str | None:
    """Return the start of the process with this number.

    Returns:
        The start in units of the kernel; None if there is no such process or it has ended; empty
        if the start cannot be read.
    """
    try:
        # The second field is the process name in brackets, which may hold any character. After it
        # come the state and 18 other fields, and then the start.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        # Z is a zombie, which has ended but whose parent has not noticed; X is dead.
        return None if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return _start_of_hidden(pid)


def is_provably_dead(
    process: Process, seen_from: Process, start_of: Callable[[int], str | None] = start_of
) -> bool:
    """Return whether a process has certainly ended.

    A number alone proves nothing: the kernel uses it again, and each container counts anew. So the
    host, its boot and the container must be those of ``seen_from``, and no process with this number
    may have the same start.

    Args:
        process: The process that may have ended.
        seen_from: The process that asks.
        start_of: Return the start of a process, as :func:`start_of` does.
    """
    if not (process.boot_id and process.namespace and process.started):
        return False
    here = (seen_from.host, seen_from.boot_id, seen_from.namespace)
    if (process.host, process.boot_id, process.namespace) != here:
        return False
    start = start_of(process.pid)
    return start is None or start not in ("", process.started)


def _start_of_hidden(pid: int) -> str | None:
    """Do the same as :func:`start_of` where the system hides other users' processes."""
    if not Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)  # signal 0 only checks whether the process exists
    except (ProcessLookupError, OverflowError):  # no system has numbers as large as the latter
        return None
    except OSError:
        pass  # it exists, and belongs to another user
    return ""
