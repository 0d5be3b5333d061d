"""Successive halving that stops running trials. ASHA runs them again with a larger budget."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field

from maggy.common.direction import Direction
from maggy.common.ended_trials import sorted_values
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.decision import Decision
from maggy.trial import Trial

__all__ = ["SuccessiveHalvingRule"]


@dataclass
class _RungValues:
    """The values of one attempt of a running trial at the rungs that it has passed."""

    trial: Trial
    attempts: int
    by_rung: dict[tuple[int, int], float] = field(default_factory=dict)
    """The values by rung and sign of the direction."""


class SuccessiveHalvingRule(AbstractEarlyStop):
    """Stop a trial at a rung unless it is among the best that have reached this rung.

    The rungs are the steps ``min_step``, ``min_step * reduction_factor``,
    ``min_step * reduction_factor ** 2`` and so on. A trial has reached a rung when it has reported
    a step at or above it. Its value at the rung is the best value that it had reported by then.

    The rule compares a trial at its highest rung with all trials, running and ended, that have
    reached this rung. The trial is stopped when it is not among the best ``1 / reduction_factor``
    of them. So a trial that was good enough when it reached the rung is stopped later if enough
    better trials follow. The rule stops no trial at a rung that fewer than ``reduction_factor``
    trials have reached. Equal values count as equally good. A trial with nothing but NaN is worse
    than any other.

    The rule does not wait for ``es_min`` trials to end. In contrast to ``Asha`` it needs no budget:
    a trial trains once, for as long as it is good enough.

    Example:
        >>> rule = SuccessiveHalvingRule(min_step=1, reduction_factor=2)
        >>> good, bad = Trial({"x": 1}), Trial({"x": 2})
        >>> for trial, value in ((good, 0.9), (bad, 0.2)):
        ...     _ = trial.append_metric({"step": 1, "value": value})
        >>> rule.decide(bad, [], [good, bad], "max")
        <Decision.STOP: 'stop'>
        >>> rule.decide(good, [], [good, bad], "max")
        <Decision.CONTINUE: 'continue'>

    Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020.

    Args:
        min_step: The lowest rung, as a training step; at least 1. A higher one judges trials later.
        reduction_factor: One in this number of trials goes on past a rung; at least 2. A higher one
            stops more trials.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """

    waits_for_finals = False

    def __init__(self, min_step: int = 1, reduction_factor: int = 3) -> None:
        for name, value, least in (
            ("min_step", min_step, 1),
            ("reduction_factor", reduction_factor, 2),
        ):
            number = as_number(value)
            if not isinstance(number, int) or number < least:
                raise BadArgumentsError(
                    f"{name} must be a whole number of at least {least}, but got {value!r:.80}."
                )
        self._min_step = min_step
        self._factor = reduction_factor
        self._rung_values: dict[str, _RungValues] = {}  # by trial id

    def start(self) -> None:
        """Forget the trials of an earlier experiment."""
        self._rung_values = {}

    def decide(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> Decision:
        """Return STOP if the trial is not among the best at its rung. The class describes the rule.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        sign = Direction.parse(direction).sign
        rung = self._highest_rung(trial)
        if rung is None:
            return Decision.CONTINUE
        self._forget_ended(running_trials)
        value = self._value_of_running(trial, rung, sign)
        final_values = sorted_values(
            finalized_trials, ("best", rung, sign), lambda final: _value_at(final, rung, sign)
        )
        running_values = [
            other_value
            for other in running_trials
            if other is not trial
            and (other_value := self._value_of_running(other, rung, sign)) is not None
        ]
        count = len(final_values) + len(running_values) + 1
        if value is None or count < self._factor:
            return Decision.CONTINUE
        # bisect_right counts equal values as not better, so they go on together.
        better = len(final_values) - bisect_right(final_values, value)
        better += sum(other_value > value for other_value in running_values)
        return Decision.STOP if better >= count // self._factor else Decision.CONTINUE

    def explain(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str:
        """Return at which rung the trial was not good enough."""
        rung = self._highest_rung(trial)
        return f"it is not among the best 1/{self._factor} of the trials that reached step {rung}"

    def _forget_ended(self, running_trials: Collection[Trial]) -> None:
        # Rebuilding the dict at twice the size costs a constant time per trial on average.
        if len(self._rung_values) > 2 * len(running_trials):
            self._rung_values = {
                trial.trial_id: self._rung_values[trial.trial_id]
                for trial in running_trials
                if trial.trial_id in self._rung_values
            }

    def _value_of_running(self, trial: Trial, rung: int, sign: int) -> float | None:
        """Return `_value_at`. Compute it once if no report can change it any more."""
        if not trial.step_history or trial.step_history[-1] < rung:
            return None
        values = self._rung_values.get(trial.trial_id)
        # Another trial may get the same id, and a lost trial starts again with a new history.
        if values is None or values.trial is not trial or values.attempts != trial.attempts:
            values = self._rung_values[trial.trial_id] = _RungValues(trial, trial.attempts)
        if (rung, sign) in values.by_rung:
            return values.by_rung[rung, sign]
        value = _value_at(trial, rung, sign)
        # The trial may still replace its last point, but none before.
        is_final = len(trial.step_history) > 1 and trial.step_history[-2] >= rung
        if value is not None and is_final:
            values.by_rung[rung, sign] = value
        return value

    def _highest_rung(self, trial: Trial) -> int | None:
        if not trial.step_history or trial.step_history[-1] < self._min_step:
            return None
        rung = self._min_step
        while rung * self._factor <= trial.step_history[-1]:
            rung *= self._factor
        return rung


def _value_at(trial: Trial, rung: int, sign: int) -> float | None:
    """Return the trial's value at the rung times the sign, or None before the rung."""
    if not trial.step_history or trial.step_history[-1] < rung:
        return None
    # The first step at or above the rung counts, since a trial need not report at the rung itself.
    points = bisect_left(trial.step_history, rung) + 1
    return max(
        (sign * value for value in trial.metric_history[:points] if not math.isnan(value)),
        default=-math.inf,
    )
