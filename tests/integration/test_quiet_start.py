"""The first cell of a new user: Spark starts without warnings, and its errors still appear."""

import json
import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

FIRST_CELL = """
import json, os, sys

before = dict(os.environ)

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(x):
    import os, sys
    # TensorFlow's own lines come from its code in C, so they go to the descriptor.
    os.write(2, b"I0000 00:00:1795739135.7 29158 port.cc:153] oneDNN custom operations are on.\\n")
    return {"metric": x, "level": os.environ["TF_CPP_MIN_LOG_LEVEL"], "python": sys.executable}

config = OptimizationConfig(1, "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), num_workers=1)
result = experiment.lagom(train, config)

from pyspark import SparkContext
context = SparkContext._active_spark_context
log = context._jvm.org.apache.logging.log4j.LogManager.getLogger("org.apache.spark.Somewhere")
log.warn("a warning of Spark")
log.error("an error of Spark")
print(json.dumps({
    "changed": {name: text for name, text in os.environ.items() if before.get(name) != text},
    "missing": [name for name in before if name not in os.environ],
    "outputs": result.trials[0]["outputs"],
    "option": context._jvm.java.lang.System.getProperty("mine"),
    "log4j2": context._jvm.java.lang.System.getenv("SPARK_DIST_CLASSPATH"),
}))
"""


def run_first_cell(directory, **environment):
    """Return the lines of standard output, what the script says of itself, and standard error."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAGGY_", "PYSPARK_", "TF_"))
    }
    script = subprocess.run(
        [sys.executable, "-c", FIRST_CELL],
        cwd=directory,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert script.returncode == 0, script.stdout + script.stderr
    lines = script.stdout.splitlines()
    return lines, json.loads(lines[-1]), script.stderr


def test_the_first_cell_shows_no_warning_and_leaves_the_process_as_it_was(tmp_path):
    arguments = "--master local[2] pyspark-shell"
    lines, facts, errors = run_first_cell(tmp_path, PYSPARK_SUBMIT_ARGS=arguments)
    assert lines[0] == "Starting Spark on 2 local cores"
    assert lines[1].startswith("Started Maggy Experiment: ")
    # Errors of Spark appear. The bar is the only other thing.
    bar = re.sub(r"[^\n\r]*ERROR Somewhere: an error of Spark\n", "", errors)
    assert bar != errors
    assert all(re.match(r"\s*(Maggy experiment: .*)?$", line) for line in re.split(r"[\r\n]", bar))
    assert (facts["changed"], facts["missing"]) == ({}, [])
    assert facts["outputs"]["level"] in ("2", "3")
    assert facts["outputs"]["python"] == sys.executable


def test_what_the_user_has_configured_stays(tmp_path):
    (tmp_path / "spark-defaults.conf").write_text(
        "spark.master local[1]\n"
        "spark.executorEnv.TF_CPP_MIN_LOG_LEVEL 1\n"
        "spark.driver.extraJavaOptions -Dmine=stays\n"
    )
    (tmp_path / "log4j2.properties").write_text(
        "rootLogger.level = warn\n"
        "rootLogger.appenderRef.stderr.ref = mine\n"
        "appender.mine.type = Console\n"
        "appender.mine.name = mine\n"
        "appender.mine.target = SYSTEM_ERR\n"
        "appender.mine.layout.type = PatternLayout\n"
        "appender.mine.layout.pattern = [mine] %m%n\n"
    )
    lines, facts, errors = run_first_cell(
        tmp_path, SPARK_CONF_DIR=str(tmp_path), SPARK_DIST_CLASSPATH="/mine/*"
    )
    assert lines[0] == "Starting Spark on 1 local core"
    assert "[mine] a warning of Spark\n" in errors
    assert "oneDNN custom operations are on." in errors
    assert (facts["outputs"]["level"], facts["option"]) == ("1", "stays")
    assert (facts["changed"], facts["missing"]) == ({}, [])
    assert facts["log4j2"].startswith(f"/mine/*{os.pathsep}")
