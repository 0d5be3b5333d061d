"""Rules that users write for this release, or wrote for earlier ones."""

from __future__ import annotations

import pytest

from maggy.earlystop import (
    AbstractEarlyStop,
    Decision,
    MedianStoppingRule,
    OptunaPruner,
    PercentileStoppingRule,
    SuccessiveHalvingRule,
)
from maggy.testing import EarlyStopContract, final_with, trial_with


class WorstFinal(AbstractEarlyStop):
    """Stop what is worse than the worst final trial; an instance method works like a static one."""

    def earlystop_check(self, to_check, finalized_trials, direction):
        best = to_check.best(direction)
        metrics = [
            trial.best(direction) for trial in finalized_trials if trial.best(direction) is not None
        ]
        if best is None or not metrics:
            return None
        is_worse = best < min(metrics) if direction == "max" else best > max(metrics)
        return to_check.trial_id if is_worse else None


class WorstFinalDecision(AbstractEarlyStop):
    """Decide the same as `WorstFinal`."""

    def decide(self, trial, finalized_trials, running_trials, direction):
        stops = WorstFinal().earlystop_check(trial, finalized_trials, direction) is not None
        return Decision.STOP if stops else Decision.CONTINUE


class TestWorstFinal(EarlyStopContract):
    def make(self):
        return WorstFinal()


class TestWorstFinalDecision(EarlyStopContract):
    def make(self):
        return WorstFinalDecision()


def test_without_a_check_there_is_no_rule():
    class Incomplete(AbstractEarlyStop):
        pass

    with pytest.raises(TypeError, match="earlystop_check"):
        Incomplete()


def test_a_class_between_may_leave_the_check_to_its_subclasses():
    class Incomplete(AbstractEarlyStop):
        waits_for_finals = False

    class WithDecision(Incomplete):
        def decide(self, trial, finalized_trials, running_trials, direction):
            return Decision.STOP

    class WithCheck(Incomplete):
        @staticmethod
        def earlystop_check(to_check, finalized_trials, direction):
            return to_check.trial_id

    trial = trial_with([0.5])
    for rule in (WithDecision(), WithCheck()):
        assert rule.decide(trial, [], [trial], "max") is Decision.STOP
        assert rule.earlystop_check(trial, [], "max") == trial.trial_id
        assert not rule.waits_for_finals


@pytest.mark.parametrize("answer", [False, "", "another id"])
def test_any_answer_of_an_old_check_except_none_stops_the_trial(answer):
    class Check(AbstractEarlyStop):
        @staticmethod
        def earlystop_check(to_check, finalized_trials, direction):
            return answer

    trial = trial_with([0.5])
    assert Check().decide(trial, [], [trial], "max") is Decision.STOP


def test_an_old_check_of_the_running_trials_decides():
    class Last(AbstractEarlyStop):
        def earlystop_check(self, to_check, finalized_trials, direction):
            return None

        def check_running(self, to_check, finalized_trials, running_trials, direction):
            return to_check.trial_id if list(running_trials)[-1] is to_check else None

    first, last = trial_with([0.5], "first"), trial_with([0.5], "last")
    assert Last().decide(last, [], [first, last], "max") is Decision.STOP
    assert Last().decide(first, [], [first, last], "max") is Decision.CONTINUE


def test_a_decision_may_be_a_static_method():
    class Always(AbstractEarlyStop):
        @staticmethod
        def decide(trial, finalized_trials, running_trials, direction):
            return Decision.STOP

    trial = trial_with([0.5])
    assert Always().decide(trial, [], [trial], "max") is Decision.STOP
    assert Always().earlystop_check(trial, [], "max") == trial.trial_id


class Decides:
    def decide(self, trial, finalized_trials, running_trials, direction):
        return Decision.STOP


class Checks:
    @staticmethod
    def earlystop_check(to_check, finalized_trials, direction):
        return to_check.trial_id


@pytest.mark.parametrize("mixin", [Decides, Checks])
@pytest.mark.parametrize("base", [AbstractEarlyStop, MedianStoppingRule, SuccessiveHalvingRule])
def test_a_mixin_may_define_the_rule(mixin, base):
    class Mixed(mixin, base):
        pass

    class Derived(Mixed):
        pass

    trial = trial_with([0.5])
    for rule in (Mixed(), Derived()):
        assert rule.decide(trial, [], [trial], "max") is Decision.STOP
        assert rule.earlystop_check(trial, [], "max") == trial.trial_id
        assert rule.check_running(trial, [], [trial], "max") == trial.trial_id


RULES = [
    (MedianStoppingRule, ()),
    (PercentileStoppingRule, (50,)),
    (SuccessiveHalvingRule, (1, 2)),
]
every_rule = pytest.mark.parametrize(("rule", "arguments"), RULES)


@every_rule
@pytest.mark.parametrize("check", ["earlystop_check", "check_running"])
def test_a_subclass_may_override_an_old_check_and_call_the_inherited_one(rule, arguments, check):
    def judge_late(self, to_check, *others):
        if len(to_check.step_history) < 3:
            return None
        return getattr(super(late_rule, self), check)(to_check, *others)

    late_rule = type("Late", (rule,), {check: judge_late})
    finals = [final_with([0.9] * 4, str(number)) for number in range(3)]
    early, late = trial_with([0.1] * 2), trial_with([0.1] * 3)
    for trial, decision in ((early, Decision.CONTINUE), (late, Decision.STOP)):
        assert late_rule(*arguments).decide(trial, finals, [trial], "max") is decision
    assert rule(*arguments).decide(early, finals, [early], "max") is Decision.STOP


@every_rule
def test_a_subclass_may_override_the_decision_and_call_the_inherited_one(rule, arguments):
    class Opposite(rule):
        def decide(self, *trials_and_direction):
            decision = super().decide(*trials_and_direction)
            return Decision.STOP if decision is Decision.CONTINUE else Decision.CONTINUE

    trial, finals = trial_with([0.1] * 2), [final_with([0.9] * 2, str(i)) for i in range(3)]
    assert Opposite(*arguments).decide(trial, finals, [trial], "max") is Decision.CONTINUE
    assert Opposite(*arguments).earlystop_check(trial, finals, "max") is None
    assert Opposite(*arguments).decide(trial, [], [trial], "max") is Decision.STOP


@pytest.mark.parametrize("rule", [MedianStoppingRule, SuccessiveHalvingRule, OptunaPruner])
def test_the_old_checks_of_our_rules_are_documented(rule):
    for check in (rule.earlystop_check, rule.check_running):
        assert check.__doc__.startswith("Return the id of ")
