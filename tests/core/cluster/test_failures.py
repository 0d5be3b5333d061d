"""The explanation of Spark's error texts, which are Spark's own, shortened."""

import sys

import pytest

from maggy.core.cluster.failures import error_of

CRASH = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 1 in stage 0.0 "
    "failed 4 times, most "
    "recent failure: Lost task 1.3 in stage 0.0 (TID 4) (192.0.2.2 executor 0): "
    "org.apache.spark.SparkException: "
    "Python worker exited unexpectedly (crashed). Consider setting "
    "'spark.sql.execution.pyspark.udf.faulthandler.enabled' or"
    "'spark.python.worker.faulthandler.enabled' configuration to 'true' for the better Python "
    "traceback.\n"
    "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator$$anonfun$1."
    "applyOrElse(PythonRunner.scala:1136)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:840)\nCaused by: java.io.EOFException\n"
)
CRASH_ON_CONNECT = CRASH[CRASH.index("Job aborted") :]
EXECUTOR_LOST = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 12 in stage 1.0 "
    "failed 4 times, most "
    "recent failure: Lost task 12.3 in stage 1.0 (TID 7) (192.0.2.2 executor 3): "
    "ExecutorLostFailure (executor 3 "
    "exited caused by one of the running tasks) Reason: Command exited with code 137\nDriver "
    "stacktrace:\n"
    "\tat org.apache.spark.scheduler.DAGScheduler.$anonfun$abortStage$3(DAGScheduler.scala:4568)\n"
)
CANCELLED = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: [SPARK_JOB_CANCELLED] Job 4 cancelled part of cancelled "
    "job group g "
    "SQLSTATE: XXKDA\n\tat "
    "org.apache.spark.errors.SparkCoreErrors$.sparkJobCancelled(SparkCoreErrors.scala:222)\n"
)
CANCELLED_ON_CONNECT = (
    "(org.apache.spark.SparkSQLException) [OPERATION_CANCELED] Operation has been canceled. "
    "SQLSTATE: HY008\n\n"
    "JVM stacktrace:\norg.apache.spark.SparkSQLException\n"
    "\tat org.apache.spark.sql.connect.execution.ExecuteThreadRunner$ExecutionThread."
    "run(ExecuteThreadRunner.scala:341)"
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
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 "
    "failed 1 times, most "
    "recent failure: Lost task 0.0 in stage 0.0 (TID 0) (node-7 executor driver): "
    "org.apache.spark.api.python."
    "PythonException: Traceback (most recent call last):\n  File "
    '"/opt/spark/python/lib/pyspark.zip/pyspark/worker.py"'
    ", line 1247, in main\n    process()\nValueError: no good\n\n"
    "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator."
    "handlePythonException(PythonRunner.scala:572)\n"
)


DESTROYED = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: Attempted to use Broadcast(3) after it was destroyed "
    "(destroy at A.java:0) \n"
    "\tat org.apache.spark.broadcast.Broadcast.assertValid(Broadcast.scala:151)\n"
)
DESTROYED_BEFORE_SERIALIZATION = (
    "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
    ": org.apache.spark.SparkException: Task not serializable\n\tat "
    "org.apache.spark.util.X.clean(X.scala:45)\n"
    "Caused by: org.apache.spark.SparkException: [INTERNAL_ERROR_BROADCAST] Attempted to use "
    "Broadcast(9) after it was "
    "destroyed (destroy at A.java:0)  SQLSTATE: XX000\n\tat "
    "org.apache.spark.SparkException$.internalError(X.scala:1)\n"
)
OUT_OF_MEMORY = (
    "An error occurred while calling o22.broadcast.\n"
    ": java.lang.OutOfMemoryError: Java heap space\n\tat "
    "java.base/java.nio.ByteBuffer.allocate(ByteBuffer.java:363)\n"
)
TOO_LARGE_ON_CONNECT = (
    "<_MultiThreadedRendezvous of RPC that terminated with:\n\tstatus = "
    "StatusCode.RESOURCE_EXHAUSTED\n"
    '\tdetails = "Sent message larger than max (209719296 vs. 134217728)"\n\tdebug_error_string = '
    '"UNKNOWN: {}"\n>'
)


@pytest.mark.parametrize(
    ("text", "sentence", "culprit"),
    [
        (
            DESTROYED,
            "Attempted to use Broadcast(3) after it was destroyed",
            None,
        ),
        (
            DESTROYED_BEFORE_SERIALIZATION,
            "Attempted to use Broadcast(9) after it was destroyed",
            None,
        ),
        (OUT_OF_MEMORY, "OutOfMemoryError: Java heap space", None),
        (TOO_LARGE_ON_CONNECT, "Sent message larger than max (209719296 vs. 134217728)", None),
        (CRASH, "Python worker exited unexpectedly (crashed).", 1),
        (CRASH_ON_CONNECT, "Python worker exited unexpectedly (crashed).", 1),
        (
            EXECUTOR_LOST,
            "ExecutorLostFailure (executor 3 exited caused by one of the running tasks) "
            "Reason: Command exited with code 137",
            12,
        ),
        (
            CANCELLED,
            "[SPARK_JOB_CANCELLED] Job 4 cancelled part of cancelled job group g SQLSTATE: XXKDA",
            None,
        ),
        (
            CANCELLED_ON_CONNECT,
            "[OPERATION_CANCELED] Operation has been canceled. SQLSTATE: HY008",
            None,
        ),
        (
            f"{RAISED}ModuleNotFoundError: No module named 'onlyhere'",
            "ModuleNotFoundError: No module named 'onlyhere'",
            None,
        ),
        (RAISED_IN_SPARK_3, "ValueError: no good", 0),
        (
            f"{RAISED}ConnectionError: Maggy's driver at tcp://10.0.0.1:4040 cannot be reached "
            f"from node-7.",
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


def test_a_missing_maggy_on_the_executors_is_reported_with_the_remedy():
    sentence, culprit = error_of(
        RuntimeError(f"{RAISED}ModuleNotFoundError: No module named 'maggy'")
    )
    assert "Maggy is not installed where Spark runs Python" in sentence
    assert f"PYSPARK_PYTHON to {sys.executable}" in sentence
    assert culprit is None


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("error=2, No such file or directory", "No such file or directory"),
        ("error=13, Permission denied", "Permission denied"),
        ("Exec failed, error: 2 (No such file or directory) ", "Exec failed, error: 2 (No such"),
    ],
)
def test_a_python_that_spark_cannot_start_is_named_with_the_variable(reason, shown):
    text = (
        "An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.\n"
        ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 2.0 "
        "failed 1 times, most recent failure: Lost task 0.0 in stage 2.0 (TID 2) (here executor "
        f'driver): java.io.IOException: Cannot run program "./environment/bin/python": {reason}\n'
        "\tat java.base/java.lang.ProcessBuilder.start(ProcessBuilder.java:1143)\n"
    )
    sentence, culprit = error_of(RuntimeError(text))
    assert f"start Python on an executor: ./environment/bin/python: {shown}" in sentence
    assert "comes from PYSPARK_PYTHON" in sentence
    assert "unset it before the session starts" in sentence
    assert culprit == 0
