"""An experiment that is interrupted leaves checkpoints, and a resumed one goes on from them."""

import json
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.checkpoints import count_up, steps_on_disk
from helpers.waiting import wait_until

from maggy import Searchspace, experiment, load
from maggy.core.experiment_driver import foreground
from maggy.experiment_config import OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(x=("DISCRETE", [1, 2]))


@pytest.fixture(params=["worker", "process"])
def search(request, tmp_path):
    """Return a search whose second trial waits in its first run, after its checkpoint of step 1.

    The search and the runs of its training function: the parameter, and the step from which it
    goes on.
    """
    starts = tmp_path / "starts"

    def train(x, reporter):
        def wait(reporter):
            for _ in range(2000):  # until the experiment ends
                print("waits")  # the driver looks at its clock when it hears something
                threading.Event().wait(0.3)

        checkpoint = reporter.restore()
        waits = x == 2 and not (starts.exists() and "2 " in starts.read_text())
        with starts.open("a") as file:
            file.write(f"{x} {None if checkpoint is None else checkpoint.step}\n")
        return count_up({"x": x}, reporter, fail_at=1 if waits else None, fails=wait)

    def search(**options):
        options = {"hb_interval": 0.1, "num_workers": 1, "isolation": request.param, **options}
        return experiment.lagom(train, OptimizationConfig(2, "gridsearch", SPACE, **options))

    search.starts = lambda: starts.read_text().splitlines()
    return search


def has_saved(experiments):
    """Return whether the driver has written down the checkpoint of step 1 of the second trial."""
    records = [json.loads(path.read_text()) for path in experiments.glob("*/*/checkpoints.json")]
    return any((one["trial"]["params"], one["newest"][0]) == ({"x": 2}, 1) for one in records)


def check_resumed(search, directory):
    """Resume the experiment, and check that its second trial trains the missing epochs only."""
    (running,) = {path.parent.name for path in Path(directory).glob("*/checkpoints")} - {
        row["trial_id"] for row in load(directory).trials
    }
    assert 1 in steps_on_disk(Path(directory, running))
    result = search(resume=directory, keep_checkpoints="all")
    assert [result.checkpoint(row["trial_id"]).step for row in result.trials] == [3, 3]
    (row,) = [row for row in result.trials if row["params"]["x"] == 2]
    assert (row["trial_id"], row["status"], row["metric"]) == (running, "FINALIZED", 14)
    assert (row["steps"], row["history"]) == ([0, 1, 2, 3], [2, 5, 9, 14])
    assert search.starts() == ["1 None", "2 None", "2 1"]


def test_a_trial_goes_on_that_ctrl_c_has_interrupted(search, experiments):
    def interrupt():
        try:
            wait_until(lambda: has_saved(experiments))
        finally:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        search()
    thread.join()
    (directory,) = experiments.iterdir()
    assert load(directory).state == "KILLED"
    check_resumed(search, directory)


def test_a_trial_goes_on_that_max_seconds_has_interrupted(search, experiments, monkeypatch):
    def monotonic():
        """Return the driver's time, which is over as soon as the checkpoint is recorded."""
        return time.monotonic() + (1000 if has_saved(experiments) else 0)

    with monkeypatch.context() as here:
        here.setattr(foreground, "time", SimpleNamespace(monotonic=monotonic))
        result = search(max_seconds=1000)
    assert [row["params"] for row in result.trials] == [{"x": 1}]
    check_resumed(search, result.directory)
