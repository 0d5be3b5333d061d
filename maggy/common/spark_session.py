"""Find the user's Spark session, or start one. It knows nothing of jobs and tasks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from maggy.common.exceptions import ExperimentError, MissingDependencyError
from maggy.common.java import java_problem
from maggy.common.optional import problem_with
from maggy.common.spark_master import describe_start, is_configured
from maggy.common.spark_start import quiet_java, tidy_python, worker_variables

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

__all__ = ["active_session", "spark_session", "why_gone"]


def spark_session(say: Callable[[str], None] | None = None) -> SparkSession:
    """Return the user's Spark session. If there is none, start a session on all local cores.

    If there are several, return the one that is active in this thread, else the default one.
    A Spark that is started here logs errors only, unless the user has configured its log.

    Args:
        say: Called with a line for the user before Spark starts; None says nothing.

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
        return _find_session(SparkSession) or _start_session(SparkSession, say)
    except Exception as error:
        raise _find_problem() or error from error


def active_session() -> SparkSession | None:
    """Return the user's Spark session if there is one, as :func:`spark_session` would find it."""
    if "pyspark" not in sys.modules:  # nobody has made a session
        return None
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session = _find_session(SparkSession)
    if session is None and SparkContext._active_spark_context is not None:
        return SparkSession.builder.getOrCreate()
    return session


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


def _start_session(
    session_class: type[SparkSession], say: Callable[[str], None] | None
) -> SparkSession:
    from pyspark import SparkConf, SparkContext

    # With a context or a gateway somebody else has configured Spark, and their settings stay.
    if SparkContext._active_spark_context is not None or "PYSPARK_GATEWAY_PORT" in os.environ:
        return session_class.builder.getOrCreate()
    builder = session_class.builder.appName("maggy").config("spark.ui.showConsoleProgress", "false")
    # Else Spark would run its workers with the first Python on the PATH.
    with tidy_python({"PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", sys.executable)}):
        if not _is_for_connect():
            home = _find_home()
            if say is not None:
                say(describe_start(os.environ, home))
            if SparkContext._gateway is None:
                _start_java(home)
            user_settings = SparkConf()  # Java has read the user's files
            for name, value in worker_variables(os.environ).items():
                key = f"spark.executorEnv.{name}"
                if not user_settings.contains(key):
                    builder = builder.config(key, value)
        return builder.getOrCreate()


def _start_java(home: str | None) -> None:
    from pyspark import SparkContext
    from pyspark.java_gateway import launch_gateway

    names = [f"spark.executorEnv.{name}" for name in worker_variables(os.environ)]
    is_ours = any(not is_configured(name, os.environ, home) for name in names)
    with quiet_java(is_tensorflow_quiet=is_ours) as options:
        gateway = launch_gateway(popen_kwargs=dict(options))
    SparkContext._ensure_initialized(gateway=gateway)


def _find_home() -> str | None:
    from pyspark.find_spark_home import _find_spark_home

    try:
        return str(_find_spark_home())
    except SystemExit:  # it has printed why; the start of Java says it again
        return None


def _is_for_connect() -> bool:
    """Return whether pyspark will reach its Spark through Connect, so that Java is not ours."""
    return (
        "SPARK_REMOTE" in os.environ
        or "SPARK_CONNECT_MODE_ENABLED" in os.environ
        or os.environ.get("SPARK_API_MODE", "").lower() == "connect"
    )
