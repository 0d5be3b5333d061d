"""Spark's Java process is killed during an experiment, which runs in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

DRIVER = """
import glob, json, threading, time
import psutil
from pyspark.sql import SparkSession
spark = SparkSession.builder.{session}.config("spark.ui.enabled", "false").getOrCreate()
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n):
    import threading
    if n > 1:
        threading.Event().wait()
    return n

def kill():
    while not glob.glob("Experiments/*/*/trial.json"):
        time.sleep(0.05)
    for process in psutil.Process().children(recursive=True):
        if process.name() == "java":
            process.kill()

def lagom(*arguments):
    try:
        experiment.lagom(*arguments)
    except Exception as error:
        return type(error).__name__, str(error)

killer = threading.Thread(target=kill, daemon=True)
killer.start()
space = Searchspace(n=("INTEGER", [1, 9]))
options = dict(seed=1, hb_interval=0.1, initial_trials=[dict(n=1)])
first = lagom(train, OptimizationConfig(9, "randomsearch", space, **options))
killer.join()
threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("maggy")]
second = lagom(lambda: 1)
print(json.dumps([first, second, threads]), flush=True)
import os
os._exit(0)  # otherwise a Connect client would try to reach its server for ten minutes
"""


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        pytest.param(
            'master("local[2]")', "Spark is gone: its Java process has ended", id="classic"
        ),
        pytest.param(
            'remote("local[2]")',
            "Spark is gone: nothing listens at the address of its Connect server",
            id="connect",
        ),
    ],
)
def test_an_experiment_whose_spark_is_killed_says_so_and_how_to_go_on(session, reason, tmp_path):
    script = subprocess.run(
        [sys.executable, "-c", DRIVER.format(session=session)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYSPARK_PYTHON": sys.executable,
            "MAGGY_LOG_DIR": str(tmp_path / "Experiments"),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert script.returncode == 0, script.stderr[-3000:]
    first, second, threads = json.loads(script.stdout.splitlines()[-1])
    directory = next((tmp_path / "Experiments").glob("*_1"))
    assert first[0] == second[0] == "ExperimentError"
    assert reason in first[1]
    assert reason in second[1]
    assert "Trials that have ended: 1" in first[1]
    assert f"resume={str(directory)!r}" in first[1]
    assert json.loads((directory / "maggy.json").read_text())["state"] == "FAILED"
    assert json.loads((directory / "result.json").read_text())["num_trials"] == 1
    assert threads == []
