"""What ``maggy doctor`` looks at on an executor. It runs there, in a task of Spark."""

from __future__ import annotations

import os
import platform
import socket
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from maggy.core.cluster import TaskInfo
from maggy.version import __version__

__all__ = ["TOKEN_BYTES", "java_of_ancestor", "probe"]

TOKEN_BYTES = 16
_SECONDS = 5.0
_MAX_ANCESTORS = 20


def probe(host: str, port: int, info: TaskInfo) -> list[object]:
    """Return what is installed where this task runs, and what the driver has answered.

    Args:
        host: The name or address by which the driver advertises itself.
        port: The port on which it listens.
        info: The task.

    Returns:
        One dict: ``host``, ``python``, ``executable``, ``maggy``, ``pyspark``, ``java``,
        ``tensorflow`` (a version, or None), ``token`` (the driver's answer in hexadecimal digits,
        or None) and ``error`` (why there is none).
    """
    token, error = _call_driver(host, port)
    return [
        {
            "host": socket.gethostname(),
            "python": platform.python_version(),
            "executable": sys.executable,
            "maggy": __version__,
            "pyspark": _version("pyspark"),
            "java": java_of_ancestor(),
            "tensorflow": _version("tensorflow") or _version("tensorflow-cpu"),
            "token": token,
            "error": error,
        }
    ]


def java_of_ancestor(pid: int | None = None, processes: Path = Path("/proc")) -> str | None:
    """Return the version of the Java that started this Python worker.

    Args:
        pid: The process to begin with; this one if None.
        processes: The kernel's files about processes.

    Returns:
        The version; None if it cannot be read, as on every system but Linux.
    """
    pid = os.getpid() if pid is None else pid
    for _ in range(_MAX_ANCESTORS):
        try:
            program = Path(os.readlink(processes / str(pid) / "exe"))
            if program.name == "java":
                return _release_of(program.parent.parent)
            status = (processes / str(pid) / "stat").read_text(errors="replace")
            # The name of the process is in brackets, and may hold any character.
            pid = int(status.rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return None
    return None


def _release_of(home: Path) -> str | None:
    for line in (home / "release").read_text(errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name == "JAVA_VERSION":
            return value.strip('"')
    return None


def _call_driver(host: str, port: int) -> tuple[str | None, str | None]:
    token = b""
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as connection:
            while len(token) < TOKEN_BYTES and (part := connection.recv(TOKEN_BYTES)):
                token += part
    except OSError as error:
        return None, f"{type(error).__name__}: {error}"
    return token.hex(), None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
