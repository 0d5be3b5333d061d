"""Names of release 1 for what lives elsewhere now."""

from __future__ import annotations

from typing import Any

from maggy.core.plain import to_plain as json_default_numpy
from maggy.core.spark import active_cluster

__all__ = ["find_spark", "json_default_numpy", "num_executors"]


def find_spark() -> Any:
    """Return the user's SparkSession; one is started if there is none."""
    return active_cluster().session


def num_executors(sc: Any = None) -> int:
    """Return how many tasks Spark can run at once, which is how many trials run at once.

    Args:
        sc: Accepted and not needed.
    """
    return active_cluster().slots()
