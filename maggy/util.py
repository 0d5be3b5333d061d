"""Names of release 1 for what lives elsewhere now."""

from __future__ import annotations

from typing import Any

from maggy.common.json_values import to_plain as json_default_numpy
from maggy.core.cluster.spark import MAX_UNLIMITED_WORKERS, active_cluster

__all__ = ["find_spark", "json_default_numpy", "num_executors"]


def find_spark() -> Any:
    """Return the user's SparkSession; one is started if there is none."""
    return active_cluster().session


def num_executors(sc: Any = None) -> int:
    """Return how many tasks Spark can run at once, which is how many trials run at once.

    Where Spark starts executors without a limit, this is the number of workers that a search asks for.

    Args:
        sc: Accepted and not needed.
    """
    slots = active_cluster().slots()
    return MAX_UNLIMITED_WORKERS if slots is None else slots
