"""One Spark session for the whole run, and a folder of its own for each test's experiments."""

import os
import signal
import sys

import pytest
from helpers.leftovers import nothing_is_left
from hypothesis import HealthCheck, settings

__all__ = ["experiments", "nothing_is_left", "spark"]  # the fixtures for all tests

# The same examples in every run, however slow the machine.
settings.register_profile(
    "maggy", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("maggy")

# Each session of Spark has a Java machine of its own, also in the processes that tests start. Half
# of its time goes into the optimizing compiler, which pays only in sessions longer than a test.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
os.environ.setdefault("SPARK_LAUNCHER_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")

# A shell lets what it starts in the background ignore Ctrl-C, with all child processes.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def spark():
    """A Spark session with two task slots; the same one for all tests that ask."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .appName("maggy-tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture
def experiments(tmp_path, monkeypatch):
    """The folder in which the experiments of a test are recorded."""
    monkeypatch.setenv("MAGGY_LOG_DIR", str(tmp_path / "experiments"))
    monkeypatch.setenv("MAGGY_DATASET_DIR", str(tmp_path / "datasets"))
    return tmp_path / "experiments"
