"""The examples on clusters run as on their pages, and leave no process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from helpers.waiting import PROCESS_SECONDS, kill_tree, wait_until

pytestmark = pytest.mark.slow

CLUSTERS = Path(__file__).parents[2] / "examples" / "clusters"
MARK = "MAGGY_CLUSTER_EXAMPLE"


def processes_of(mark):
    """Return the processes that were started with a value of the variable, however indirectly."""
    matches = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                matches.append(process)
        except psutil.Error:  # it has just ended, or is somebody else's
            continue
    return matches


def run_example(name, directory, *command):
    """Run an example as a user does, and return what it prints. Nothing may be left running."""
    names = ("MAGGY_", "PYSPARK_", "SPARK_REMOTE")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(names)}
    # The tools of pyspark find this Python first, as in an active virtual environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    environment |= {MARK: str(directory), "PATH": path, "SPARK_LOCAL_IP": "127.0.0.1"}
    script = subprocess.Popen(
        [*command, str(CLUSTERS / name)],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        out, errors = script.communicate(timeout=PROCESS_SECONDS)
        assert script.returncode == 0, out[-1000:] + errors[-3000:]
        # The Python processes of an executor end when they notice that it has gone.
        wait_until(lambda: not processes_of(str(directory)), "the end of all processes")
    finally:
        kill_tree(script)
        for process in processes_of(str(directory)):
            process.kill()
    return out


def check_search(out):
    assert float(re.search(r"^Best accuracy: (0\.\d+) with", out, re.MULTILINE)[1]) > 0.9
    # The second executor of a busy machine may come when the first one has done everything.
    assert int(re.search(r"^Workers that trained: (\d)$", out, re.MULTILINE)[1]) in (1, 2)


def test_a_search_runs_on_a_standalone_cluster_that_gets_maggy_as_a_zip_file(tmp_path):
    out = run_example("standalone.py", tmp_path, sys.executable)
    check_search(out)
    copies = re.search(r"^Maggy on the executors: (.*)$", out, re.MULTILINE)[1].split()
    assert copies
    assert all(re.search(r"maggy\.zip/maggy/__init__\.py$", copy) for copy in copies)
    assert out.splitlines()[-1] == "The cluster is stopped."


def test_a_search_runs_on_a_local_cluster_of_two_executors(tmp_path):
    command = ("spark-submit", "--master", "local-cluster[2,1,1024]")
    check_search(run_example("search.py", tmp_path, *command))


def test_a_search_runs_through_a_server_of_spark_connect(tmp_path):
    out = run_example("connect.py", tmp_path, sys.executable)
    check_search(out)
    assert "connect-" in re.search(r"^The records are in (.*)$", out, re.MULTILINE)[1]
    assert out.splitlines()[-1] == "The server is stopped."
