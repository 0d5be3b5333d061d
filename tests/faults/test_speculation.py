"""Spark's speculative copies, on a standalone cluster of two worker hosts: they stand by, and take over when needed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SEARCH = """
import json, sys, time
from pyspark.sql import SparkSession
settings = {
    "spark.driver.host": "127.0.0.1", "spark.executor.memory": "512m", "spark.executor.cores": "1",
    "spark.speculation": "true", "spark.speculation.interval": "200ms", "spark.speculation.minTaskRuntime": "1s",
    "spark.speculation.task.duration.threshold": "1s", "spark.ui.enabled": "false",
}
builder = SparkSession.builder.master(sys.argv[1])
for key, value in settings.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
while spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 3:  # the driver and two executors
    time.sleep(0.1)
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n, reporter):
    import time
    for step in range(40):
        reporter.broadcast(step)
        time.sleep(0.1)
    return n

space = Searchspace(n=("INTEGER", [1, 4]))
config = OptimizationConfig(3, "randomsearch", space, seed=1, hb_interval=0.2, num_workers=1, worker_timeout=3)
result = experiment.lagom(train, config)
print(json.dumps([result, result.trials]))
"""


@pytest.fixture
def standalone(tmp_path):
    """The URL of a Spark master with one worker on each of two loopback addresses."""
    import pyspark

    home = os.path.dirname(pyspark.__file__)
    environment = {**os.environ, "SPARK_HOME": home, "SPARK_NO_DAEMONIZE": "1", "PYSPARK_PYTHON": sys.executable}
    processes = []

    def launch(name, *arguments):
        with open(tmp_path / f"{name}.txt", "w") as log:
            command = [os.path.join(home, "bin", "spark-class"), *arguments]
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))

    def wait_for(name, text):
        for _ in range(600):
            if text in (tmp_path / f"{name}.txt").read_text():
                return
            time.sleep(0.1)
        raise AssertionError((tmp_path / f"{name}.txt").read_text())

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    deploy = "org.apache.spark.deploy"
    url = f"spark://127.0.0.1:{port}"
    try:
        launch("master", f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0")
        wait_for("master", "I have been elected leader")
        for host in ("127.0.0.1", "127.0.0.2"):
            options = ["--host", host, "--cores", "1", "--memory", "600m", "--webui-port", "0"]
            launch(host, f"{deploy}.worker.Worker", *options, "--work-dir", str(tmp_path / host), url)
            wait_for(host, "Successfully registered with master")
        yield url
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start(url, cwd):
    return subprocess.Popen(
        [sys.executable, "-c", SEARCH, url],
        cwd=cwd,
        env={**os.environ, "PYSPARK_PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=open(cwd / "errors.txt", "w"),  # the process keeps it
        text=True,
    )


def test_a_copy_stands_by_and_takes_over_when_the_original_dies(standalone, experiments, tmp_path):
    undisturbed = start(standalone, tmp_path)
    out, _ = undisturbed.communicate(timeout=120)
    assert undisturbed.returncode == 0, (tmp_path / "errors.txt").read_text()[-3000:]
    result, trials = json.loads(out.splitlines()[-1])
    assert (result["num_trials"], result["failed"]) == (3, 0)
    assert [trial["attempts"] for trial in trials] == [1, 1, 1]
    assert len(list(experiments.glob("app-*/executor_0_*.log"))) == 2, "Spark made no copy, so nothing was tested"

    before = set(experiments.glob("app-*"))
    disturbed = start(standalone, tmp_path)
    logs = []
    while len(logs) < 2:  # the copy is there
        time.sleep(0.1)
        logs = [log for each in set(experiments.glob("app-*")) - before for log in each.glob("executor_0_*.log")]
    original = next(log for log in logs if log.name == "executor_0_0.log")
    os.kill(int(re.search(r"process (\d+)", Path(original).read_text())[1]), signal.SIGKILL)
    out, _ = disturbed.communicate(timeout=120)
    assert disturbed.returncode == 0, (tmp_path / "errors.txt").read_text()[-3000:]
    result, trials = json.loads(out.splitlines()[-1])
    assert (result["num_trials"], result["failed"]) == (3, 0)
    assert sorted(trial["attempts"] for trial in trials) == [1, 1, 2]
    assert all(trial["history"] == list(range(40)) for trial in trials)
