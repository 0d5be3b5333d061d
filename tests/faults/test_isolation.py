"""Trials in processes of their own, on a real Spark session: nothing that they start outlives what it belongs to."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from maggy import Searchspace, experiment
from maggy.core.exceptions import ExperimentError
from maggy.experiment_config import LagomConfig, OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

TWO = Searchspace(n=("INTEGER", [1, 2]))


def search(train, num_trials=4, space=TWO, **options):
    options = {"seed": 1, "hb_interval": 0.1, "isolation": "process", **options}
    return experiment.lagom(train, OptimizationConfig(num_trials, "randomsearch", space, **options))


def reasons_of(result):
    return [trial["error"] for trial in records_of(result.directory) if trial["status"] == "ERROR"]


def records_of(directory):
    return [json.loads(path.read_text()) for path in Path(directory).glob("*/trial.json")]


def leave_a_sleeper(mark):
    """Start a process that sleeps, out of the trial's session and not below it; it has the mark as argument."""
    import os
    import sys

    read, write = os.pipe()
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.setsid()
            os.write(write, b"x")
            for descriptor in (read, write):
                os.close(descriptor)
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)", mark])
        os._exit(0)
    os.read(read, 1)
    os.wait()


@pytest.fixture
def mark():
    value = f"mark-{uuid.uuid4().hex}"
    yield value
    left = processes_with(value)
    for process in left:
        process.kill()
    assert left == [], "processes have outlived their trial"


def processes_with(mark):
    found = []
    for process in psutil.process_iter():
        try:
            if mark in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until_gone(pids):
    """Wait for the end of these processes."""
    processes = []
    for pid in pids:
        try:
            processes.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(processes, timeout=60)
    for process in alive:
        process.kill()
    assert alive == []


def sleepers(mark):
    return [process.pid for process in processes_with(mark)]


@pytest.mark.parametrize("crash", ["segfault", "exit", "signal", "descriptors"])
def test_a_process_that_breaks_costs_its_trial_an_attempt_and_its_worker_nothing(crash, mark):
    def train(n):
        import ctypes
        import os
        import signal

        if n == 2:
            return {"metric": n, "worker": parent_of(parent_of(os.getppid()))}
        leave_a_sleeper(mark)
        if crash == "segfault":
            ctypes.string_at(0)
        elif crash == "exit":
            os._exit(0)
        elif crash == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        os.closerange(0, 1000)
        return n

    result = search(train, 4, trial_attempts=2, num_workers=1)
    assert result["num_trials"] + result["failed"] == 4
    assert result["failed"]
    for trial in result.trials:
        assert (trial["status"], trial["attempts"]) == (("FINALIZED", 1) if trial["params"]["n"] == 2 else ("ERROR", 2))
    assert all("lost 2 times" in reason for reason in reasons_of(result))
    assert len({trial["outputs"]["worker"] for trial in result.trials if trial["outputs"]}) == 1


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_a_call_that_holds_the_gil_for_ever_costs_its_trial_only(mark):
    def train(n):
        import ctypes
        import os

        if n == 1:
            leave_a_sleeper(mark)
            ctypes.PyDLL(None).sleep(1000)  # unlike CDLL, this one keeps the GIL
        return {"metric": n, "worker": parent_of(parent_of(os.getppid()))}

    result = search(train, 3, max_trial_seconds=3, num_workers=1, worker_timeout=4)
    assert result["failed"]
    assert set(reasons_of(result)) == {"exceeded max_trial_seconds=3; it could not be interrupted"}
    assert all(trial["attempts"] == 1 for trial in result.trials)
    assert len({trial["outputs"]["worker"] for trial in result.trials if trial["outputs"]}) == 1


def test_a_worker_that_is_killed_takes_its_trials_descendants_along(mark, tmp_path):
    marker = tmp_path / "killed"

    def train(n):
        import os
        import signal
        import time

        if not marker.exists():
            leave_a_sleeper(mark)
            marker.touch()
            os.kill(parent_of(parent_of(os.getppid())), signal.SIGKILL)
            time.sleep(1000)
        return n

    result = search(train, 2)
    assert (result["num_trials"], result["failed"]) == (2, 0)
    assert marker.exists()
    wait_until_gone(sleepers(mark))


def test_a_cancelled_job_takes_its_trials_descendants_along(spark, mark, tmp_path):
    def train():
        import ctypes

        leave_a_sleeper(mark)
        (tmp_path / "begun").touch()
        ctypes.PyDLL(None).sleep(1000)

    def cancel():
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        pids = sleepers(mark)
        spark.sparkContext.cancelAllJobs()
        return pids

    with ThreadPoolExecutor(1) as pool:
        cancelled = pool.submit(cancel)
        config = LagomConfig(isolation="process", trial_attempts=1, hb_interval=0.1)
        with pytest.raises(ExperimentError, match="lost once"):
            experiment.lagom(train, config)
        pids = cancelled.result()
    assert pids
    wait_until_gone(pids)


DRIVER = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[2])
os.environ["PYSPARK_PYTHON"] = sys.executable
from pyspark.sql import SparkSession
from maggy import experiment
from maggy.experiment_config import LagomConfig
from test_isolation import leave_a_sleeper

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
mark, end = sys.argv[1], sys.argv[3]

def train():
    import ctypes
    leave_a_sleeper(mark)
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
    print("lagom has ended:", type(error).__name__)
sys.stdout.flush()
signal.pause()
"""


@pytest.mark.parametrize("end", ["kill", "exit", "stop"])
def test_the_end_of_the_session_takes_the_trials_descendants_along(mark, tmp_path, end):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, mark, os.path.dirname(__file__), end],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for line in driver.stdout:
            if "the trial has begun" in line:
                break
        pids = sleepers(mark)
        assert any("time.sleep" in " ".join(psutil.Process(pid).cmdline()) for pid in pids)
        if end == "kill":
            driver.send_signal(signal.SIGKILL)
        else:
            driver.stdin.write("end\n")
            driver.stdin.flush()
        wait_until_gone(pid for pid in pids if pid != driver.pid)
    finally:
        driver.kill()
        driver.communicate()


def test_memory_above_the_limit_fails_the_trial_with_the_figure(mark):
    def train(n):
        if n == 1:
            data = bytearray(600 * 2**20)
            data[::4096] = b"x" * len(data[::4096])
            leave_a_sleeper(mark)
            threading.Event().wait(1000)
        return n

    result = search(train, 3, max_trial_memory="500m", num_workers=1)
    assert result["failed"]
    for reason in reasons_of(result):
        assert reason.startswith("used ")
        assert "more than max_trial_memory=500 MiB" in reason
    assert all(trial["attempts"] == 1 for trial in result.trials)
