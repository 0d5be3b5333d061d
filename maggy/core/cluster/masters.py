"""What a master URL and Spark's settings say of the number of tasks."""

from __future__ import annotations

import os
import re

__all__ = ["gives_up_at_first_crash", "local_cores", "max_executors"]

UNLIMITED = 2**31 - 1
"""Spark's own default for the largest number of executors."""


def gives_up_at_first_crash(master: str) -> bool:
    """Whether this is a local master without retries (``local[2, 3]`` would retry twice)."""
    return re.fullmatch(r"local(\[[^\],]*(,\s*1)?\])?", master) is not None


def local_cores(master: str) -> int | None:
    """How many tasks a local master runs at once; None for a master that is not local."""
    if master == "local":
        return 1
    if found := re.fullmatch(r"local\[(\*|\d+)(?:\s*,\s*\d+)?\]", master):
        return (os.cpu_count() or 1) if found.group(1) == "*" else int(found.group(1))
    if found := re.fullmatch(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,\s*\d+\s*\]", master):
        return int(found.group(1)) * int(found.group(2))
    return None


def max_executors(setting: str) -> int | None:
    """Return ``spark.dynamicAllocation.maxExecutors`` as a number; None if it is not set, or to "infinity"."""
    most = int(setting) if setting.strip().isdigit() else UNLIMITED
    return most if 0 < most < UNLIMITED else None
