"""Read the number of tasks that a master URL and Spark's settings allow."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["gives_up_at_first_crash", "max_executors", "tasks_by_gpus", "tasks_per_executor"]

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


def tasks_per_executor(setting: Callable[[str, str], str]) -> int:
    """Return how many tasks an executor runs at once, by its cores and GPUs.

    Args:
        setting: Called with the name of a setting and the default; returns the setting.
    """
    by_cores = int(setting("spark.executor.cores", "1")) // int(setting("spark.task.cpus", "1"))
    by_gpus = tasks_by_gpus(setting)
    return by_cores if by_gpus is None else min(by_cores, by_gpus)


def tasks_by_gpus(setting: Callable[[str, str], str]) -> int | None:
    """Return how many tasks the GPUs of an executor allow; None if the settings do not say.

    Args:
        setting: Called with the name of a setting and the default; returns the setting.
    """
    gpus = int(setting("spark.executor.resource.gpu.amount", "0"))
    gpus_per_task = float(setting("spark.task.resource.gpu.amount", "0"))
    if not (gpus > 0 and gpus_per_task > 0):
        return None
    # No task gets parts of two GPUs.
    return gpus * int(1 / gpus_per_task) if gpus_per_task < 1 else int(gpus / gpus_per_task)
