"""The evolution strategy, the Sobol sequence and the genetic algorithm."""

from __future__ import annotations

import pytest
from helpers.budgets import drive, prepare

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import NSGAII, QMC, CmaEs
from maggy.searchspace import Searchspace
from maggy.testing import OptimizerContract
from maggy.testing.spaces import conditional_space, experiment_space, objective

pytestmark = pytest.mark.slow


class TestCmaEs(OptimizerContract):
    def make(self):
        return CmaEs()


class TestQMC(OptimizerContract):
    supports_conditions = False

    def make(self):
        return QMC()


class TestNSGAII(OptimizerContract):
    def make(self):
        return NSGAII()


NUMBERS = Searchspace(x=("DOUBLE", [0, 1]), y=("INTEGER", [1, 100], "log"))
ONE_NUMBER = Searchspace(x=("DOUBLE", [0, 1]), kind=("CATEGORICAL", ["a", "b"]))


@pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::optuna.exceptions.ExperimentalWarning"
)
@pytest.mark.parametrize(
    ("space", "options"),
    [
        (NUMBERS, {}),
        (experiment_space(), {}),
        (conditional_space(), {}),
        (ONE_NUMBER, {}),
        (Searchspace(kind=("CATEGORICAL", ["a", "b"])), {}),
        (NUMBERS, {"sigma0": 0.1}),
        (NUMBERS, {"x0": {"x": 0.5, "y": 3}}),
        (NUMBERS, {"use_separable_cma": True}),
        (NUMBERS, {"with_margin": True}),
    ],
)
@pytest.mark.parametrize("in_flight", [1, 8])
def test_an_evolution_can_be_resumed_late_with_any_space_and_options(space, options, in_flight):
    def score(trial):
        return objective(trial.params)

    half = drive(prepare(CmaEs(**options), 60, space=space), score, in_flight, crash_after=40)
    resumed = drive(
        prepare(CmaEs(**options), 60, space=space), score, in_flight, earlier=half.ended_trials
    )
    assert len(resumed.ended_trials) == 60


@pytest.mark.parametrize(
    "space", [Searchspace(x=("DOUBLE", [0, 1]), y=("DOUBLE", [0, 1])), ONE_NUMBER]
)
def test_a_resumed_evolution_starts_where_the_good_trials_lie(space):
    def score(trial):
        return -abs(trial.params["x"] - 0.9)

    def distance(trials):
        return sum(abs(trial.params["x"] - 0.9) for trial in trials) / len(trials)

    half = drive(prepare(CmaEs(), 90, space=space), score, crash_after=60)
    resumed = drive(prepare(CmaEs(), 90, space=space), score, earlier=half.ended_trials)
    assert distance(resumed.suggestions[:6]) < distance(half.suggestions[:20]) / 3


def test_a_sobol_sequence_leaves_no_large_gap():
    experiment = drive(prepare(QMC(), 33), lambda trial: 0.0)
    values = sorted(
        trial.params["x"] for trial in experiment.suggestions[1:]
    )  # the first one is random
    assert [int(value * 32) for value in values] == list(range(32))


def test_a_sobol_sequence_refuses_conditional_parameters():
    optimizer = QMC()
    optimizer.searchspace = conditional_space()
    with pytest.raises(BadArgumentsError, match="conditional"):
        optimizer.parameters([])
