"""When a Spark session ends, for whatever reason, everything that trials have started ends too."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import sleepers

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("experiments")]

DRIVER = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[2])
os.environ["PYSPARK_PYTHON"] = sys.executable
from helpers import sleepers
from pyspark import cloudpickle
from pyspark.sql import SparkSession
from maggy import experiment
from maggy.experiment_config import LagomConfig

cloudpickle.register_pickle_by_value(sleepers)
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
mark, end = sys.argv[1], sys.argv[3]

def train():
    import ctypes
    sleepers.leave_a_sleeper(mark)
    print("the trial has begun")
    ctypes.PyDLL(None).sleep(1000)

def watch():
    sys.stdin.readline()
    if end == "exit":
        os._exit(0)
    elif end == "stop":
        spark.stop()

threading.Thread(target=watch, daemon=True).start()
try:
    experiment.lagom(train, LagomConfig(isolation="process", trial_attempts=1, hb_interval=0.1))
except BaseException as error:
    print("lagom has ended:", type(error).__name__, error, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("end", ["kill", "exit", "stop"])
def test_the_end_of_the_session_takes_the_trials_descendants_along(mark, tmp_path, end):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, mark, str(Path(sleepers.__file__).parents[1]), end],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        line = next(
            line for line in driver.stdout if "the trial has begun" in line or "has ended" in line
        )
        assert "the trial has begun" in line
        pids = [pid for pid in sleepers.sleeper_ids(mark) if pid != driver.pid]
        assert pids
        if end == "kill":
            driver.send_signal(signal.SIGKILL)
        else:
            driver.stdin.write("end\n")
            driver.stdin.flush()
        sleepers.wait_until_gone(pids)
    finally:
        driver.kill()
        driver.communicate()
