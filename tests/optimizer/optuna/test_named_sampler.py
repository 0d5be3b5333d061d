"""Samplers of Optuna that a user passes fulfil our contract."""

from __future__ import annotations

import optuna
import pytest

from maggy.optimizer import resolve_optimizer
from maggy.searchspace import Searchspace
from maggy.testing import OptimizerContract

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


class TestASamplerOfAUsersOwn(OptimizerContract):
    uses_seed = False  # it keeps its own seed

    def make(self):
        return resolve_optimizer(optuna.samplers.RandomSampler(seed=3))


class TestTPESampler(OptimizerContract):
    uses_seed = False

    def make(self):
        return resolve_optimizer(optuna.samplers.TPESampler(seed=3, n_startup_trials=4))


class TestNSGAIIISampler(OptimizerContract):
    uses_seed = False

    def make(self):
        return resolve_optimizer(optuna.samplers.NSGAIIISampler(seed=3, population_size=8))


class TestQMCSampler(OptimizerContract):
    uses_seed = False
    supports_conditions = False

    def make(self):
        return resolve_optimizer(optuna.samplers.QMCSampler(seed=3, scramble=True))


class TestPartialFixedSampler(OptimizerContract):
    uses_seed = False
    supports_conditions = False

    def make(self):
        return resolve_optimizer(
            optuna.samplers.PartialFixedSampler({"kernel": 3}, optuna.samplers.RandomSampler(3))
        )


class ListsOnly:
    """Searches a small space, in which every combination can be tried."""

    uses_seed = False
    supports_conditions = False
    num_trials = 24
    values = {"size": [8, 2, 4], "kind": ["a", "b"], "layers": [1, 2, 3, 4]}

    def make_space(self, seed=7):
        return Searchspace(
            size=("DISCRETE", [8, 2, 4]),
            kind=("CATEGORICAL", ["a", "b"]),
            layers=("INTEGER", [1, 4]),
        ).seeded(seed)

    def ended_trials(self, num_trials=100, **options):
        self.num_trials = num_trials
        return self.drive(**options).ended_trials

    @pytest.mark.parametrize("in_flight", [1, 3, 50])
    def test_every_combination_is_tried_once_and_the_search_ends(self, in_flight):
        trials = self.ended_trials(in_flight=in_flight)
        assert len(trials) == len({str(trial.params) for trial in trials}) == 24

    @pytest.mark.parametrize("in_flight", [1, 3, 50])
    @pytest.mark.parametrize("crash_after", [1, 14, 24])
    def test_a_resumed_search_tries_the_missing_combinations(self, in_flight, crash_after):
        half = self.ended_trials(in_flight=in_flight, crash_after=crash_after)
        trials = self.ended_trials(in_flight=in_flight, earlier=half)
        assert len(trials) == len({str(trial.params) for trial in trials}) == 24


class EachOnce(ListsOnly, OptimizerContract):
    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_a_warm_started_experiment_runs_as_many_new_trials(self, in_flight):
        # Every combination has run in the other experiment.
        assert self.drive(self.start_warm(), in_flight=in_flight).suggestions == []


class TestBruteForceSampler(EachOnce):
    is_strict = False

    def make(self):
        return resolve_optimizer(
            optuna.samplers.BruteForceSampler(seed=3, avoid_premature_stop=self.is_strict)
        )


class TestStrictBruteForceSampler(TestBruteForceSampler):
    is_strict = True


class TestGridSampler(EachOnce):
    seed = 3

    def make(self):
        return resolve_optimizer(optuna.samplers.GridSampler(self.values, seed=self.seed))

    def start(self, space=None, direction="max", optimizer=None):
        space = (
            self.make_space() if space is None or "only" in space else space
        )  # the sampler has its own values
        return super().start(space, direction, optimizer)


class TestGridSamplerWithoutASeed(ListsOnly):
    start, drive = OptimizerContract.start, OptimizerContract.drive

    def make(self):
        return resolve_optimizer(optuna.samplers.GridSampler(self.values))

    def test_a_resumed_search_runs_no_more_than_num_trials(self):
        half = self.ended_trials(10, crash_after=5)
        assert len(self.ended_trials(10, earlier=half)) == 10
