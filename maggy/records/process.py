"""Which process a driver is, and whether it is still there. On Linux only; elsewhere nothing is proved."""

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
    """A process as other processes can tell it from all others, on this machine and elsewhere.

    Attributes:
        host: The host's name.
        boot_id: The host's current start; empty where there is none to read.
        namespace: The container's process numbers: those of two containers have nothing to do with each other.
        pid: The process number.
        started: When it started, in the kernel's own units; empty where that cannot be read.
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
    """Return when the process of this number started; None if there is none, empty if that cannot be known."""
    try:
        # The name in brackets may hold anything; what follows it are the state and then 18 other fields.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return _start_of_hidden(pid)


def is_provably_dead(
    process: Process, seen_from: Process, start_of: Callable[[int], str | None] = start_of
) -> bool:
    """Whether it is certain that a process has ended.

    A number alone proves nothing: it is given again, and each container counts anew. So the host, its start and the
    container must be those of ``seen_from``, and no process of this number may have the same start.
    """
    here = (seen_from.host, seen_from.boot_id, seen_from.namespace)
    if not (process.boot_id and process.namespace and process.started):
        return False
    if (process.host, process.boot_id, process.namespace) != here:
        return False
    started = start_of(process.pid)
    return started is None or started not in ("", process.started)


def _start_of_hidden(pid: int) -> str | None:
    """As :func:`start_of`, where other users' processes are not shown."""
    if not Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return ""
