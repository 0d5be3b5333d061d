"""Ask the policy for early stops and pauses when they are due, and report a rule that fails.

Part of the trial book, and as pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from maggy.core.experiment_driver.notices import Notice, RuleFailed, TrialPausing, TrialStopped
from maggy.core.experiment_driver.policy import Policy
from maggy.earlystop.decision import Decision
from maggy.trial import Trial

__all__ = ["StopChecks"]


class StopChecks:
    """Ask the policy which trials to stop or pause.

    A rule that fails stops nothing, and is reported once.

    Args:
        policy: Decides which trials to stop, and when to end the experiment.
        clock: Returns monotonic seconds.
    """

    def __init__(self, policy: Policy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._next_check = clock() + (policy.es_seconds or 0)
        self._has_rule_failed = False
        self.may_pause = True
        """Whether another trial could have the worker of a trial that pauses."""

    def next_deadline(self) -> float | None:
        """Return when to call :meth:`check_by_time`, in monotonic seconds; None for never."""
        return None if self._policy.es_seconds is None else self._next_check

    def check_points(
        self, trial: Trial, steps: list[int | float], finals: list[Trial]
    ) -> list[Notice]:
        """Check a running trial after new steps, if checks go by steps and one is due."""
        if self._policy.es_seconds is None and self._policy.is_check_due(trial, steps):
            return self._check(trial, finals)
        return []

    def check_by_time(self, trials: Mapping[str, Trial], finals: list[Trial]) -> Iterator[Notice]:
        """Check all running trials if ``es_seconds`` have passed since the last time.

        Args:
            trials: The suggested and running trials by id.
            finals: The trials that ended with a metric.
        """
        if self._policy.es_seconds is None or self._clock() < self._next_check:
            return
        self._next_check = self._clock() + self._policy.es_seconds
        for trial in list(trials.values()):
            if trial.status == Trial.PAUSED:
                continue
            if trial.metric_history and self._policy.is_check_due(trial, trial.step_history):
                yield from self._check(trial, finals)

    def end_reason(self, finals: list[Trial]) -> tuple[str | None, list[Notice]]:
        """Return why the experiment should end now, or None; and a notice if a rule has failed."""
        try:
            return self._policy.should_end(finals), []
        except Exception as error:
            return None, self._report_failure(error)

    def _check(self, trial: Trial, finals: list[Trial]) -> list[Notice]:
        try:
            decision = self._policy.decide(trial, finals)
        except Exception as error:  # a rule that fails must not cost the experiment
            return self._report_failure(error)
        if decision is Decision.CONTINUE:
            return []
        if decision is Decision.STOP:
            return [TrialStopped(trial.trial_id)]
        return [TrialPausing(trial.trial_id)] if self.may_pause else []

    def _report_failure(self, error: Exception) -> list[Notice]:
        if self._has_rule_failed:
            return []
        self._has_rule_failed = True
        return [RuleFailed(error)]
