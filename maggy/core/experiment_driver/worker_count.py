"""Decide how many workers an experiment starts."""

from __future__ import annotations

from collections.abc import Callable

from maggy.core.cluster import MAX_UNLIMITED_WORKERS, Cluster

__all__ = ["count_workers"]


def count_workers(
    num_workers: int | None,
    cluster: Cluster,
    remaining: int | None,
    tell: Callable[[str], None],
) -> int:
    """Return how many workers to start: never more than there are trials.

    Args:
        num_workers: The number that the config asks for; None for as many as the cluster can run.
        cluster: The Spark cluster.
        remaining: Number of trials that are left; None if it is unknown.
        tell: Called with a sentence for the user if the number is a guess.
    """
    slots = cluster.slots()
    if remaining is not None:
        remaining = max(1, remaining)
    if num_workers is not None:
        # A cluster may grow for more workers than it has slots. On one machine these could only
        # wait for each other.
        count = min(num_workers, slots) if cluster.local and slots is not None else num_workers
    elif slots is not None:
        count = slots
    else:
        count = MAX_UNLIMITED_WORKERS
        if remaining is not None:
            count = min(remaining, count)
        tell(
            f"Spark's dynamic allocation has no limit here, so {count} workers are asked for. For "
            "another number set num_workers, or spark.dynamicAllocation.maxExecutors before the "
            "session is made."
        )
    return count if remaining is None else min(count, remaining)
