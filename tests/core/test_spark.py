"""What is known of Spark without starting it: its error texts, its master URLs, and a machine without Java.

The error texts are Spark's own, shortened.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from wire import has_ipv6

from maggy.core import spark
from maggy.core.exceptions import MissingDependencyError
from maggy.core.spark import collect_columns, dumps, error_of, loads

CRASH = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 1 in stage 0.0 failed 4 times, most "
    "recent failure: Lost task 1.3 in stage 0.0 (TID 4) (192.0.2.2 executor 0): org.apache.spark.SparkException: "
    "Python worker exited unexpectedly (crashed). Consider setting "
    "'spark.sql.execution.pyspark.udf.faulthandler.enabled' or"
    "'spark.python.worker.faulthandler.enabled' configuration to 'true' for the better Python traceback.\n"
    "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator$$anonfun$1.applyOrElse(PythonRunner.scala:1136)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:840)\nCaused by: java.io.EOFException\n"
)
CRASH_ON_CONNECT = CRASH[CRASH.index("Job aborted") :]
EXECUTOR_LOST = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 12 in stage 1.0 failed 4 times, most "
    "recent failure: Lost task 12.3 in stage 1.0 (TID 7) (192.0.2.2 executor 3): ExecutorLostFailure (executor 3 "
    "exited caused by one of the running tasks) Reason: Command exited with code 137\nDriver stacktrace:\n"
    "\tat org.apache.spark.scheduler.DAGScheduler.$anonfun$abortStage$3(DAGScheduler.scala:4568)\n"
)
CANCELLED = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: [SPARK_JOB_CANCELLED] Job 4 cancelled part of cancelled job group g "
    "SQLSTATE: XXKDA\n\tat org.apache.spark.errors.SparkCoreErrors$.sparkJobCancelled(SparkCoreErrors.scala:222)\n"
)
CANCELLED_ON_CONNECT = (
    "(org.apache.spark.SparkSQLException) [OPERATION_CANCELED] Operation has been canceled. SQLSTATE: HY008\n\n"
    "JVM stacktrace:\norg.apache.spark.SparkSQLException\n"
    "\tat org.apache.spark.sql.connect.execution.ExecuteThreadRunner$ExecutionThread.run(ExecuteThreadRunner.scala:341)"
)
RAISED = (
    "An exception was thrown from the Python worker:\nTraceback (most recent call last):\n"
    '  File "/opt/spark/python/lib/pyspark.zip/pyspark/worker_util.py", line 75, in read_command\n'
    "    command = serializer.loads(file)\n              ^^^^^^^^^^^^^^^^^^^^^^\n"
    '  File "/opt/spark/python/lib/pyspark.zip/pyspark/serializers.py", line 483, in loads\n'
    "    return cloudpickle.loads(obj, encoding=encoding)\n"
)
RAISED_IN_SPARK_3 = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 1 times, most "
    "recent failure: Lost task 0.0 in stage 0.0 (TID 0) (node-7 executor driver): org.apache.spark.api.python."
    'PythonException: Traceback (most recent call last):\n  File "/opt/spark/python/lib/pyspark.zip/pyspark/worker.py"'
    ", line 1247, in main\n    process()\nValueError: no good\n\n"
    "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)\n"
)


@pytest.mark.parametrize(
    ("text", "sentence", "culprit"),
    [
        (CRASH, "Python worker exited unexpectedly (crashed).", 1),
        (CRASH_ON_CONNECT, "Python worker exited unexpectedly (crashed).", 1),
        (
            EXECUTOR_LOST,
            "ExecutorLostFailure (executor 3 exited caused by one of the running tasks) "
            "Reason: Command exited with code 137",
            12,
        ),
        (CANCELLED, "[SPARK_JOB_CANCELLED] Job 4 cancelled part of cancelled job group g SQLSTATE: XXKDA", None),
        (CANCELLED_ON_CONNECT, "[OPERATION_CANCELED] Operation has been canceled. SQLSTATE: HY008", None),
        (
            f"{RAISED}ModuleNotFoundError: No module named 'onlyhere'",
            "ModuleNotFoundError: No module named 'onlyhere'",
            None,
        ),
        (RAISED_IN_SPARK_3, "ValueError: no good", 0),
        (
            f"{RAISED}ConnectionError: Maggy's driver at tcp://10.0.0.1:4040 cannot be reached from node-7.",
            "Maggy's driver at tcp://10.0.0.1:4040 cannot be reached from node-7.",
            None,
        ),
        ("Something else\nin two lines", "RuntimeError: Something else", None),
        ("", "RuntimeError: no reason given", None),
        ("\n \n", "RuntimeError: no reason given", None),
    ],
)
def test_a_failure_of_spark_is_one_sentence_and_names_the_task(text, sentence, culprit):
    assert error_of(RuntimeError(text)) == (sentence, culprit)


def test_a_very_long_error_takes_no_time():
    text = "Task 0 in stage 0.0 failed 1 times, most recent failure: " + "Lost task 0.0 " * 20_000
    assert error_of(RuntimeError(text))[1] == 0


def test_a_missing_maggy_on_the_executors_is_said_with_the_remedy():
    sentence, culprit = error_of(RuntimeError(f"{RAISED}ModuleNotFoundError: No module named 'maggy'"))
    assert "Maggy is not installed where Spark runs Python" in sentence
    assert f"PYSPARK_PYTHON to {sys.executable}" in sentence
    assert culprit is None


@pytest.mark.parametrize(
    ("master", "cores"),
    [
        ("local", 1),
        ("local[1]", 1),
        ("local[16]", 16),
        ("local[*]", os.cpu_count()),
        ("local[4, 3]", 4),
        ("local[4 , 3]", 4),
        ("local[*,2]", os.cpu_count()),
        ("local-cluster[2,3,512]", 6),
        ("local-cluster[2, 1, 1024]", 2),
        ("yarn", None),
        ("spark://host:7077", None),
        ("k8s://https://host:443", None),
        ("localhost", None),
        ("", None),
    ],
)
def test_a_local_master_says_how_many_tasks_it_runs_at_once(master, cores):
    assert spark._local_cores(master) == cores


@pytest.mark.parametrize("master", ["local", "local[1]", "local[16]", "local[*]", "local[4,1]", "local[*, 1]"])
def test_a_local_master_without_retries_gives_up_at_the_first_crash(master):
    assert spark._gives_up_at_first_crash(master)


@pytest.mark.parametrize(
    "master", ["local[4,3]", "local[*, 2]", "local[4,11]", "local-cluster[2,1,512]", "yarn", "spark://host:7077", ""]
)
def test_every_other_master_retries(master):
    assert not spark._gives_up_at_first_crash(master)


def test_the_address_on_the_route_to_a_server_is_one_of_this_machine():
    assert spark._own_address("127.0.0.1").startswith("127.")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("server", ["::1", "[::1]"])
def test_the_own_address_may_be_one_of_ipv6(server):
    assert spark._own_address(server) == "::1"


class Frame:
    """What is used of a Spark data frame."""

    def __init__(self, **columns):
        self.columns = list(columns)
        self._rows = list(zip(*columns.values(), strict=True))

    def collect(self):
        return self._rows


def test_a_frame_becomes_one_array_for_each_column_in_order():
    names, columns = collect_columns(Frame(b=[1, 2], a=[0.5, 1.5], c=["x", "y"]))
    assert names == list(columns) == ["b", "a", "c"]
    assert [columns[name].dtype.kind for name in names] == ["i", "f", "U"]
    assert [columns[name].tolist() for name in names] == [[1, 2], [0.5, 1.5], ["x", "y"]]


def test_a_missing_number_becomes_nan_and_a_missing_text_stays_none():
    _, columns = collect_columns(Frame(number=[1, None], text=["x", None]))
    np.testing.assert_array_equal(columns["number"], [1, np.nan])
    assert columns["text"].tolist() == ["x", None]


def test_a_frame_without_rows_has_empty_columns():
    names, columns = collect_columns(Frame(a=[]))
    assert names == ["a"]
    assert columns["a"].shape == (0,)


def test_functions_made_anywhere_can_be_pickled():
    factor = 3
    assert loads(dumps(lambda x: factor * x))(2) == 6


def java(folder, version):
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(("version", "major"), [("1.8.0_392", "8"), ("11.0.21", "11"), ("16", "16")])
def test_an_old_java_is_said_with_its_version_and_the_remedy(tmp_path, monkeypatch, version, major):
    monkeypatch.setenv("JAVA_HOME", java(tmp_path, version))
    problem = spark._java_problem()
    assert isinstance(problem, MissingDependencyError)
    assert f"is version {major}. Install a newer JDK and set JAVA_HOME" in str(problem)


@pytest.mark.parametrize("version", ["17.0.9", "17", "21.0.1", "25-ea"])
def test_a_java_that_will_do_is_not_the_problem(tmp_path, monkeypatch, version):
    monkeypatch.setenv("JAVA_HOME", java(tmp_path, version))
    assert spark._java_problem() is None


def test_a_missing_java_is_said_with_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert f"JAVA_HOME={tmp_path} has none. Install a JDK" in str(spark._java_problem())
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is none on the PATH. Install a JDK" in str(spark._java_problem())
