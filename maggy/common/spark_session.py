"""Find the user's Spark session, or start one. It knows nothing of jobs and tasks."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from maggy.common.exceptions import ExperimentError, MissingDependencyError
from maggy.common.java import java_problem
from maggy.common.optional import problem_with

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

__all__ = ["spark_session", "why_gone"]


def spark_session() -> SparkSession:
    """Return the user's Spark session. If there is none, start a session on all local cores.

    If there are several, return the one that is active in this thread, else the default one.

    Raises:
        MissingDependencyError: If pyspark or Java is not installed, or Java is too old.
        ExperimentError: If the session's Spark has ended.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingDependencyError(
            "Maggy runs trials on Apache Spark, but pyspark cannot be imported. "
            "Run: pip install pyspark"
        ) from error
    except Exception as error:
        raise MissingDependencyError(
            f"Maggy runs trials on Apache Spark, but pyspark {problem_with('pyspark', error)}. "
            "Install a pyspark that fits this Python."
        ) from error
    try:
        return _find_session(SparkSession) or _start_session(SparkSession)
    except Exception as error:
        raise _find_problem() or error from error


def why_gone(context: SparkContext) -> str | None:
    """Return why a SparkContext can run no more jobs, with the remedy; None if it can."""
    java = context._jsc  # None after it was stopped from Python
    try:
        is_stopped = java is None or bool(java.sc().isStopped())
    except Exception:  # py4j raises OSError or an error of its own if nobody answers
        return (
            "Spark is gone: its Java process has ended. Python cannot start another one, so "
            "restart Python first (in a notebook, the kernel)."
        )
    return "Spark is gone: its session was stopped. Make a new one first." if is_stopped else None


def _find_session(session_class: type[SparkSession]) -> SparkSession | None:
    """Return this thread's active session, or on Connect the default one; None if there is none.

    Spark classic finds its default session itself when a session is started. Spark Connect would
    ask for the address of a server instead.
    """
    from pyspark.errors import PySparkRuntimeError

    session = session_class.getActiveSession()
    if session is None and "SPARK_CONNECT_MODE_ENABLED" in os.environ:
        with suppress(PySparkRuntimeError):  # neither an active nor a default session
            session = session_class.active()
    return session


def _find_problem() -> Exception | None:
    """Return why no session can be found or started: Spark or its Java; None if neither is."""
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    reason = why_gone(context) if context is not None else None
    return ExperimentError(reason) if reason is not None else java_problem()


def _start_session(session_class: type[SparkSession]) -> SparkSession:
    from pyspark import SparkContext

    builder = session_class.builder
    # With a context or a gateway somebody else has configured Spark, and their settings stay.
    if SparkContext._active_spark_context is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        builder = builder.appName("maggy").config("spark.ui.showConsoleProgress", "false")
        # Else Spark would run its workers with the first Python on the PATH.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return builder.getOrCreate()
