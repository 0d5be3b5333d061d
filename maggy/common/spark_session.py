"""Find the user's Spark session, or start one. It knows nothing of jobs and tasks."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

from maggy.common.exceptions import ExperimentError, MissingDependencyError
from maggy.common.java import java_problem
from maggy.common.optional import problem_with

__all__ = ["spark_session", "why_gone"]


def spark_session() -> Any:
    """Return the user's Spark session; without one, start a session on all local cores.

    If there are several, return the one that is active in this thread, else the default one.

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
        return _find_session(SparkSession) or _start_session(SparkSession)
    except Exception as error:
        raise _problem() or error from error


def why_gone(context: Any) -> str | None:
    """Return why a SparkContext can run nothing any more, with the remedy; None if it can."""
    java = context._jsc  # None once it was stopped from Python
    try:
        is_stopped = java is None or bool(java.sc().isStopped())
    except Exception:  # py4j raises OSError or one of its own: nobody answers
        return (
            "Spark is gone: its Java process has ended. Python cannot start another one, so restart Python first (in a "
            "notebook, the kernel)."
        )
    return "Spark is gone: its session was stopped. Make a new one first." if is_stopped else None


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
    reason = why_gone(context) if context is not None else None
    return ExperimentError(reason) if reason is not None else java_problem()


def _start_session(builder_class: Any) -> Any:
    from pyspark import SparkContext

    builder = builder_class.builder
    if SparkContext._active_spark_context is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        builder = builder.appName("maggy").config("spark.ui.showConsoleProgress", "false")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return builder.getOrCreate()
