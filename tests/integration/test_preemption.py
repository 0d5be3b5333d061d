"""A worker of a standalone cluster hears that it will be taken away, and its trial moves on."""

import json
import os
import signal
import subprocess
import sys

import pytest
from helpers.standalone_cluster import StandaloneCluster
from helpers.waiting import PROCESS_SECONDS, process, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGPWR"), reason="this system has no SIGPWR"),
]

SEARCH = """
import json, sys
from pyspark.sql import SparkSession
url, folder, isolation, marks = sys.argv[1:]
builder = SparkSession.builder.master(url)
for name, value in {
    "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1", "spark.executor.cores": "1",
    "spark.executor.memory": "512m", "spark.decommission.enabled": "true",
}.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n, reporter):
    import os, pathlib, time
    if n == 2:
        return 0.0
    start, places = 0, []
    if (checkpoint := reporter.restore()) is not None:
        start = checkpoint.step + 1
        places = (checkpoint / "places").read_text().splitlines()
    place = os.getcwd()
    for epoch in range(start, 1_000_000):
        reporter.broadcast(epoch, step=epoch)
        if start:
            return {"metric": epoch, "start": start, "places": [*places, place]}
        if epoch == 0:
            pathlib.Path(marks, "trains").write_text(place)
        if reporter.should_checkpoint:
            with reporter.checkpoint(epoch) as folder:
                (folder / "places").write_text(place)
            time.sleep(600)  # until the grace is over
        time.sleep(0.05)

space = Searchspace(n=("DISCRETE", [1, 2]))
config = OptimizationConfig(
    2, "gridsearch", space, num_workers=2, hb_interval=0.2, preemption_grace=3, trial_attempts=1,
    isolation=isolation, log_dir=folder,
)
result = experiment.lagom(train, config)
print(json.dumps(result.trials))
"""


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_goes_on_from_its_checkpoint_when_its_worker_gets_sigpwr(isolation, tmp_path):
    mark = tmp_path / "trains"
    command = [sys.executable, "-c", SEARCH]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    with StandaloneCluster(tmp_path) as cluster:
        command += [cluster.url, str(tmp_path / "experiments"), isolation, str(tmp_path)]
        with process(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as script:
            wait_until(
                lambda: mark.exists() or script.poll() is not None,
                "the trial",
                seconds=PROCESS_SECONDS,
            )
            if mark.exists():
                cluster.decommission(wait_until(mark.read_text))
            out, errors = script.communicate(timeout=PROCESS_SECONDS)
    assert script.returncode == 0, errors[-3000:]
    (row,) = [row for row in json.loads(out.splitlines()[-1]) if row["params"]["n"] == 1]
    assert (row["status"], row["attempts"]) == ("FINALIZED", 2)
    start = row["outputs"]["start"]
    assert start > 0
    assert row["steps"] == list(range(start + 1))
    first, second = row["outputs"]["places"]
    assert first.split("/app-")[0] != second.split("/app-")[0]
