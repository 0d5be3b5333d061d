"""Pruners of Optuna as stop rules."""

from __future__ import annotations

import optuna
import pytest

from maggy.common.ended_trials import EndedTrials
from maggy.common.exceptions import BadArgumentsError
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.earlystop import Decision, OptunaPruner
from maggy.experiment_config import OptimizationConfig
from maggy.searchspace import Searchspace
from maggy.testing import EarlyStopContract, final_with, trial_with
from maggy.trial import Trial

pytestmark = pytest.mark.slow


class TestMedianPruner(EarlyStopContract):
    def make(self):
        return OptunaPruner(optuna.pruners.MedianPruner(n_startup_trials=1))


class TestPercentilePruner(EarlyStopContract):
    def make(self):
        return OptunaPruner(optuna.pruners.PercentilePruner(25.0, n_startup_trials=1))


class TestSuccessiveHalvingPruner(EarlyStopContract):
    def make(self):
        return OptunaPruner(
            optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
        )


class TestHyperbandPruner(EarlyStopContract):
    def make(self):
        return OptunaPruner(optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9))


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
class TestPatientPruner(EarlyStopContract):
    def make(self):
        return OptunaPruner(
            optuna.pruners.PatientPruner(
                optuna.pruners.MedianPruner(n_startup_trials=1), patience=1
            )
        )


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
class TestWilcoxonPruner(EarlyStopContract):
    def make(self):
        return OptunaPruner(optuna.pruners.WilcoxonPruner(p_threshold=0.1))


class TestNopPruner(EarlyStopContract):
    def make(self):
        return OptunaPruner(optuna.pruners.NopPruner())


class TestThresholdPruner(EarlyStopContract):
    def make(self):
        return OptunaPruner(optuna.pruners.ThresholdPruner(lower=-0.5, upper=0.5))

    # This pruner ignores the direction.
    test_min_mirrors_max = test_min_mirrors_max_also_with_many_running_trials = None


class Spy(optuna.pruners.BasePruner):
    """Remember the study and the trial, and prune a trial whose last value is below zero."""

    def prune(self, study, trial):
        self.study, self.trial = study, trial
        return trial.intermediate_values[trial.last_step] < 0


def test_the_pruner_sees_all_trials_with_their_reports():
    spy = Spy()
    rule = OptunaPruner(spy)
    pruned = final_with([0.3, 0.1], "pruned")
    pruned.early_stop = True
    mine, other = trial_with([0.1, 0.2, -0.5], steps=[0, 1, 2.5]), trial_with([0.7], "other")
    finals = [final_with([0.1, 0.9]), pruned]
    assert rule.decide(mine, finals, [other, mine], "max") is Decision.STOP
    assert spy.trial.intermediate_values == {0: 0.1, 1: 0.2, 2: -0.5}
    assert [trial.state.name for trial in spy.study.trials] == [
        "COMPLETE",
        "PRUNED",
        "RUNNING",
        "RUNNING",
    ]
    assert spy.study.trials[0].value == 0.9
    assert spy.study.direction.name == "MAXIMIZE"


def test_the_study_receives_only_new_points():
    spy = Spy()
    rule = OptunaPruner(spy)
    trial = trial_with([0.1, 0.2])
    assert rule.decide(trial, [], [trial], "min") is Decision.CONTINUE
    trial.append_metric({"step": 2, "value": -1})
    assert rule.decide(trial, [], [trial], "min") is Decision.STOP
    trial.status, trial.final_metric = Trial.FINALIZED, -1.0
    other = trial_with([0.4], "other")
    rule.decide(other, [trial], [other], "min")
    assert [frozen.state.name for frozen in spy.study.trials] == ["COMPLETE", "RUNNING"]


def test_the_study_receives_an_ended_trial_once():
    class Counted(Trial):
        looks = 0

        def __getattribute__(self, name):
            Counted.looks += name == "trial_id"
            return super().__getattribute__(name)

    spy, store = Spy(), EndedTrials()
    rule, running = OptunaPruner(spy), trial_with([0.1])
    for number in range(100):
        trial = Counted({"x": number})
        trial.append_metric({"step": 0, "value": 0.5})
        trial.final_metric = 0.5
        store.append(trial)
        rule.decide(running, store, [running], "max")
    assert [frozen.state.name for frozen in spy.study.trials] == [
        "COMPLETE",
        "RUNNING",
        *["COMPLETE"] * 99,
    ]
    assert Counted.looks <= 5 * len(store)


def test_a_trial_that_fails_has_failed_in_the_study():
    spy = Spy()
    rule = OptunaPruner(spy)
    mine, failing = trial_with([0.1]), trial_with([0.7], "failing")
    rule.decide(mine, [], [failing, mine], "max")
    mine.append_metric({"step": 1, "value": 0.2})
    rule.decide(mine, [], [mine], "max")
    assert [frozen.state.name for frozen in spy.study.trials] == ["FAIL", "RUNNING"]


def test_every_experiment_has_a_study_of_its_own():
    spy = Spy()
    rule = OptunaPruner(spy)
    for _ in range(2):  # as if a cell of a notebook runs twice
        config = OptimizationConfig(
            5, "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), es_policy=rule, seed=1
        )
        policy, running, finals = OptimizationPolicy(config), {}, EndedTrials()
        policy.start(running, finals, 1)
        trial = policy.suggest(None)
        running[trial.trial_id] = trial
        trial.append_metric({"step": 1, "value": 0.5})
        assert policy.decide(trial, finals) is Decision.CONTINUE
        trial.append_metric({"step": 2, "value": -0.5})
        assert policy.decide(trial, finals) is Decision.STOP
        assert len(spy.study.trials) == 1
        trial.status, trial.final_metric, trial.early_stop = Trial.FINALIZED, -0.5, True
        finals.append(running.pop(trial.trial_id))
        other = policy.suggest(trial)
        running[other.trial_id] = other
        other.append_metric({"step": 1, "value": 0.5})
        assert policy.decide(other, finals) is Decision.CONTINUE
        assert [frozen.state.name for frozen in spy.study.trials] == ["PRUNED", "RUNNING"]


def test_a_trial_that_lost_its_worker_starts_anew():
    spy = Spy()
    rule = OptunaPruner(spy)
    trial = trial_with([0.1, -0.2])
    rule.decide(trial, [], [trial], "max")
    trial.reset()
    trial.attempts = 2
    trial.append_metric({"step": 0, "value": 0.3})
    assert rule.decide(trial, [], [trial], "max") is Decision.CONTINUE
    assert [frozen.state.name for frozen in spy.study.trials] == ["FAIL", "RUNNING"]


def test_successive_halving_prunes_the_worse_one():
    rule = OptunaPruner(optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2))
    good, bad = trial_with([0.9], "good", [1]), trial_with([0.1], "bad", [1])
    assert rule.decide(good, [], [good], "max") is Decision.CONTINUE
    for _ in range(2):  # the answer stays the same, although the pruner keeps notes
        assert rule.decide(bad, [], [good, bad], "max") is Decision.STOP


def test_optuna_prints_nothing(capfd):
    trial = trial_with([0.1])
    OptunaPruner(Spy()).decide(trial, [], [trial], "max")
    assert capfd.readouterr() == ("", "")


def test_anything_but_a_pruner_is_refused():
    with pytest.raises(BadArgumentsError, match="BasePruner"):
        OptunaPruner("median")
