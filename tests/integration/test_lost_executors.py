"""An executor is killed, and its trial goes on elsewhere from its last checkpoint."""

import json
import os
import subprocess
import sys

import pytest
from helpers.standalone_cluster import StandaloneCluster

pytestmark = pytest.mark.slow

SEARCH = """
import json, sys
from pyspark.sql import SparkSession
url, folder, isolation = sys.argv[1:]
builder = SparkSession.builder.master(url)
for name, value in {
    "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1", "spark.executor.cores": "1",
    "spark.executor.memory": "512m",
}.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n, reporter):
    import os, pathlib, signal, time
    import psutil
    start, executors = 0, []
    if (checkpoint := reporter.restore()) is not None:
        start = checkpoint.step + 1
        executors = (checkpoint / "executors").read_text().split()
    # The Spark task is a child of a daemon, which is a child of the executor. With
    # isolation="process" the function runs in a child of the task.
    ancestors = psutil.Process().parents()
    executor = next(one for one in ancestors if one.name() == "java")
    executors.append(str(executor.pid))
    for epoch in range(start, 6):
        reporter.broadcast(10 * n + epoch, step=epoch)
        with reporter.checkpoint(epoch) as folder:
            (folder / "executors").write_text(" ".join(executors))
        if n == 2 and epoch == 3 and len(executors) == 1:
            record = pathlib.Path(os.environ["MAGGY_TRIAL_LOGDIR"], "checkpoints.json")
            while not record.exists():
                time.sleep(0.05)
            executor.kill()
            for process in ancestors[: ancestors.index(executor)]:
                process.kill()
            os.kill(os.getpid(), signal.SIGKILL)
    return {"metric": epoch, "start": start, "executors": executors}

space = Searchspace(n=("DISCRETE", [1, 2]))
config = OptimizationConfig(
    2, "gridsearch", space, num_workers=2, hb_interval=0.2, log_dir=folder, isolation=isolation
)
print(json.dumps(experiment.lagom(train, config).trials))
"""


def run(url, folder, isolation):
    """Run the search, and check the trial whose executor was killed."""
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    script = subprocess.run(
        [sys.executable, "-c", SEARCH, url, str(folder / "experiments"), isolation],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert script.returncode == 0, script.stderr[-3000:]
    rows = json.loads(script.stdout.splitlines()[-1])
    assert [row["status"] for row in rows] == ["FINALIZED", "FINALIZED"]
    (row,) = [row for row in rows if row["params"]["n"] == 2]
    assert (row["attempts"], row["outputs"]["start"] > 0) == (2, True)
    assert (row["steps"], row["history"]) == (list(range(6)), list(range(20, 26)))
    first, second = row["outputs"]["executors"]
    assert first != second


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_of_a_killed_executor_goes_on_in_a_local_cluster(isolation, tmp_path):
    run("local-cluster[2,1,512]", tmp_path, isolation)


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_of_a_killed_executor_goes_on_in_a_standalone_cluster(isolation, tmp_path):
    with StandaloneCluster(tmp_path) as cluster:
        run(cluster.url, tmp_path, isolation)
