"""The options of release 1.1: some have a new name, a warning names the others."""

from __future__ import annotations

import pickle
import warnings

import pytest
from helpers.budgets import drive, prepare

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import resolve_optimizer
from maggy.optimizer.bayes import TPE

pytestmark = pytest.mark.slow

COMMON_OPTIONS = {
    "num_warmup_trials": 15,
    "random_fraction": 0.33,
    "interim_results": True,
    "interim_results_interval": 10,
}
TPE_OPTIONS = {
    "gamma": 0.15,
    "n_samples": 24,
    "bw_estimation": "normal_reference",
    "bw_factor": 3,
    **COMMON_OPTIONS,
}
PRUNER = {
    "pruner": "hyperband",
    "pruner_kwargs": {"min_budget": 1, "max_budget": 4, "eta": 2, "n_iterations": 1},
}


def test_all_options_of_tpe_are_accepted_and_one_warning_names_those_without_effect():
    with pytest.warns(UserWarning, match="TPE has no counterpart") as caught:
        optimizer_with_pruner = TPE(**TPE_OPTIONS, **PRUNER)
    assert len(caught) == 1
    option_names = (
        "bw_estimation, bw_factor, random_fraction, interim_results, interim_results_interval"
    )
    assert f"release 1.1, and goes on without them: {option_names}. Leave" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert (
        len(
            drive(
                prepare(resolve_optimizer(optimizer_with_pruner), 3),
                lambda trial: trial.params["x"],
            ).suggestions
        )
        == 8 - 1
    )


def test_the_number_of_samples_and_the_share_of_good_trials_reach_optuna():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer = prepare(TPE(num_warmup_trials=0, gamma=0.3, n_samples=7), 3)
    assert optimizer._active_sampler._n_ei_candidates == 7
    assert [optimizer._active_sampler._gamma(trials) for trials in (1, 10, 101)] == [1, 3, 31]
    pickle.loads(pickle.dumps(optimizer))


def test_a_function_as_gamma_reaches_optuna():
    assert prepare(TPE(gamma=len), 3)._active_sampler._gamma is len


@pytest.mark.parametrize("gamma", [0, 1, 15, -0.1, "a", True])
def test_a_wrong_share_of_good_trials_is_refused(gamma):
    with pytest.raises(BadArgumentsError, match="gamma must be the share"):
        TPE(gamma=gamma)


def test_an_option_under_both_of_its_names_is_refused():
    with pytest.raises(
        BadArgumentsError, match=r"n_ei_candidates is what release 1\.1 called n_samples"
    ):
        TPE(n_samples=3, n_ei_candidates=3)


def test_options_with_the_same_effect_as_ours_cause_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        TPE(random_fraction=0, interim_results=False, bw_factor=None, num_warmup_trials=3)
