"""Trials on Spark go on from their checkpoints: after a killed worker, and in a resumed call."""

import json
import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from helpers.checkpoints import count_up, steps_on_disk

from maggy import Searchspace, experiment, load
from maggy.common.exceptions import CheckpointError, ExperimentError
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import Asha, Hyperband

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(x=("DISCRETE", [1, 2]))
LARGE_SPACE = Searchspace(x=("INTEGER", [1, 1000]))
OPTIONS = {"hb_interval": 0.1, "name": "counting"}


def wait_for_record(reporter):
    """Wait until the driver has written down a checkpoint of this trial."""
    record = Path(os.environ["MAGGY_TRIAL_LOGDIR"], "checkpoints.json")
    deadline = time.monotonic() + 60
    while not record.exists():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_goes_on_after_its_process_was_killed(isolation):
    def die(reporter):
        wait_for_record(reporter)
        os.kill(os.getpid(), signal.SIGKILL)

    def train(x, reporter):
        return count_up({"x": x}, reporter, fail_at=1 if x == 2 else None, fails=die)

    config = OptimizationConfig(2, "gridsearch", SPACE, isolation=isolation, **OPTIONS)
    result = experiment.lagom(train, config)
    rows = {row["params"]["x"]: row for row in result.trials}
    assert (rows[2]["attempts"], rows[2]["metric"], rows[1]["metric"]) == (2, 14, 10)
    assert (rows[2]["steps"], rows[2]["history"]) == ([0, 1, 2, 3], [2, 5, 9, 14])
    # Only the best trial keeps its checkpoints.
    assert steps_on_disk(Path(result.directory, rows[2]["trial_id"])) == [3]
    assert not Path(result.directory, rows[1]["trial_id"], "checkpoints").exists()
    for opened in (result, load(result.directory)):
        checkpoint = opened.best_checkpoint()
        assert (checkpoint.step, (checkpoint / "total").read_text()) == (3, "14")
        assert opened.checkpoint(rows[2]["number"]).metric == 14
        with pytest.raises(CheckpointError, match="keep_checkpoints"):
            opened.checkpoint(rows[1]["trial_id"])
        with pytest.raises(CheckpointError, match="KerasCheckpoint"):
            opened.best_model()


def test_a_resumed_experiment_continues_half_trained_trials(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()

    def train(x, reporter):
        def end_the_experiment(reporter):
            if x == 2:
                wait_for_record(reporter)
                (marks / "saved").touch()
                threading.Event().wait(600)  # until it is interrupted

        if x == 1:
            while not (marks / "saved").exists():
                threading.Event().wait(0.01)
            raise ValueError("this ends the experiment")
        (marks / f"begun-{len(list(marks.iterdir()))}").touch()
        return count_up({"x": x}, reporter, fail_at=1, fails=end_the_experiment)

    options = {**OPTIONS, "num_workers": 2, "checkpoint_dir": tmp_path / "store"}
    config = OptimizationConfig(2, "gridsearch", SPACE, fail_fast=True, **options)
    with pytest.raises(ExperimentError, match="this ends the experiment"):
        experiment.lagom(train, config)
    (directory,) = [path.parent for path in tmp_path.rglob("maggy.json")]
    del options["checkpoint_dir"]
    config = OptimizationConfig(2, "gridsearch", SPACE, resume=directory, **options)
    result = experiment.lagom(train, config)
    (row,) = [row for row in result.trials if row["params"]["x"] == 2]
    assert (row["status"], row["metric"], row["history"]) == ("FINALIZED", 14, [2, 5, 9, 14])
    assert (row["attempts"], row["number"]) == (2, 2)
    checkpoint = load(directory).best_checkpoint()
    assert (checkpoint / "total").read_text() == "14"
    assert list((tmp_path / "store").rglob("manifest.json"))


def train_up_to_the_budget(x, budget, reporter):
    trained = []
    total = count_up({"x": x}, reporter, epochs=budget, trained=trained)
    return {"metric": total, "epochs": len(trained)}


def check_promotions(result):
    """Check that each promotion goes on from its parent, and return the promoted trials' rows."""
    rows = {row["trial_id"]: row for row in result.trials}
    promotions = [row for row in rows.values() if "parent" in row]
    for row in promotions:
        parent = rows[row["parent"]]
        x, budget = row["params"]["x"], row["params"]["budget"]
        assert parent["params"] == {"x": x, "budget": budget // 2}
        # The epochs of the parent are in the history once, before those of the trial itself.
        assert row["steps"] == list(range(budget))
        assert row["history"][: budget // 2] == parent["history"]
        assert row["metric"] == sum(x + epoch for epoch in range(budget))
        record = json.loads(Path(result.directory, row["trial_id"], "trial.json").read_text())
        assert record["info_dict"]["parent"] == row["parent"]
    return promotions


@pytest.mark.parametrize(
    ("optimizer", "num_trials"), [(Asha(2, 1, 4), 16), (Hyperband(2, 1, 4), None)]
)
def test_a_promoted_trial_trains_only_the_missing_epochs(optimizer, num_trials):
    options = {**OPTIONS, "seed": 1, "es_policy": "none"}
    config = OptimizationConfig(num_trials, optimizer, LARGE_SPACE, **options)
    result = experiment.lagom(train_up_to_the_budget, config)
    promotions = check_promotions(result)
    assert {row["params"]["budget"] for row in promotions} == {2, 4}
    for row in promotions:
        assert row["outputs"]["epochs"] == row["params"]["budget"] // 2
    assert load(result.directory).trials == result.trials


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_paused_trials_leave_their_worker_and_those_among_the_best_go_on(isolation):
    def train(x, budget, reporter):
        trained = []

        def wait(epoch):  # for a decision about the last point
            threading.Event().wait(0.2)

        total = count_up({"x": x}, reporter, epochs=budget, trained=trained, before_saving=wait)
        return {"metric": total, "epochs": len(trained)}

    optimizer = Asha(2, 1, 8, stopping="pause")
    options = {**OPTIONS, "hb_interval": 0.05, "es_policy": "none", "isolation": isolation}
    config = OptimizationConfig(8, optimizer, LARGE_SPACE, seed=1, **options)
    result = experiment.lagom(train, config)
    assert result["num_trials"] == 8
    assert result["early_stopped"] >= 4
    for row in result.trials:
        x, steps = row["params"]["x"], row["steps"]
        assert row["history"] == [sum(x + n for n in range(step + 1)) for step in steps]
        assert steps == list(range(len(steps)))
        assert row.get("stop_reason", "").startswith("paused at step ") == row["early_stop"]
    best = max(result.trials, key=lambda row: row["params"]["x"])
    assert (best["steps"], best["early_stop"]) == (list(range(8)), False)
    assert sum(len(row["steps"]) for row in result.trials) < 8 * 8 / 2
    log = Path(result.directory, "maggy.log").read_text()
    assert re.search(r" trial \d+: paused at step \d: it is not among the best 1/2 of ", log)


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_resumed_experiment_promotes_from_recorded_checkpoints(is_gone):
    def run(num_trials, **options):
        options = {**OPTIONS, "seed": 1, "num_workers": 1, "es_policy": "none", **options}
        config = OptimizationConfig(num_trials, Asha(2, 1, 4), LARGE_SPACE, **options)
        return experiment.lagom(train_up_to_the_budget, config)

    first = run(5, keep_checkpoints="all")
    if is_gone:
        for folder in Path(first.directory).glob("*/checkpoints"):
            shutil.rmtree(folder)
    result = run(6, resume=first.directory)
    assert len(check_promotions(result)) == 3
    *_, last = result.trials
    assert (last["status"], last["params"]["budget"]) == ("FINALIZED", 4)
    assert last["outputs"]["epochs"] == (4 if is_gone else 2)
