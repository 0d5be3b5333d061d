"""The stop rules of a config."""

import pytest
from helpers.results import ended_trial

from maggy import Trial
from maggy.core.experiment_driver.stop_rules import StopRules
from maggy.earlystop import AbstractEarlyStop, AbstractExperimentStop, Decision, Threshold
from maggy.testing import trial_with


class Stops(AbstractEarlyStop):
    """Stops every trial."""

    waits_for_finals = False

    def decide(self, trial, finalized_trials, running_trials, direction):
        return Decision.STOP


class Explains(Stops):
    """Gives a reason of its own."""

    def explain(self, trial, finalized_trials, running_trials, direction):
        return "I say so"


class Pauses(Explains):
    """Pauses every trial, and is asked at every report."""

    every_report = True

    def decide(self, trial, finalized_trials, running_trials, direction):
        return Decision.PAUSE


class Stutters(Stops):
    """Fails when it is asked for its reason."""

    def explain(self, trial, finalized_trials, running_trials, direction):
        raise RuntimeError("no words")


class Fails(Stops):
    """Fails at every check."""

    def decide(self, trial, finalized_trials, running_trials, direction):
        raise RuntimeError("no decision")


class FailsAtTheEnd(AbstractExperimentStop):
    """Fails whenever a trial has ended."""

    def experiment_check(self, finalized_trials, direction):
        raise RuntimeError("no decision")


def reason_of(rule, trial):
    rules = StopRules(rule, direction="max", interval=1, min_trials=0)
    rules.start({})
    assert rules.decide(trial, []) is Decision.STOP
    return trial.stop_reason


def test_a_stopped_trial_knows_the_reason_of_the_rule():
    assert reason_of(Explains(), trial_with([0.5, 0.5])) == "stopped at step 1: I say so"
    assert reason_of(Stops(), trial_with([0.5])) == "stopped at step 0: Stops stops it"
    assert reason_of(Explains(), Trial({"x": 1})) == "I say so"


def test_a_rule_can_pause_a_trial_and_says_so():
    rules = StopRules([Pauses(), Stops()], direction="max", interval=10, min_trials=0)
    trial = trial_with([0.5, 0.5])
    assert rules.is_check_due([1])
    assert rules.decide(trial, []) is Decision.PAUSE
    assert trial.stop_reason == "paused at step 1: I say so"


def test_only_rules_that_want_it_are_asked_between_two_intervals():
    class Quiet(Pauses):
        def decide(self, trial, finalized_trials, running_trials, direction):
            return Decision.CONTINUE

    rules = StopRules([Quiet(), Stops()], direction="max", interval=2, min_trials=0)
    assert rules.decide(trial_with([0.5, 0.5]), []) is Decision.CONTINUE
    assert rules.decide(trial_with([0.5, 0.5, 0.5]), []) is Decision.STOP
    rules = StopRules(Stops(), direction="max", interval=2, min_trials=0)
    assert not rules.is_check_due([1])


def test_a_rule_that_fails_does_not_keep_the_next_one_from_deciding():
    assert reason_of([Fails(), Stops()], trial_with([0.5])) == "stopped at step 0: Stops stops it"
    rules = StopRules([Fails(), "none"], direction="max", interval=1, min_trials=0)
    with pytest.raises(RuntimeError, match="no decision"):
        rules.decide(trial_with([0.5]), [])
    final = ended_trial({"x": 1}, 0.5)
    rules = StopRules([FailsAtTheEnd(), Threshold(0.4)], direction="max", interval=1, min_trials=0)
    assert "0.4" in rules.should_end([final])
    with pytest.raises(RuntimeError, match="no decision"):
        rules.should_end([ended_trial({"x": 1}, 0.1)])


def test_a_rule_that_cannot_explain_itself_stops_the_trial_nevertheless(caplog):
    assert reason_of(Stutters(), trial_with([0.5])) == "stopped at step 0: Stutters stops it"
    assert "Stutters.explain failed." in caplog.text
