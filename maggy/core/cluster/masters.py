"""Read the number of tasks that a master URL and Spark's settings allow."""

from __future__ import annotations

import re

__all__ = ["gives_up_at_first_crash", "max_executors"]

UNLIMITED = 2**31 - 1
"""Spark's own default for the maximum number of executors."""


def gives_up_at_first_crash(master: str) -> bool:
    """Return whether a master is local and never retries a task.

    ``local[2, 3]`` tries a task three times, so the answer is False.
    """
    return re.fullmatch(r"local(\[[^\],]*(,\s*1)?\])?", master) is not None


def max_executors(setting: str) -> int | None:
    """Return ``spark.dynamicAllocation.maxExecutors`` as a number.

    Returns:
        At least 1; None if the setting is empty, 0, ``"infinity"`` or Spark's default.
    """
    limit = int(setting) if setting.strip().isdigit() else UNLIMITED
    return limit if 0 < limit < UNLIMITED else None
