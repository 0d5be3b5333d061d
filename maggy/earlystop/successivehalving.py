"""Successive halving that stops running trials, where ASHA runs them again."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field

from maggy.common.ended_trials import sorted_values
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.trial import Trial

__all__ = ["SuccessiveHalvingRule"]


@dataclass
class _Kept:
    """What is known of a running trial's attempt: its values at rungs that it has passed."""

    trial: Trial
    attempts: int
    values: dict[tuple[int, int], float] = field(default_factory=dict)


class SuccessiveHalvingRule(AbstractEarlyStop):
    """Lets a trial go on past a rung only while it is among the best of those that have reached it.

    The rungs are the steps ``min_step``, ``reduction_factor`` times that, and so on. A trial has reached a rung when it
    has reported a step at or above it; its value there is the best that it had reported by then. At its highest rung a
    trial is compared with all trials, running and final, that have reached it: it is stopped when it is not among the
    best ``1 / reduction_factor`` of them. So a trial that was good enough when it came to the rung is stopped later if
    enough better ones come by. A rung that fewer than ``reduction_factor`` trials have reached stops nobody, equal
    values count as equally good, and a trial with nothing but NaN is worse than any other.

    It does not wait for ``es_min`` trials to be final. In contrast to ``Asha`` it needs no budget: each trial is run
    once, and trained as long as it is worth it.

    Example:
        >>> rule = SuccessiveHalvingRule(min_step=1, reduction_factor=2)
        >>> good, bad = Trial({"x": 1}), Trial({"x": 2})
        >>> good.append_metric({"step": 1, "value": 0.9}), bad.append_metric({"step": 1, "value": 0.2})
        (1, 1)
        >>> rule.check_running(bad, [], [good, bad], "max") == bad.trial_id
        True
        >>> rule.check_running(good, [], [good, bad], "max") is None
        True

    Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020.

    Args:
        min_step: The lowest rung, as a training step; at least 1.
        reduction_factor: Of the trials at a rung one in so many goes on; at least 2.

    Raises:
        BadArgumentsError: An argument breaks its rule.
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
        self._kept: dict[str, _Kept] = {}  # by trial id

    def earlystop_check(  # type: ignore[override]
        self, to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """The rule with no other trial running."""
        return self.check_running(to_check, finalized_trials, [to_check], direction)

    def check_running(
        self,
        to_check: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str | None:
        """The id of ``to_check`` if it is not among the best at its rung, else None; see the class for the rule."""
        rung = self._rung(to_check)
        if rung is None:
            return None
        if len(self._kept) > 2 * len(running_trials):
            self._kept = {
                t.trial_id: self._kept[t.trial_id]
                for t in running_trials
                if t.trial_id in self._kept
            }
        sign = 1 if direction == "max" else -1
        mine = self._value_of_running(to_check, rung, sign)
        ended = sorted_values(
            finalized_trials, ("best", rung, sign), lambda trial: _value_at(trial, rung, sign)
        )
        others = (trial for trial in running_trials if trial is not to_check)
        running = [
            value
            for trial in others
            if (value := self._value_of_running(trial, rung, sign)) is not None
        ]
        reached = len(ended) + len(running) + 1
        if mine is None or reached < self._factor:
            return None
        better = len(ended) - bisect_right(ended, mine) + sum(value > mine for value in running)
        return to_check.trial_id if better >= reached // self._factor else None

    def _value_of_running(self, trial: Trial, rung: int, sign: int) -> float | None:
        """As ``_value_at``; kept once no report can change it, so that long histories are gone through once."""
        if not trial.step_history or trial.step_history[-1] < rung:
            return None
        kept = self._kept.get(trial.trial_id)
        if kept is None or kept.trial is not trial or kept.attempts != trial.attempts:
            kept = self._kept[trial.trial_id] = _Kept(trial, trial.attempts)
        if (rung, sign) in kept.values:
            return kept.values[rung, sign]
        value = _value_at(trial, rung, sign)
        if value is not None and len(trial.step_history) > 1 and trial.step_history[-2] >= rung:
            kept.values[rung, sign] = value  # only the last point may still be replaced
        return value

    def _rung(self, trial: Trial) -> int | None:
        """The highest rung that the trial has reached."""
        if not trial.step_history or trial.step_history[-1] < self._min_step:
            return None
        rung = self._min_step
        while rung * self._factor <= trial.step_history[-1]:
            rung *= self._factor
        return rung


def _value_at(trial: Trial, rung: int, sign: int) -> float | None:
    """The best value, higher is better, of the points up to the first at or above the rung; None before the rung."""
    if not trial.step_history or trial.step_history[-1] < rung:
        return None
    points = bisect_left(trial.step_history, rung) + 1
    return max(
        (sign * value for value in trial.metric_history[:points] if value == value),
        default=-math.inf,
    )
