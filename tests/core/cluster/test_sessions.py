"""The session on which an experiment runs: this thread's own, the default one, or none."""

import threading
from types import SimpleNamespace

import pytest

from maggy.common import spark_session
from maggy.common.exceptions import ExperimentError
from maggy.common.spark_session import why_gone
from maggy.core import cluster

pytestmark = pytest.mark.slow  # loads the client of Spark Connect


class Session:
    """The part of a client's session that is read."""

    def __init__(self, is_stopped=False):
        self.is_stopped = is_stopped


@pytest.fixture
def connect(monkeypatch):
    """Return the class of Connect's sessions, in a process without a session."""
    from pyspark.sql.connect.session import SparkSession

    monkeypatch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")
    monkeypatch.setattr(SparkSession, "_default_session", None)
    monkeypatch.setattr(SparkSession, "_active_session", threading.local())
    return SparkSession


def session_in(thread_active=None):
    """Return the session that another thread finds, in which ``thread_active`` is active."""
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.session import SparkSession as Connect

    sessions = []

    def look():
        Connect._active_session.session = thread_active
        sessions.append(spark_session._find_session(SparkSession))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return sessions[0]


def test_another_thread_finds_the_default_session_of_a_connect_client(connect):
    connect._default_session = default = Session()
    assert session_in() is default


def test_the_active_session_of_the_thread_is_preferred(connect):
    connect._default_session, active = Session(), Session()
    assert session_in(active) is active
    assert session_in() is connect._default_session


def test_a_stopped_session_counts_as_none(connect):
    connect._default_session = Session(is_stopped=True)
    assert session_in(Session(is_stopped=True)) is None


def context(java):
    return SimpleNamespace(_jsc=java)


class DeadJava:
    def sc(self):
        raise ConnectionRefusedError(111, "Connection refused")


def java(is_stopped):
    return SimpleNamespace(sc=lambda: SimpleNamespace(isStopped=lambda: is_stopped))


def test_a_context_whose_java_does_not_answer_is_gone_and_python_must_be_restarted():
    assert why_gone(context(java(is_stopped=False))) is None
    assert "its Java process has ended. Python cannot start another one" in why_gone(
        context(DeadJava())
    )


@pytest.mark.parametrize("java_process", [None, java(is_stopped=True)])
def test_a_stopped_context_is_gone_and_a_new_session_is_enough(java_process):
    assert (
        why_gone(context(java_process))
        == "Spark is gone: its session was stopped. Make a new one first."
    )


def test_an_experiment_after_the_end_of_java_is_an_error(monkeypatch):
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    def refuse():
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(SparkContext, "_active_spark_context", context(DeadJava()))
    monkeypatch.setattr(SparkSession, "getActiveSession", refuse)
    with pytest.raises(ExperimentError, match="its Java process has ended"):
        cluster.active_cluster()
