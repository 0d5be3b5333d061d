"""The Gaussian process fulfils our contract."""

from __future__ import annotations

import warnings

import optuna
import pytest
from helpers.budgets import prepare

from maggy.optimizer.bayes import GP
from maggy.searchspace import Searchspace
from maggy.testing import OptimizerContract

pytestmark = pytest.mark.slow


class TestGP(OptimizerContract):
    num_trials = 6

    def make(self):
        return GP(num_warmup_trials=4)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_with_one_worker_the_suggestions_are_exactly_those_of_optuna_alone():
    space = Searchspace(
        x=("DOUBLE", [-1, 1]), y=("DOUBLE", [1e-3, 1], "log"), n=("INTEGER", [1, 9])
    )
    optimizer = prepare(GP(num_warmup_trials=5), 9, "min", space)
    sampler = optuna.samplers.GPSampler(seed=space.seeded(3).draw_seed(), n_startup_trials=5)

    def metric(params):
        return params["x"] ** 2 + params["y"] + params["n"]

    def objective(trial):
        x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", 1e-3, 1, log=True)
        return metric({"x": x, "y": y, "n": trial.suggest_int("n", 1, 9)})

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=9)
    ours = []
    for _ in range(9):
        trial = optimizer.get_suggestion()
        trial.final_metric = metric(trial.params)
        optimizer.final_store.append(trial)
        ours.append(trial.params)
    assert ours == [trial.params for trial in study.trials]


def test_a_suggestion_depends_on_running_trials():
    def suggest_beside(running):
        optimizer = prepare(GP(num_warmup_trials=4), 20, "min", Searchspace(x=("DOUBLE", [0, 1])))
        for x in (0.1, 0.4, 0.7, 0.9):
            trial = optimizer.initial_trial({"x": x})
            trial.final_metric = (x - 0.5) ** 2
            optimizer.final_store.append(trial)
        for x in running:
            trial = optimizer.initial_trial({"x": x})
            optimizer.trial_store[trial.trial_id] = trial
        return optimizer.get_suggestion().params["x"]

    alone = suggest_beside([])
    assert abs(suggest_beside([alone]) - alone) > 1e-3


def test_all_options_of_release_1_are_accepted_and_one_warning_names_those_without_effect():
    options = {
        "async_strategy": "impute",
        "impute_strategy": "cl_min",
        "acq_fun": "LCB",
        "acq_fun_kwargs": {"kappa": 1},
        "acq_optimizer": "sampling",
        "acq_optimizer_kwargs": {"n_points": 5},
        "random_fraction": 0.33,
        "interim_results": True,
        "interim_results_interval": 10,
    }
    with pytest.warns(UserWarning, match="GP has no counterpart") as caught:
        GP(num_warmup_trials=15, pruner="hyperband", pruner_kwargs={"max_budget": 4}, **options)
    assert len(caught) == 1
    assert all(name in str(caught[0].message) for name in options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        GP(acq_fun="EI", acq_optimizer="lbfgs", acq_fun_kwargs=None)
