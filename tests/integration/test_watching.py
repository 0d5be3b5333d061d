"""A real experiment is watched from other processes, interrupted, and killed with kill -9."""

import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout

import psutil
import pytest
from helpers.recorded import tree
from helpers.waiting import HANG, PROCESS_SECONDS, process, read_until, running, wait_until

import maggy

pytestmark = pytest.mark.slow

DRIVER = """
import os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
# Without the web page: Spark searches 16 ports for it, and many sessions would use them up.
os.environ["PYSPARK_SUBMIT_ARGS"] = "--master local[2] --conf spark.ui.enabled=false pyspark-shell"
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n, reporter):
    import time
    print(f"this is {n}", flush=True)
    reporter.broadcast(n / 10, 0)
    while n > 2:
        time.sleep(0.05)
        reporter.broadcast(n / 10)
    return n / 10

space = Searchspace(n=("INTEGER", [1, 4]))
initial = [{"n": n} for n in (1, 2, 3, 4)]
for _ in range(2):
    try:
        config = OptimizationConfig(
            4, "randomsearch", space, initial_trials=initial, name="watched", hb_interval=0.1
        )
        experiment.lagom(train, config)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def directory_of(experiments, number):
    (directory,) = wait_until(
        lambda: [path.parent for path in experiments.glob(f"*_{number}/maggy.json")],
        seconds=PROCESS_SECONDS,
    )
    return directory


def runs_its_last_trials(directory):
    result = maggy.load(directory)
    return len(result.trials) == 2 and len(result.running) == 2


def test_an_experiment_is_watched_until_it_is_interrupted_or_killed(tmp_path, experiments):
    options = {"cwd": tmp_path, "text": True, "stdout": subprocess.PIPE}
    with process(
        [sys.executable, "-c", DRIVER],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **options,
    ) as driver:
        # One watcher is a process of its own, and its experiment is interrupted.
        first = directory_of(experiments, 1)
        command = [sys.executable, "-m", "maggy", "watch", str(first), "--json", "--interval=0.2"]
        with process(command, stderr=subprocess.PIPE, **options) as watcher:
            written = read_until(watcher.stdout, '"RUNNING"')
            wait_until(lambda: runs_its_last_trials(first), seconds=PROCESS_SECONDS)
            os.killpg(driver.pid, signal.SIGINT)
            written += watcher.stdout.readlines()
            assert (watcher.wait(HANG), watcher.stderr.read()) == (0, "")
        lines = [json.loads(line) for line in written]
        assert [(line["state"], line["num_ended"]) for line in lines][-1] == ("KILLED", 2)
        assert {line["state"] for line in lines[:-1]} == {"RUNNING"}
        assert (lines[-1]["total"], lines[-1]["best"][0]["metric"]) == (4, 0.2)
        # The other one is this process, and the driver of its experiment is killed.
        read_until(driver.stdout, "interrupted")
        second = directory_of(experiments, 2)
        # pytest's own capture loses lines that come while it is read.
        shown = tmp_path / "shown.txt"
        with (
            open(shown, "w", encoding="utf-8") as file,
            redirect_stdout(file),
            running(lambda: maggy.watch(second, interval=0.2)) as background,
        ):
            # The line comes when the second trial ends. The fourth one may begin later.
            line = "RUNNING: 2 of 4 trials; "
            wait_until(lambda: line in shown.read_text("utf-8"), line, seconds=PROCESS_SECONDS)
            wait_until(lambda: runs_its_last_trials(second), seconds=PROCESS_SECONDS)
            family = psutil.Process(driver.pid).children(recursive=True)
            driver.kill()
            driver.wait()
            result = background.result()
        psutil.wait_procs(family, timeout=HANG)
    assert (result.state, len(result.trials), result.running) == ("KILLED", 2, [])
    assert "KILLED: 2 of 4 trials; best metric=0.2" in shown.read_text("utf-8")
    before = tree(second)
    again = maggy.watch(second)
    assert (dict(again), again.trials) == (dict(result), result.trials)
    assert tree(second) == before
