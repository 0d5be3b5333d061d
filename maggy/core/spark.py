"""Everything Maggy asks of Spark: the cluster of the user's session, functions as bytes, and tables.

Knows jobs, tasks and tables; nothing of trials. What differs between Spark classic and Connect is in
:mod:`maggy.core.cluster`; no other module imports pyspark, and these only when used.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

import numpy as np

from maggy.core.cluster.classic import ClassicCluster, gone
from maggy.core.cluster.connect import ConnectCluster
from maggy.core.cluster.contract import MAX_UNLIMITED_WORKERS, Cluster, Task, TaskInfo, TooLargeError, is_connect
from maggy.core.cluster.failures import error_of
from maggy.core.cluster.java import java_problem
from maggy.core.cluster.payload import Payload, with_content
from maggy.core.cluster.pickling import dumps, loads
from maggy.core.exceptions import ExperimentError, MissingDependencyError
from maggy.core.optional import problem_with

__all__ = [
    "MAX_UNLIMITED_WORKERS",
    "Cluster",
    "Payload",
    "Task",
    "TaskInfo",
    "TooLargeError",
    "active_cluster",
    "collect_columns",
    "dumps",
    "error_of",
    "is_connect",
    "loads",
    "read_table",
    "with_content",
]


def active_cluster() -> Cluster:
    """The Spark that the user's session runs on; without a session, one on all local cores is started.

    Of several sessions the one that is active in this thread counts, else the default one.

    Raises:
        MissingDependencyError: pyspark or Java is not installed, or Java is too old.
        ExperimentError: The session's Spark is gone.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingDependencyError(
            "Maggy runs trials on Apache Spark, but pyspark cannot be imported. Run: pip install pyspark"
        ) from error
    except Exception as error:
        raise MissingDependencyError(
            f"Maggy runs trials on Apache Spark, but pyspark {problem_with('pyspark', error)}. Install a pyspark that "
            "fits this Python."
        ) from error
    try:
        session = _find_session(SparkSession) or _start_session(SparkSession)
    except Exception as error:
        raise _problem() or error from error
    if is_connect(session):
        return ConnectCluster(session)
    return ClassicCluster(session)


def read_table(path: str, format: str) -> tuple[list[str], dict[str, np.ndarray[Any, Any]]]:
    """Read a ``"csv"`` (with a header line) or ``"parquet"`` table; see :func:`collect_columns`."""
    session = active_cluster().session
    reader = session.read.option("header", True).option("inferSchema", True) if format == "csv" else session.read
    return collect_columns(reader.format(format).load(path))


def collect_columns(frame: Any) -> tuple[list[str], dict[str, np.ndarray[Any, Any]]]:
    """A Spark data frame in the driver's memory: the names of its columns in order, and one array for each."""
    names = list(frame.columns)
    rows = frame.collect()
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for position, name in enumerate(names):
        values = [row[position] for row in rows]
        missing = any(value is None for value in values)
        numbers = all(value is None or isinstance(value, (int, float)) for value in values)
        columns[name] = np.array(
            [np.nan if value is None else value for value in values] if missing and numbers else values
        )
    return names, columns


def _find_session(session_class: Any) -> Any:
    """Return this thread's active session, or on Connect the default one; None if there is none.

    Spark classic finds its default session itself when one is asked for. Spark Connect asks for the server's address.
    """
    from pyspark.errors import PySparkRuntimeError

    session = session_class.getActiveSession()
    if session is None and "SPARK_CONNECT_MODE_ENABLED" in os.environ:
        with suppress(PySparkRuntimeError):  # neither active nor default
            session = session_class.active()
    return session


def _problem() -> Exception | None:
    """Return what is wrong when there is no session to be had: Spark is gone, or its Java is not there."""
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    reason = gone(context) if context is not None else None
    return ExperimentError(reason) if reason is not None else java_problem()


def _start_session(builder_class: Any) -> Any:
    from pyspark import SparkContext

    builder = builder_class.builder
    if SparkContext._active_spark_context is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        builder = builder.appName("maggy").config("spark.ui.showConsoleProgress", "false")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return builder.getOrCreate()
