"""Reach Spark, classic or Connect, behind one contract. No other part of the core imports pyspark.

This file is the entrance: the rest of the core takes the user's cluster and the pickling from here.
"""

from __future__ import annotations

from collections.abc import Callable

from maggy.common.spark_session import spark_session
from maggy.core.cluster.classic import ClassicCluster
from maggy.core.cluster.connect import ConnectCluster
from maggy.core.cluster.contract import (
    MAX_UNLIMITED_WORKERS,
    Cluster,
    Task,
    TaskInfo,
    TooLargeError,
    is_connect,
)
from maggy.core.cluster.failures import error_of
from maggy.core.cluster.payload import Payload, call_with_content
from maggy.core.cluster.pickling import dumps, loads
from maggy.core.cluster.release import release_error

__all__ = [
    "MAX_UNLIMITED_WORKERS",
    "Cluster",
    "Payload",
    "Task",
    "TaskInfo",
    "TooLargeError",
    "active_cluster",
    "call_with_content",
    "dumps",
    "error_of",
    "is_connect",
    "loads",
    "release_error",
]


def active_cluster(say: Callable[[str], None] | None = None) -> Cluster:
    """Return the cluster on which the user's session runs; start a local session if there is none.

    Args:
        say: Called with a line for the user before Spark starts; None says nothing.

    Raises:
        MissingDependencyError: If pyspark or a fitting Java is not installed.
        ExperimentError: If the session's Spark has ended.
    """
    session = spark_session(say)
    return ConnectCluster(session) if is_connect(session) else ClassicCluster(session)
