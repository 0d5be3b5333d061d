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

# The executors are on this machine, and would read the driver's file as on a local master.
import os, maggy.data
data = maggy.data.share(spark.range(1000).selectExpr("id", "id * 0.5D AS half", "'x' AS name"))
os.rename(data._origin.file.path, "driver.arrow")

def read(n):
    import os
    path = data.arrow() and data._file.path
    status = os.stat(path)
    source = data._reference.variable
    variables = [] if source is None else [source[0](*source[1])]
    return {{
        "metric": float(data.numpy("half")[n]),
        "names": int((data.pandas()["name"] == "x").sum()),
        "path": path,
        "mode": oct(status.st_mode & 0o777),
        "file": status.st_ino,
        "pid": os.getpid(),
        "variables": [sorted(vars(variable)) for variable in variables],
    }}

shared = {{}}
for isolation in ("worker", "process"):
    config = OptimizationConfig(6, "randomsearch", space, seed=1, isolation=isolation)
    shared[isolation] = experiment.lagom(read, config).trials
data.close()
print(json.dumps([result, result.trials, sorted(once), shared]))
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
def test_a_search_with_a_poison_trial_ends_well_and_data_are_shared(session, tmp_path):
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
    result, trials, once, shared = json.loads(script.stdout.splitlines()[-1])
    poison = [trial for trial in trials if trial["params"] == {"n": 3}]
    assert poison
    assert all(trial["status"] == "ERROR" and trial["attempts"] == 3 for trial in poison)
    assert (result["num_trials"], result["failed"]) == (8 - len(poison), len(poison))
    assert all(
        trial["history"] == [trial["params"]["n"]] for trial in trials if trial not in poison
    )
    assert once == ["a"]
    for trials_of_one_search in shared.values():
        outputs = [trial["outputs"] for trial in trials_of_one_search]
        assert [trial["metric"] for trial in trials_of_one_search] == [
            trial["params"]["n"] * 0.5 for trial in trials_of_one_search
        ]
        assert {output["names"] for output in outputs} == {1_000}
        assert {output["mode"] for output in outputs} == {"0o600"}
        # One file for each executor, however many processes read it.
        executors = {os.path.dirname(output["path"]) for output in outputs}
        assert len({output["file"] for output in outputs}) == len(executors) <= 2
        # The Python process does not keep the bytes that it has written into the file.
        assert all("_value" not in names for output in outputs for names in output["variables"])
    assert len({trial["outputs"]["pid"] for trial in shared["process"]}) == 6
    # Spark removes the files of its executors, also those of a Connect session.
    assert not [path for _, path in paths_of(shared) if os.path.exists(path)]


def paths_of(shared):
    return [(name, t["outputs"]["path"]) for name, trials in shared.items() for t in trials]
