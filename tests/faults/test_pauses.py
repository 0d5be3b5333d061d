"""Stop the processes of an experiment for a while and let them go on: no trial runs again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = pytest.mark.slow

PAUSE = 5.0
"""The length of a pause in seconds; it is longer than the experiment's worker_timeout."""

SEARCH = """
import os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
from pyspark.sql import SparkSession
SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig
flag = os.path.join(os.getcwd(), "flag")

def train(x):
    import os, time
    print("trains", flush=True)
    while not os.path.exists(flag):
        time.sleep(0.02)
    return x

space = Searchspace(x=("DOUBLE", [0, 1]))
options = dict(hb_interval=0.1, worker_timeout=2, max_trial_seconds=240, log_dir=os.getcwd())
experiment.lagom(train, OptimizationConfig(2, "randomsearch", space, **options))
"""


@pytest.fixture
def search(tmp_path):
    """Start a search in a process of its own; its two trials train until a file appears."""
    process = subprocess.Popen(
        [sys.executable, "-c", SEARCH],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    children = []
    try:
        trains = 0
        while trains < 2:
            line = process.stdout.readline()
            assert line, "the search ended too early"
            trains += line.endswith("trains\n")
        children += psutil.Process(process.pid).children(recursive=True)
        yield process
    finally:
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.kill()
        process.communicate()


def pause(processes):
    """Stop processes at the same time, and let them go on after a while."""
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    time.sleep(PAUSE)
    for process in processes:
        process.send_signal(signal.SIGCONT)


def test_an_experiment_that_is_stopped_and_goes_on_runs_no_trial_again(search, tmp_path):
    driver = psutil.Process(search.pid)
    everything = [driver, *driver.children(recursive=True)]
    pause(everything)
    # Ctrl-Z stops only this process group; Spark's workers are in other groups.
    pause([process for process in everything if os.getpgid(process.pid) == os.getpgid(driver.pid)])
    (tmp_path / "flag").touch()
    search.communicate(timeout=120)
    records = [json.loads(path.read_text()) for path in tmp_path.glob("*_1/*/trial.json")]
    assert [(record["status"], record["attempts"]) for record in records] == [("FINALIZED", 1)] * 2
