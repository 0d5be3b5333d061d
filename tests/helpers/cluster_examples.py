"""Run the examples on clusters as a user does, and see that they leave no process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil

from helpers.waiting import PROCESS_SECONDS, kill_tree, wait_until

__all__ = ["check_search", "run_example"]

CLUSTERS = Path(__file__).parents[2] / "examples" / "clusters"
MARK = "MAGGY_TEST_CLUSTER"


def run_example(name, directory, *command, arguments=()):
    """Run an example in a directory, and return what it prints.

    Args:
        name: The file of the example.
        directory: The working directory. Its path marks all processes that the example starts.
        *command: What runs the file.
        arguments: The arguments of the example.
    """
    names = ("MAGGY_", "PYSPARK_", "SPARK_REMOTE")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(names)}
    # The tools of pyspark find this Python first, as in an active virtual environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    environment |= {MARK: str(directory), "PATH": path, "SPARK_LOCAL_IP": "127.0.0.1"}
    # As tests/conftest.py says of other sessions: the optimizing compiler does not pay here.
    environment |= {"SPARK_DAEMON_JAVA_OPTS": environment.get("SPARK_SUBMIT_OPTS", "")}
    script = subprocess.Popen(
        [*command, str(CLUSTERS / name), *arguments],
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
        wait_until(lambda: not _processes_of(str(directory)), "the end of all processes")
    finally:
        kill_tree(script)
        for process in _processes_of(str(directory)):
            process.kill()
    return out


def check_search(out):
    """See that the search has learned something; return where executors have found Maggy."""
    assert float(re.search(r"^Best accuracy: (0\.\d+) with", out, re.MULTILINE)[1]) > 0.9
    # The second executor of a busy machine may come when the first one has done everything.
    assert int(re.search(r"^Workers that trained: (\d)$", out, re.MULTILINE)[1]) in (1, 2)
    return re.search(r"^Maggy on the executors: (.+)$", out, re.MULTILINE)[1].split()


def _processes_of(mark):
    """Return the processes that were started with this mark, however indirectly."""
    matches = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                matches.append(process)
        except psutil.Error:  # it has just ended, or is somebody else's
            continue
    return matches
