"""Functions of release 1 that now live in other modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maggy.common.json_values import to_plain as json_default_numpy
from maggy.core.cluster.spark import MAX_UNLIMITED_WORKERS, active_cluster

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

__all__ = ["find_spark", "json_default_numpy", "num_executors"]


def find_spark() -> SparkSession:
    """Return the user's SparkSession. Start one if there is none."""
    return active_cluster().session


def num_executors(sc: SparkContext | None = None) -> int:
    """Return the number of tasks, and so of trials, that Spark can run at once.

    Where Spark starts executors without a limit, this is the number of workers that a search asks
    for.

    Args:
        sc: Release 1 needed it. It has no effect.
    """
    slots = active_cluster().slots()
    return MAX_UNLIMITED_WORKERS if slots is None else slots
