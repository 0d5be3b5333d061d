"""Estimate how long the trials that are left will take."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["remaining_seconds"]


def remaining_seconds(
    count: int, ended_count: int, ended_seconds: float, ages: Sequence[float], elapsed: float
) -> float | None:
    """Return how long the trials that have not ended will take; None if nobody can tell.

    The remaining work is divided by the number of trials that have run at once on average. So the
    estimate is right from the first end on, when all others are about to end, too. Ask only once a
    trial has ended well: trials that fail at once say nothing about the others.

    Example:
        >>> remaining_seconds(3, 1, 10.0, [0.0], 10.0)  # one worker, ten seconds a trial
        30.0

    Args:
        count: Number of trials that have not ended.
        ended_count: Number of trials that have ended since the first one began.
        ended_seconds: How long they took together.
        ages: How long each running trial has run so far, in seconds.
        elapsed: Seconds since the first trial began.
    """
    if count <= 0:
        return 0.0
    if not ended_count:
        return None
    mean = ended_seconds / ended_count
    work = max(0, count - len(ages)) * mean + sum(max(0.0, mean - age) for age in ages)
    past_work = ended_seconds + sum(ages)
    # Without remaining work the last trials take longer than all others.
    return work * elapsed / past_work if work and past_work else None
