"""Trials with a process of their own, on a real Spark session: their processes end with them."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.sleepers import leave_a_sleeper, sleeper_ids, wait_until_gone

from maggy import Searchspace, experiment
from maggy.common.exceptions import ExperimentError
from maggy.experiment_config import LagomConfig, OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

TWO = Searchspace(n=("INTEGER", [1, 2]))


def search(train, num_trials=4, space=TWO, **options):
    options = {"seed": 1, "hb_interval": 0.1, "isolation": "process", **options}
    return experiment.lagom(train, OptimizationConfig(num_trials, "randomsearch", space, **options))


def reasons_of(result):
    return [trial["error"] for trial in records_of(result.directory) if trial["status"] == "ERROR"]


def records_of(directory):
    return [json.loads(path.read_text()) for path in Path(directory).glob("*/trial.json")]


@pytest.mark.parametrize("crash", ["segfault", "exit", "signal", "descriptors"])
def test_a_process_that_breaks_costs_its_trial_an_attempt_and_its_worker_nothing(crash, mark):
    def train(n):
        import ctypes
        import os
        import signal

        if n == 2:
            return {"metric": n, "worker": parent_of(parent_of(os.getppid()))}
        leave_a_sleeper(mark)
        if crash == "segfault":
            ctypes.string_at(0)
        elif crash == "exit":
            os._exit(0)
        elif crash == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        os.closerange(0, 1000)
        return n

    result = search(train, 4, trial_attempts=2, num_workers=1)
    assert result["num_trials"] + result["failed"] == 4
    assert result["failed"]
    for trial in result.trials:
        assert (trial["status"], trial["attempts"]) == (
            ("FINALIZED", 1) if trial["params"]["n"] == 2 else ("ERROR", 2)
        )
    assert all("lost 2 times" in reason for reason in reasons_of(result))
    assert len({trial["outputs"]["worker"] for trial in result.trials if trial["outputs"]}) == 1


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_a_call_that_holds_the_gil_for_ever_costs_its_trial_only(mark):
    def train(n):
        import ctypes
        import os

        if n == 1:
            leave_a_sleeper(mark)
            ctypes.PyDLL(None).sleep(1000)  # PyDLL keeps the GIL, CDLL does not
        return {"metric": n, "worker": parent_of(parent_of(os.getppid()))}

    result = search(train, 3, max_trial_seconds=3, num_workers=1, worker_timeout=4)
    assert result["failed"]
    assert set(reasons_of(result)) == {"exceeded max_trial_seconds=3; it could not be interrupted"}
    assert all(trial["attempts"] == 1 for trial in result.trials)
    assert len({trial["outputs"]["worker"] for trial in result.trials if trial["outputs"]}) == 1


def test_a_worker_that_is_killed_takes_its_trials_descendants_along(mark, tmp_path):
    marker = tmp_path / "killed"

    def train(n):
        import os
        import signal
        import time

        if not marker.exists():
            leave_a_sleeper(mark)
            marker.touch()
            os.kill(parent_of(parent_of(os.getppid())), signal.SIGKILL)
            time.sleep(1000)
        return n

    result = search(train, 2)
    assert (result["num_trials"], result["failed"]) == (2, 0)
    assert marker.exists()
    wait_until_gone(sleeper_ids(mark))


def test_a_cancelled_job_takes_its_trials_descendants_along(spark, mark, tmp_path):
    def train():
        import ctypes

        leave_a_sleeper(mark)
        (tmp_path / "begun").touch()
        ctypes.PyDLL(None).sleep(1000)

    def cancel():
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        pids = sleeper_ids(mark)
        spark.sparkContext.cancelAllJobs()
        return pids

    with ThreadPoolExecutor(1) as pool:
        cancelled = pool.submit(cancel)
        config = LagomConfig(isolation="process", trial_attempts=1, hb_interval=0.1)
        with pytest.raises(ExperimentError, match="lost once"):
            experiment.lagom(train, config)
        pids = cancelled.result()
    assert pids
    wait_until_gone(pids)


def test_memory_above_the_limit_fails_the_trial_with_the_figure(mark):
    def train(n):
        if n == 1:
            data = bytearray(600 * 2**20)
            data[::4096] = b"x" * len(data[::4096])
            leave_a_sleeper(mark)
            threading.Event().wait(1000)
        return n

    result = search(train, 3, max_trial_memory="500m", num_workers=1)
    assert result["failed"]
    for reason in reasons_of(result):
        assert reason.startswith("used ")
        assert "more than max_trial_memory=500 MiB" in reason
    assert all(trial["attempts"] == 1 for trial in result.trials)
