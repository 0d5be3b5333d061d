"""The form of a line in ``maggy.log``: the time, and a text."""

from __future__ import annotations

import functools
import time

__all__ = ["log_line"]


def log_line(text: str, seconds: float) -> str:
    """Return a line of the log of an experiment.

    Args:
        text: What has happened.
        seconds: When it happened, in seconds since the epoch. The line shows local time.
    """
    return f"{_moment(int(seconds))}.{int(seconds % 1 * 1000):03d} {text}\n"


@functools.lru_cache(maxsize=1)  # Many lines are written in one second.
def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
