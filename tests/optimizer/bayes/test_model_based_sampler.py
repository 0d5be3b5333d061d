"""The random trials with which a model-based search begins."""

from __future__ import annotations

import pytest
from helpers.budgets import drive, prepare

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.bayes import TPE
from maggy.searchspace import Searchspace

pytestmark = pytest.mark.slow

SPACE = Searchspace(x=("DOUBLE", [0, 1]), y=("DOUBLE", [0, 1]))


def random_draws(count):
    """Return what Optuna's random sampler draws with the optimizer's seed."""
    import optuna

    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=SPACE.seeded(3).draw_seed())
    )
    optuna_trials = [study.ask() for _ in range(count)]
    return [
        {name: trial.suggest_float(name, 0, 1) for name in ("x", "y")} for trial in optuna_trials
    ]


def suggest_params(in_flight, num_trials=60, num_warmup_trials=10):
    optimizer = prepare(TPE(num_warmup_trials=num_warmup_trials), num_trials, "min", SPACE)
    return drive(optimizer, lambda trial: trial.params["x"], in_flight).params


@pytest.mark.parametrize(
    ("in_flight", "num_random"),
    # The model comes after the tenth suggestion or the fourth end, whichever is later.
    [(1, 10), (4, 10), (7, 10), (8, 11), (50, 53)],
)
def test_the_model_begins_after_the_warm_up_once_four_trials_have_ended(in_flight, num_random):
    params, draws = suggest_params(in_flight), random_draws(60)
    assert params[:num_random] == draws[:num_random]
    assert params[num_random] != draws[num_random]


@pytest.mark.parametrize("in_flight", [8, 50])
def test_no_configuration_is_drawn_twice_with_any_number_of_workers(in_flight):
    params = suggest_params(in_flight)
    assert len({configuration["x"] for configuration in params}) == len(params)


def test_a_short_warm_up_waits_only_for_its_own_trials():
    params, draws = suggest_params(1, num_trials=4, num_warmup_trials=2), random_draws(4)
    assert params[:2] == draws[:2]
    assert params[2] != draws[2]


def test_failed_trials_do_not_end_the_warm_up():
    optimizer = prepare(TPE(num_warmup_trials=2), 20, "min", SPACE)
    params = drive(optimizer, lambda trial: None).params
    assert params == random_draws(20)


def test_the_number_of_random_trials_has_one_name():
    with pytest.raises(BadArgumentsError, match="num_warmup_trials, but got n_startup_trials=20"):
        TPE(n_startup_trials=20)


@pytest.mark.parametrize("count", [-1, 2.5, "3", None, True])
def test_the_warm_up_must_be_a_number_of_trials(count):
    with pytest.raises(BadArgumentsError, match="num_warmup_trials must be a whole number"):
        TPE(num_warmup_trials=count)
