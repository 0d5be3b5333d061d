"""The tree-structured Parzen estimator fulfils our contract."""

from __future__ import annotations

import pytest
from helpers.budgets import prepare

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import resolve_optimizer
from maggy.optimizer.bayes import TPE
from maggy.searchspace import Searchspace
from maggy.testing import OptimizerContract
from maggy.testing.spaces import conditional_space, experiment_space

pytestmark = pytest.mark.slow


class TestTPE(OptimizerContract):
    num_trials = 14

    def make(self):
        return TPE(num_warmup_trials=5)


class TestTPEInHyperband(OptimizerContract):
    num_trials = 24
    extra_params = ("budget",)

    def make(self):
        return resolve_optimizer(
            TPE(
                num_warmup_trials=4, pruner="hyperband", pruner_kwargs={"eta": 2, "resource_max": 4}
            )
        )


def test_conditional_parameters_are_modelled_together_with_those_that_they_depend_on():
    for space, has_group in ((conditional_space(), True), (experiment_space(), False)):
        optimizer = prepare(TPE(), 20, space=space)
        assert ("group" in optimizer.defaults(1, [])) == has_group


def test_suggestions_keep_away_from_running_trials():
    def suggest_beside(running):
        optimizer = prepare(TPE(num_warmup_trials=4), 90, "min", Searchspace(x=("DOUBLE", [0, 1])))
        for place in range(20):
            trial = optimizer.initial_trial({"x": place / 20})
            trial.final_metric = abs(trial.params["x"] - 0.5)
            optimizer.final_store.append(trial)
        for x in running:
            trial = optimizer.initial_trial({"x": x})
            trial.trial_id += f"_{len(optimizer.trial_store)}"
            optimizer.trial_store[trial.trial_id] = trial
        return optimizer.get_suggestion().params["x"]

    alone = suggest_beside([])
    assert abs(suggest_beside([alone] * 5) - alone) > 0.01


def test_the_optimizer_has_a_name_and_takes_options_of_optuna():
    assert resolve_optimizer("tpe").name() == "TPE"
    assert TPE(n_ei_candidates=8).name() == "TPE"


def test_an_option_that_optuna_does_not_have_is_refused():
    with pytest.raises(
        BadArgumentsError,
        match=r"TPE must have options that optuna\.samplers\.TPESampler takes.*gama",
    ):
        TPE(gama=3)
