"""Users' functions may refer to Spark's broadcast variables, wherever the functions run."""

from __future__ import annotations

import numpy as np
import pytest

from maggy import Searchspace, experiment
from maggy.ablation import AblationStudy
from maggy.ablation.ablator import AbstractAblator
from maggy.experiment_config import AblationConfig, OptimizationConfig
from maggy.trial import Trial

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("experiments")]


@pytest.fixture
def table(spark):
    variable = spark.sparkContext.broadcast(np.arange(100_000))
    yield variable
    variable.destroy()


def search(train, num_trials=6, **options):
    space = Searchspace(x=("INTEGER", [0, 9]))
    return experiment.lagom(
        train, OptimizationConfig(num_trials, "randomsearch", space, seed=1, **options)
    )


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_search_reads_a_broadcast_variable_in_every_worker_and_after_a_loss(
    table, tmp_path, isolation
):
    marker = tmp_path / "died"

    def train(x):
        import os

        if not marker.exists():
            marker.touch()
            os._exit(1)
        return int(table.value[x])

    result = search(train, isolation=isolation)
    assert (result["num_trials"], result["failed"]) == (6, 0)
    assert all(trial["metric"] == trial["params"]["x"] for trial in result.trials)
    assert max(trial["attempts"] for trial in result.trials) == 2


def test_a_function_that_is_run_once_reads_one_and_the_threads_next_job_carries_none_along(
    spark, table
):
    holder = {"deep": [table]}
    assert experiment.lagom(lambda: int(holder["deep"][0].value[-1])) == 99_999
    assert list(spark.sparkContext._pickled_broadcast_vars) == []


def test_an_ablators_generators_read_one(table):
    class Rows(AbstractAblator):
        def get_number_of_trials(self):
            return 2

        def initialize(self):
            self._left = [
                Trial({"ablated_feature": name, "ablated_layer": "None"}, "ablation")
                for name in ("a", "b")
            ]

        def get_trial(self, ablation_trial=None):
            return self._left.pop() if self._left else None

        def get_dataset_generator(self, ablated_feature=None):
            return lambda: int(table.value[7])

        def get_model_generator(self, layer_identifier=None):
            return lambda: int(table.value[5])

        def finalize_experiment(self, trials):
            pass

        def name(self):
            return "Rows"

    study = AblationStudy(
        "data", 1, "y", dataset_generator=lambda epochs, size: int(table.value[1])
    )
    config = AblationConfig(study, Rows(study, []))
    result = experiment.lagom(
        lambda dataset_function, model_function: dataset_function() + model_function(), config
    )
    assert result["metric_list"] == [12, 12]


def test_one_that_was_destroyed_is_said_in_a_sentence(spark):
    variable = spark.sparkContext.broadcast([1])
    variable.destroy()
    with pytest.raises(Exception, match=r"destroyed"):
        search(lambda x: variable.value[0])


def test_a_large_function_is_serialized_once_for_the_workers_of_a_local_master(spark, monkeypatch):
    data = np.random.default_rng(1).random(400_000)  # 3 MB
    broadcasts, broadcast = [], type(spark.sparkContext).broadcast
    monkeypatch.setattr(
        type(spark.sparkContext),
        "broadcast",
        lambda self, value: broadcasts.append(broadcast(self, value)) or broadcasts[-1],
    )
    result = search(lambda x: float(data[x]), num_workers=2)
    assert result["num_trials"] == 6
    assert len(broadcasts) == 1
