"""Whose Spark an experiment runs on: this thread's own session, the default one, and one that is gone."""

import threading
from types import SimpleNamespace

import pytest

from maggy.common import spark_session
from maggy.common.exceptions import ExperimentError
from maggy.common.spark_session import why_gone
from maggy.core.cluster import spark

pytestmark = pytest.mark.slow  # loads the client of Spark Connect


class Session:
    """What is looked at of a client's session."""

    def __init__(self, is_stopped=False):
        self.is_stopped = is_stopped


@pytest.fixture
def connect(monkeypatch):
    """The class of Connect's sessions, in a process that has none."""
    from pyspark.sql.connect.session import SparkSession

    monkeypatch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")
    monkeypatch.setattr(SparkSession, "_default_session", None)
    monkeypatch.setattr(SparkSession, "_active_session", threading.local())
    return SparkSession


def session_in(thread_active=None):
    """What is found in another thread, in which this session is active."""
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.session import SparkSession as Connect

    found = []

    def look():
        Connect._active_session.session = thread_active
        found.append(spark_session._find_session(SparkSession))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def test_another_thread_finds_the_default_session_of_a_connect_client(connect):
    connect._default_session = default = Session()
    assert session_in() is default


def test_the_session_that_is_active_in_the_thread_goes_first(connect):
    connect._default_session, own = Session(), Session()
    assert session_in(own) is own
    assert session_in() is connect._default_session


def test_a_stopped_session_is_none(connect):
    connect._default_session = Session(is_stopped=True)
    assert session_in(Session(is_stopped=True)) is None


def context(java):
    return SimpleNamespace(_jsc=java)


class DeadJava:
    def sc(self):
        raise ConnectionRefusedError(111, "Connection refused")


def java(is_stopped):
    return SimpleNamespace(sc=lambda: SimpleNamespace(isStopped=lambda: is_stopped))


def test_a_context_whose_java_does_not_answer_is_gone_and_python_has_to_be_restarted():
    assert why_gone(context(java(is_stopped=False))) is None
    assert "its Java process has ended. Python cannot start another one" in why_gone(
        context(DeadJava())
    )


@pytest.mark.parametrize("stopped", [None, java(is_stopped=True)])
def test_a_stopped_context_is_gone_and_a_new_session_will_do(stopped):
    assert (
        why_gone(context(stopped))
        == "Spark is gone: its session was stopped. Make a new one first."
    )


def test_the_next_experiment_after_java_has_ended_says_so(monkeypatch):
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    def refuse():
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(SparkContext, "_active_spark_context", context(DeadJava()))
    monkeypatch.setattr(SparkSession, "getActiveSession", refuse)
    with pytest.raises(ExperimentError, match="its Java process has ended"):
        spark.active_cluster()
