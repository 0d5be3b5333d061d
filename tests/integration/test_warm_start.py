"""A search on Spark begins with the trials and the checkpoints of an earlier one."""

import json
import shutil
from pathlib import Path

import pytest
from helpers.checkpoints import count_up, steps_on_disk

from maggy import Searchspace, Trial, experiment, load
from maggy.common.exceptions import BadArgumentsError, ResumeError
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import PBT, AbstractOptimizer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(x=("DOUBLE", [0, 1]))
OPTIONS = {"hb_interval": 0.1, "direction": "min", "seed": 7}


def distance(x):
    return abs(x - 0.75)


def ids(result):
    return {row["trial_id"] for row in result.trials}


def test_a_search_learns_from_an_earlier_one_and_can_be_resumed(capsys, tmp_path):
    first = experiment.lagom(distance, OptimizationConfig(30, "randomsearch", SPACE, **OPTIONS))
    capsys.readouterr()
    config = OptimizationConfig(6, "tpe", SPACE, warm_start=first, **OPTIONS)
    second = experiment.lagom(distance, config)
    output = capsys.readouterr().out
    line = f"Warm start: TPE learns from the 30 ended trials of {Path(first.directory).name}."
    assert line in output
    assert line in Path(second.directory, "maggy.log").read_text()
    assert second["num_trials"] == 6
    assert sorted(row["number"] for row in second.trials) == [1, 2, 3, 4, 5, 6]
    assert not ids(first) & ids(second)
    # Without any random trials before them, all are near the best ones.
    values = [row["params"]["x"] for row in second.trials]
    assert sorted(values)[1] > 0.5
    record = json.loads(Path(second.directory, "maggy.json").read_text())
    assert record["warm_start"]["directory"] == first.directory
    assert record["warm_start"]["num_trials"] == 30
    # It ends where it ended, whether the config names the source or not.
    for source in (None, load(first.directory)):
        options = {**OPTIONS, "resume": second.directory, "warm_start": source}
        resumed = experiment.lagom(distance, OptimizationConfig(6, "tpe", SPACE, **options))
        assert ids(resumed) == ids(second)
    options = {**OPTIONS, "resume": second.directory}
    more = experiment.lagom(distance, OptimizationConfig(8, "tpe", SPACE, **options))
    assert more["num_trials"] == 8
    assert ids(second) < ids(more)
    shutil.move(first.directory, tmp_path / "moved")
    with pytest.raises(ResumeError, match="pass its new place as warm_start"):
        experiment.lagom(distance, OptimizationConfig(9, "tpe", SPACE, **options))
    options["warm_start"] = tmp_path / "moved"
    assert experiment.lagom(distance, OptimizationConfig(9, "tpe", SPACE, **options))["failed"] == 0


def test_what_does_not_fit_is_refused_before_anything_is_recorded(experiments):
    first = experiment.lagom(distance, OptimizationConfig(1, "randomsearch", SPACE, **OPTIONS))
    config = OptimizationConfig(1, "tpe", SPACE, warm_start=first, direction="max")
    with pytest.raises(BadArgumentsError, match="the same direction"):
        experiment.lagom(distance, config)
    assert len(list(experiments.iterdir())) == 1


class Continue(AbstractOptimizer):
    """Continue the best trial of the earlier experiment."""

    def initialize(self):
        self.parent = None

    def get_suggestion(self, trial=None):
        if self.parent is not None:
            return None
        self.parent = max(self.final_store, key=lambda final: final.final_metric)
        child = Trial(dict(self.parent.params))
        child.parent = self.parent.trial_id
        return child


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_goes_on_from_a_checkpoint_of_the_earlier_experiment(isolation):
    space = Searchspace(x=("DISCRETE", [1, 2]))

    def train(x, reporter):
        return count_up({"x": x}, reporter, epochs=2)

    first = experiment.lagom(
        train, OptimizationConfig(2, "gridsearch", space, hb_interval=0.1, name="two epochs")
    )

    def train_longer(x, reporter):
        return count_up({"x": x}, reporter, epochs=4)

    config = OptimizationConfig(
        1, Continue(), space, warm_start=first, hb_interval=0.1, isolation=isolation
    )
    second = experiment.lagom(train_longer, config)
    (row,) = second.trials
    # The first two points are those of the parent.
    assert (row["trial_id"], row["history"]) == (f"{first['best_id']}_2", [2, 5, 9, 14])
    assert second.best_checkpoint().step == 3
    assert steps_on_disk(Path(first.directory, first["best_id"])) == [1]


def test_a_population_trains_on():
    space = Searchspace(x=("INTEGER", [1, 9]))
    optimizer = {"optimizer": PBT(population=2, interval=1), "searchspace": space}
    options = {**OPTIONS, "direction": "max", "keep_checkpoints": "all"}

    def train(x, budget, reporter):
        return count_up({"x": x}, reporter, epochs=budget)

    first = experiment.lagom(train, OptimizationConfig(4, **optimizer, **options))
    second = experiment.lagom(
        train, OptimizationConfig(4, **optimizer, **options, warm_start=first.directory)
    )
    budgets = {row["trial_id"]: row["params"]["budget"] for row in [*first.trials, *second.trials]}
    parents = [row["parent"] for row in second.trials]
    assert set(parents) & ids(first)
    assert [row["params"]["budget"] for row in second.trials] == [
        budgets[parent] + 1 for parent in parents
    ]
    # Every turn goes on where its parent has stopped, so each has one point for each epoch.
    assert all(row["steps"] == list(range(row["params"]["budget"])) for row in second.trials)
    assert min(row["params"]["budget"] for row in second.trials) > 1
