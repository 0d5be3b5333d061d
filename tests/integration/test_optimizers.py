"""Every optimizer and stop rule runs on a real Spark session, by the name that a user gives."""

from __future__ import annotations

import optuna
import pytest

from maggy import Searchspace, experiment
from maggy.common.exceptions import BadArgumentsError, ResumeError, SignatureError
from maggy.earlystop import AbstractExperimentStop, Threshold
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import Asha, GridSearch, RandomSearch
from maggy.optimizer.bayes import TPE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(x=("DOUBLE", [0, 1]), n=("INTEGER", [1, 4]))


def search(train, num_trials=12, optimizer="tpe", space=SPACE, **options):
    return experiment.lagom(
        train,
        OptimizationConfig(
            num_trials, optimizer, space, **{"seed": 1, "hb_interval": 0.1, **options}
        ),
    )


@pytest.mark.parametrize("optimizer", ["tpe", "cmaes", "qmc", "nsgaii"])
def test_optunas_samplers_run_by_name(optimizer, capsys):
    result = search(lambda x, n: x * n, optimizer=optimizer, direction="min")
    assert (result["num_trials"], result["failed"]) == (12, 0)
    assert len({trial["params"]["x"] for trial in result.trials}) > 6
    assert "optuna" not in capsys.readouterr().err.lower()


def test_a_sampler_of_optunas_is_an_optimizer_and_a_pruner_a_rule():
    def train(x, n, reporter):
        import time

        for step in range(1, 10):
            reporter.broadcast(x, step)
            while reporter.waiting()[1]:  # a step ends when the driver has it
                time.sleep(0.001)
        return x

    result = search(
        train,
        8,
        optuna.samplers.TPESampler(seed=1),
        es_policy=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
        hb_interval=0.02,
    )
    assert result["num_trials"] == 8
    assert 1 <= result["early_stopped"] < 8


@pytest.mark.parametrize("name", ["budget", "resource"])
def test_asha_gives_the_budget_by_the_name_that_is_asked_for(name):
    trains = {
        "budget": lambda x, n, budget: x * budget,
        "resource": lambda x, n, resource: x * resource,
    }
    result = search(trains[name], 14, Asha(reduction_factor=2, resource_min=1, resource_max=4))
    assert result["num_trials"] == 14
    assert {trial["params"][name] for trial in result.trials} == {1, 2, 4}
    assert result["best_hp"][name] == 4


def test_a_function_without_the_budget_is_refused_before_spark_is_touched(experiments):
    with pytest.raises(SignatureError, match="lacks the parameters budget"):
        search(lambda x, n: x, optimizer="asha")
    with pytest.raises(SignatureError, match="nothing gives its parameters resource"):
        search(lambda x, n, budget, resource: x, optimizer="hyperband")
    assert not experiments.exists()


def test_a_grid_runs_without_a_number_of_trials():
    space = Searchspace(n=("DISCRETE", [1, 2, 3]), kind=("CATEGORICAL", ["a", "b"]))
    config = OptimizationConfig(optimizer="gridsearch", searchspace=space, hb_interval=0.1)
    assert experiment.lagom(lambda n, kind: n, config)["num_trials"] == 6
    result = search(lambda x, n: x, None, GridSearch(points=2))
    assert sorted(trial["params"]["x"] for trial in result.trials) == [0.0, 0.0, 1.0, 1.0]


def test_a_grid_that_needs_points_says_so_before_spark_is_touched(experiments):
    with pytest.raises(BadArgumentsError, match=r"GridSearch\(points="):
        search(lambda x, n: x, None, "gridsearch")
    assert not experiments.exists()


def test_the_hyperband_of_release_1_runs_with_any_sampler(capsys):
    kwargs = {"eta": 2, "resource_min": 1, "resource_max": 4}
    for optimizer in (RandomSearch, TPE):
        result = search(
            lambda x, n, budget: x * budget,
            None,
            optimizer(pruner="hyperband", pruner_kwargs=kwargs),
        )
        assert result["num_trials"] == 4 + 2 + 1 + 3 + 1 + 3
        assert result["failed"] == 0
    assert "Hyperband(TPE) Results" in capsys.readouterr().out


class Enough(AbstractExperimentStop):
    def experiment_check(self, finalized_trials, direction):
        return "there are five" if len(finalized_trials) >= 5 else None


@pytest.mark.parametrize("optimizer", ["tpe", "asha", "hyperband", "qmc"])
def test_a_resumed_search_goes_on_from_its_records(optimizer):
    def train(x, n, budget=1):
        if n == 3:
            raise ValueError("three")
        return x * budget

    first = search(train, 16, optimizer, es_policy=Enough())
    count = len(first.trials)
    assert count < 16
    with pytest.raises(ResumeError, match="optimizer"):
        search(train, 16, "randomsearch", resume=first.directory)
    resumed = search(train, 16, optimizer, resume=first.directory)
    ids = [trial["trial_id"] for trial in resumed.trials]
    assert ids[:count] == [trial["trial_id"] for trial in first.trials]
    assert len(set(ids)) == len(ids)
    assert (
        len(ids) == 16 if optimizer != "hyperband" else count < len(ids) <= 16
    )  # failed trials are not promoted


def test_a_threshold_ends_the_search_and_says_why(capsys):
    result = search(lambda x, n: x, 500, "randomsearch", es_policy=["median", Threshold(0.9)])
    assert result["best_val"] >= 0.9
    assert result["num_trials"] < 200
    assert "has reached 0.9" in capsys.readouterr().out


def test_successive_halving_stops_trials_while_they_run():
    def train(x, n, reporter):
        import time

        for step in range(1, 28):
            reporter.broadcast(x, step)
            while reporter.waiting()[1]:  # a step ends when the driver has it
                time.sleep(0.001)
        return x

    result = search(train, 8, "randomsearch", es_policy="successivehalving", hb_interval=0.02)
    assert result["num_trials"] == 8
    early_trials = [trial for trial in result.trials if trial["early_stop"]]
    assert early_trials
    assert result["best_id"] not in {trial["trial_id"] for trial in early_trials}


def test_initial_trials_conditions_steps_and_constants_reach_the_training_function():
    def train(optimizer, epochs, rate, momentum=None):
        assert (momentum is None) == (optimizer == "adam")
        return {"metric": rate, "epochs": epochs}

    space = Searchspace(
        optimizer=("CATEGORICAL", ["sgd", "adam"]),
        momentum=("DOUBLE", [0, 0.9], {"step": 0.1, "when": {"optimizer": "sgd"}}),
        epochs=("CONSTANT", [5]),
        rate=("DOUBLE", [1e-4, 1.0], "log"),
    )
    first = {"optimizer": "sgd", "momentum": 0.3, "rate": 0.1}
    result = search(train, 12, "tpe", space, initial_trials=[first])
    assert (result["num_trials"], result["failed"]) == (12, 0)
    assert result.trials[0]["params"] == {**first, "epochs": 5} or result.trials[1]["params"] == {
        **first,
        "epochs": 5,
    }
    study = result.to_optuna_study()
    assert study.best_value == result["best_val"]
    assert study.trials[0].distributions["rate"].log


def test_a_conditional_parameter_needs_a_default(experiments):
    space = Searchspace(a=("CATEGORICAL", ["x", "y"]), b=("DOUBLE", [0, 1], {"when": {"a": "y"}}))
    with pytest.raises(SignatureError, match=r"parameter b .* must have a default.*b=None"):
        search(lambda a, b: 1, space=space)
    assert not experiments.exists()
    assert search(lambda hparams: len(hparams), 4, "randomsearch", space)["failed"] == 0
