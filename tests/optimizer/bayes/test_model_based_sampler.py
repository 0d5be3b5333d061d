"""How the samplers with a model begin."""

from __future__ import annotations

import pytest
from budgets import drive, started

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.bayes import TPE
from maggy.searchspace import Searchspace

pytestmark = pytest.mark.slow

SPACE = Searchspace(x=("DOUBLE", [0, 1]), y=("DOUBLE", [0, 1]))


def random_draws(count):
    """What Optuna's random sampler draws with the seed that the optimizer gets."""
    import optuna

    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=SPACE.seeded(3).draw_seed())
    )
    asked = [study.ask() for _ in range(count)]
    return [{name: trial.suggest_float(name, 0, 1) for name in ("x", "y")} for trial in asked]


def suggested(in_flight, num_trials=60, num_warmup_trials=10):
    optimizer = started(TPE(num_warmup_trials=num_warmup_trials), num_trials, "min", SPACE)
    return drive(optimizer, lambda trial: trial.params["x"], in_flight).params


@pytest.mark.parametrize(
    ("in_flight", "random"),
    # The model comes after the tenth suggestion or the fourth end, whichever is later.
    [(1, 10), (4, 10), (7, 10), (8, 11), (50, 53)],
)
def test_the_model_begins_after_the_warm_up_once_four_trials_have_ended(in_flight, random):
    params, draws = suggested(in_flight), random_draws(60)
    assert params[:random] == draws[:random]
    assert params[random] != draws[random]


@pytest.mark.parametrize("in_flight", [8, 50])
def test_no_configuration_is_drawn_twice_however_many_trials_are_in_flight(in_flight):
    params = suggested(in_flight)
    assert len({each["x"] for each in params}) == len(params)


def test_a_shorter_warm_up_waits_for_no_more_ends_than_it_has_trials():
    params, draws = suggested(1, num_trials=4, num_warmup_trials=2), random_draws(4)
    assert params[:2] == draws[:2]
    assert params[2] != draws[2]


def test_failed_trials_are_nothing_to_model():
    optimizer = started(TPE(num_warmup_trials=2), 20, "min", SPACE)
    params = drive(optimizer, lambda trial: None).params
    assert params == random_draws(20)


def test_the_number_of_random_trials_has_one_name():
    with pytest.raises(BadArgumentsError, match="num_warmup_trials, but got n_startup_trials=20"):
        TPE(n_startup_trials=20)


@pytest.mark.parametrize("count", [-1, 2.5, "3", None, True])
def test_the_warm_up_is_a_number_of_trials(count):
    with pytest.raises(BadArgumentsError, match="num_warmup_trials must be a whole number"):
        TPE(num_warmup_trials=count)
