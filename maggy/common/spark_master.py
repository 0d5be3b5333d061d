"""Find out where Spark will run, before it starts. This reads settings and asks no Java."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["available_cores", "describe_start", "find_master", "is_configured", "local_cores"]

CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""Holds the quota and the period of a container's processors, in microseconds."""


def describe_start(environment: Mapping[str, str], home: str | None) -> str:
    """Return the line that a user reads while Spark starts.

    Args:
        environment: The environment variables.
        home: Spark's directory; None if it is unknown.
    """
    master = find_master(environment, home)
    if master is None:
        return "Starting Spark"
    is_whole_machine = re.fullmatch(r"local\[\s*\*.*\]", master) is not None
    cores = available_cores() if is_whole_machine else local_cores(master)
    if cores is None:
        return f"Starting Spark on {master}"
    return f"Starting Spark on {cores} local {'core' if cores == 1 else 'cores'}"


def find_master(environment: Mapping[str, str], home: str | None) -> str | None:
    """Return the master URL that Spark will use; None if other files than Spark's own decide it.

    The arguments for ``spark-submit`` come first, then the file ``spark-defaults.conf``, then the
    variable ``MASTER``. Without any of them Spark takes all local cores.
    """
    try:
        arguments = shlex.split(environment.get("PYSPARK_SUBMIT_ARGS", ""))
    except ValueError:  # an open quotation mark: Spark will say so
        return None
    text = "\n".join(arguments)
    if re.search(r"^--properties-file", text, re.MULTILINE):
        return None
    if match := re.search(r"^--master[=\n](.+)", text, re.MULTILINE):
        return match[1]
    if matches := re.findall(r"^(?:--conf|-c)[=\n]spark\.master=(.+)", text, re.MULTILINE):
        return str(matches[-1])
    if match := re.search(r"^[ \t]*spark\.master[\s=:]+(\S+)", _defaults(environment, home), re.M):
        return match[1]
    return environment.get("MASTER") or "local[*]"


def is_configured(setting: str, environment: Mapping[str, str], home: str | None) -> bool:
    """Return whether the arguments for ``spark-submit`` or the file of defaults name a setting."""
    arguments = environment.get("PYSPARK_SUBMIT_ARGS", "")
    return setting in arguments or setting in _defaults(environment, home)


def _defaults(environment: Mapping[str, str], home: str | None) -> str:
    directory = environment.get("SPARK_CONF_DIR") or (os.path.join(home, "conf") if home else "")
    with suppress(OSError, UnicodeDecodeError):
        return Path(directory, "spark-defaults.conf").read_text(encoding="utf-8")
    return ""


def local_cores(master: str) -> int | None:
    """Return how many cores a local master has for tasks; None for a master that is not local."""
    if master == "local":
        return 1
    if match := re.fullmatch(r"local\[(\*|\d+)(?:\s*,\s*\d+)?\]", master):
        return (os.cpu_count() or 1) if match.group(1) == "*" else int(match.group(1))
    # local-cluster[workers, cores of each worker, MiB of each worker]
    if match := re.fullmatch(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,\s*\d+\s*\]", master):
        return int(match.group(1)) * int(match.group(2))
    return None


def available_cores() -> int:
    """Return how many processors this process may use, as Java counts them."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        count = os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no container, or "max" for no limit
        quota, period = CPU_LIMIT.read_text().split()
        count = min(count, max(1, math.ceil(int(quota) / int(period))))
    return count
