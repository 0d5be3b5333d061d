"""Functions of release 1 that now live in other modules."""

from __future__ import annotations

from maggy.common.json_values import to_plain as json_default_numpy
from maggy.common.spark_session import spark_session
from maggy.core.cluster import MAX_UNLIMITED_WORKERS, active_cluster

__all__ = ["find_spark", "json_default_numpy", "num_executors"]

find_spark = spark_session


def num_executors(sc: object = None) -> int:
    """Return the number of tasks, and so of trials, that Spark can run at once.

    Where Spark starts executors without a limit, this is the number of workers that a search asks
    for.

    Args:
        sc: The Spark context, which release 1 needed. It has no effect.
    """
    slots = active_cluster().slots()
    return MAX_UNLIMITED_WORKERS if slots is None else slots
