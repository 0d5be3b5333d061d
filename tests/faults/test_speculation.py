"""Speculative copies of Spark, on a standalone cluster of two hosts, stand by and take over."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest
from helpers.waiting import PROCESS_SECONDS, process, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SEARCH = """
import json, sys, time
from pyspark.sql import SparkSession
settings = {
    "spark.driver.host": "127.0.0.1",
    "spark.executor.memory": "512m",
    "spark.executor.cores": "1",
    "spark.speculation": "true",
    "spark.speculation.interval": "200ms",
    "spark.speculation.minTaskRuntime": "1s",
    "spark.speculation.task.duration.threshold": "1s",
    "spark.ui.enabled": "false",
}
builder = SparkSession.builder.master(sys.argv[1])
for key, value in settings.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
# Wait for three block managers: the driver and two executors.
while spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 3:
    time.sleep(0.1)
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n, reporter):
    import os
    import time
    from pathlib import Path
    from maggy import tensorboard
    records = Path(tensorboard.logdir()).parent
    for step in range(40):
        reporter.broadcast(step)
    if is_killed:
        # The worker says which process it is, since the copy may be first here, too.
        (records / "pid.txt").write_text(str(os.getpid()))
        while not (records / "killed.txt").exists():
            time.sleep(0.1)
    else:
        # The second log file appears when both have come. On a busy machine the copy may be first.
        while len(list(records.glob("executor_0_*.log"))) < 2:
            time.sleep(0.1)
    return n

is_killed = len(sys.argv) > 2
space = Searchspace(n=("INTEGER", [1, 4]))
config = OptimizationConfig(
    3, "randomsearch", space, seed=1, hb_interval=0.2, num_workers=1, worker_timeout=15
)
result = experiment.lagom(train, config)
print(json.dumps([result, result.trials]))
"""


@pytest.fixture
def standalone(tmp_path):
    """Return the URL of a Spark master with two workers, on two loopback addresses."""
    import pyspark

    home = os.path.dirname(pyspark.__file__)
    environment = {
        **os.environ,
        "SPARK_HOME": home,
        "SPARK_NO_DAEMONIZE": "1",
        "PYSPARK_PYTHON": sys.executable,
    }

    def launch(name, *arguments):
        command = [os.path.join(home, "bin", "spark-class"), *arguments]
        with open(tmp_path / f"{name}.txt", "w") as log:
            processes.enter_context(process(command, env=environment, stdout=log, stderr=log))

    def find(name, pattern):
        """Wait until the output of a process matches, and return the first match."""

        def search():
            return re.search(pattern, (tmp_path / f"{name}.txt").read_text())

        return wait_until(search, f"{pattern!r} in the output of {name}", pause=0.1)

    deploy = "org.apache.spark.deploy"
    with ExitStack() as processes:
        launch(
            "master",
            f"{deploy}.master.Master",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--webui-port",
            "0",
        )
        url = find("master", r"Starting Spark master at (spark://\S+)")[1]
        find("master", "I have been elected leader")
        for host in ("127.0.0.1", "127.0.0.2"):
            options = ["--host", host, "--cores", "1", "--memory", "600m", "--webui-port", "0"]
            launch(
                host, f"{deploy}.worker.Worker", *options, "--work-dir", str(tmp_path / host), url
            )
            find(host, "Successfully registered with master")
        yield url


@contextmanager
def start(url, cwd, *arguments):
    command = [sys.executable, "-c", SEARCH, url, *arguments]
    options = {"cwd": cwd, "env": {**os.environ, "PYSPARK_PYTHON": sys.executable}, "text": True}
    with (
        open(cwd / "errors.txt", "w") as errors,
        process(command, stdout=subprocess.PIPE, stderr=errors, **options) as driver,
    ):
        yield driver


def finish(driver, cwd):
    """Return the result of a driver's process and its trials."""
    out, _ = driver.communicate(timeout=PROCESS_SECONDS)
    assert driver.returncode == 0, (cwd / "errors.txt").read_text()[-3000:]
    return json.loads(out.splitlines()[-1])


def test_a_copy_stands_by_and_takes_over_when_the_original_dies(standalone, experiments, tmp_path):
    with start(standalone, tmp_path) as undisturbed:
        result, trials = finish(undisturbed, tmp_path)
    assert (result["num_trials"], result["failed"]) == (3, 0)
    assert [trial["attempts"] for trial in trials] == [1, 1, 1]
    assert len(list(experiments.glob("app-*/executor_0_*.log"))) == 2, (
        "Spark made no copy, so nothing was tested"
    )

    before = set(experiments.glob("app-*"))

    def records_with_both_logs():
        """Return the directory of the experiment when the original and the copy have registered."""
        assert disturbed.poll() is None, (tmp_path / "errors.txt").read_text()[-3000:]
        new = set(experiments.glob("app-*")) - before
        logs = [log for directory in new for log in directory.glob("executor_0_*.log")]
        return logs[0].parent if len(logs) == 2 else None

    with start(standalone, tmp_path, "to be killed") as disturbed:
        records = wait_until(records_with_both_logs, "Spark's copy", seconds=PROCESS_SECONDS)
        pid_file = records / "pid.txt"
        pid = wait_until(
            lambda: pid_file.exists() and re.fullmatch(r"\d+", pid_file.read_text()),
            "the running worker",
        )
        os.kill(int(pid[0]), signal.SIGKILL)
        (records / "killed.txt").touch()
        result, trials = finish(disturbed, tmp_path)
    assert (result["num_trials"], result["failed"]) == (3, 0)
    assert sorted(trial["attempts"] for trial in trials) == [1, 1, 2]
    assert all(trial["history"] == list(range(40)) for trial in trials)
