"""The same search runs on other kinds of Spark than ``local[2]``, in processes of its own."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SEARCH = """
import json
from pyspark.sql import SparkSession
spark = SparkSession.builder.{session}.config("spark.ui.enabled", "false").getOrCreate()
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n, reporter):
    import os
    if n == 3:
        os._exit(1)
    reporter.broadcast(n)
    return n

space = Searchspace(n=("INTEGER", [1, 4]))
config = OptimizationConfig(8, "randomsearch", space, seed=1, hb_interval=0.2)
result = experiment.lagom(train, config)
once = experiment.lagom(lambda: {{"a": {{1}}}})
print(json.dumps([result, result.trials, sorted(once)]))
"""


@pytest.mark.parametrize(
    "session",
    [
        pytest.param(
            'master("local-cluster[2,1,512]").config("spark.executor.memory", "512m")',
            id="local-cluster",
        ),
        pytest.param('remote("local[2]")', id="connect"),
    ],
)
def test_a_search_with_a_poison_trial_ends_well(session, tmp_path):
    script = subprocess.run(
        [sys.executable, "-c", SEARCH.format(session=session)],
        cwd=tmp_path,
        env={**os.environ, "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert script.returncode == 0, script.stderr[-3000:]
    result, trials, once = json.loads(script.stdout.splitlines()[-1])
    poison = [trial for trial in trials if trial["params"] == {"n": 3}]
    assert poison
    assert all(trial["status"] == "ERROR" and trial["attempts"] == 3 for trial in poison)
    assert (result["num_trials"], result["failed"]) == (8 - len(poison), len(poison))
    assert all(
        trial["history"] == [trial["params"]["n"]] for trial in trials if trial not in poison
    )
    assert once == ["a"]
