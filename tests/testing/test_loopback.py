"""Whole experiments on threads, as users run them."""

import threading

import pytest

from maggy.ablation import AblationStudy
from maggy.earlystop import AbstractEarlyStop, Decision
from maggy.experiment_config import AblationConfig, OptimizationConfig
from maggy.optimizer import RandomSearch
from maggy.searchspace import Searchspace
from maggy.testing import WorkerDied, run_on_threads

pytestmark = pytest.mark.loopback

SPACE = Searchspace(x=("INTEGER", [1, 1000]))


def config(**options):
    return OptimizationConfig(
        8, options.pop("optimizer", "randomsearch"), SPACE, seed=1, es_policy="none", **options
    )


def test_a_search_returns_its_trials_with_their_metrics():
    trials = run_on_threads(lambda params, reporter: params["x"] / 2, config(), workers=3)
    assert len(trials) == 8
    assert all(trial.final_metric == trial.params["x"] / 2 for trial in trials)


def test_a_seed_fixes_the_trials():
    runs = [run_on_threads(lambda params, reporter: 1.0, config()) for _ in range(2)]
    ids, others = ({trial.trial_id for trial in trials} for trials in runs)
    assert ids == others


def test_a_stop_rule_stops_a_running_trial():
    class First(AbstractEarlyStop):
        waits_for_finals = False

        def decide(self, trial, finalized_trials, running_trials, direction):
            return Decision.STOP

    gate = threading.Event()  # never opens

    def train(params, reporter):
        while not gate.wait(0.01):
            reporter.broadcast(params["x"])

    search = OptimizationConfig(3, "randomsearch", SPACE, es_policy=First(), es_min=0)
    trials = run_on_threads(train, search)
    assert [trial.early_stop for trial in trials] == [True] * 3


def test_a_trial_that_raises_an_error_fails_alone():
    def train(params, reporter):
        raise ValueError("no luck")

    trials = run_on_threads(train, config(give_up_after=None))
    assert [trial.final_metric for trial in trials] == [None] * 8


def test_a_trial_runs_again_if_its_worker_dies():
    numbers = iter(range(1000))

    def train(params, reporter):
        if next(numbers) == 2:
            raise WorkerDied
        return 1.0

    trials = run_on_threads(train, config())
    assert [trial.final_metric for trial in trials] == [1.0] * 8
    assert sum(trial.attempts for trial in trials) == 9


def test_an_error_of_the_optimizer_ends_the_experiment():
    class Broken(RandomSearch):
        def get_suggestion(self, trial=None):
            raise ZeroDivisionError("the optimizer is broken")

    with pytest.raises(ZeroDivisionError, match="the optimizer is broken"):
        run_on_threads(lambda params, reporter: 1.0, config(optimizer=Broken()))


def test_an_ablation_passes_the_labels():
    study = AblationStudy("titanic", label_name="survived")
    study.features.include("age", "fare")
    trials = run_on_threads(
        lambda params, reporter: float(len(params["ablated_feature"])), AblationConfig(study)
    )
    metrics = {trial.params["ablated_feature"]: trial.final_metric for trial in trials}
    assert metrics == {"None": 4.0, "age": 3.0, "fare": 4.0}
