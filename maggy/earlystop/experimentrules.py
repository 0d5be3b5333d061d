"""The rules that end an experiment: the metric is good enough, or does not improve any more."""

from __future__ import annotations

import math

from maggy.common.direction import Direction
from maggy.common.ended_trials import fold
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.earlystop.abstractexperimentstop import AbstractExperimentStop
from maggy.trial import Trial

__all__ = ["Patience", "Threshold"]


class Patience(AbstractExperimentStop):
    """End the experiment when the best metric has not improved in the last ``trials`` trials.

    Trials count when they have ended with a metric, in the order in which they ended. Failed trials
    do not count. A trial improves the best metric if it is better by more than ``min_delta``, so an
    equal metric is no improvement.

    Example:
        >>> rule = Patience(2)
        >>> trials = [Trial({"x": x}) for x in range(3)]
        >>> for trial, metric in zip(trials, [0.9, 0.8, 0.9]):
        ...     trial.final_metric = metric
        >>> rule.experiment_check(trials, "max")
        'the best metric has not improved in the last 2 trials'

    Args:
        trials: The number of trials without an improvement after which the experiment ends; at
            least 1.
        min_delta: The difference that an improvement must exceed, in the unit of the metric; at
            least 0.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """

    def __init__(self, trials: int, min_delta: float = 0.0) -> None:
        number, delta = as_number(trials), as_number(min_delta)
        if not isinstance(number, int) or number < 1:
            raise BadArgumentsError(
                f"trials must be a whole number of at least 1, but got {trials!r:.80}."
            )
        if delta is None or not math.isfinite(delta) or delta < 0:
            raise BadArgumentsError(
                f"min_delta must be a number of at least 0, but got {min_delta!r:.80}."
            )
        self._trials = number
        self._min_delta = delta

    def experiment_check(self, finalized_trials: list[Trial], direction: str) -> str | None:
        """Return a reason if the last ``trials`` trials brought no improvement, else None.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        sign = Direction.parse(direction).sign

        def add(summary: tuple[float, int], trial: Trial) -> tuple[float, int]:
            best, streak = summary
            metric = sign * (trial.final_metric if trial.final_metric is not None else math.nan)
            # The first metric may be -inf, which is not better than the start value.
            is_first = best == -math.inf and not math.isnan(metric)
            if is_first or metric > best + self._min_delta:
                return metric, 0
            return best, streak + 1

        # The key holds everything on which a summary depends.
        key = ("patience", sign, self._min_delta)
        _, streak = fold(finalized_trials, key, (-math.inf, 0), add)
        if streak < self._trials:
            return None
        return f"the best metric has not improved in the last {self._trials} trials"


class Threshold(AbstractExperimentStop):
    """End the experiment when a trial has reached a metric.

    For ``"max"`` a trial reaches it with a metric of at least this value, for ``"min"`` of at most
    this value. Only the metric with which a trial ends counts, not what it reports before.

    Example:
        >>> trial = Trial({"x": 1})
        >>> trial.final_metric = 0.96
        >>> Threshold(0.95).experiment_check([trial], "max")
        'the metric 0.96 has reached 0.95'

    Args:
        metric: The metric to reach; a finite number.

    Raises:
        BadArgumentsError: If the metric is not a finite number.
    """

    def __init__(self, metric: float) -> None:
        number = as_number(metric)
        if number is None or not math.isfinite(number):
            raise BadArgumentsError(f"metric must be a finite number, but got {metric!r:.80}.")
        self._metric = number

    def experiment_check(self, finalized_trials: list[Trial], direction: str) -> str | None:
        """Return a reason if one of the trials has reached the metric, else None.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        sign = Direction.parse(direction).sign

        def add(first: float | None, trial: Trial) -> float | None:
            metric = trial.final_metric
            if first is not None or metric is None:
                return first
            return metric if sign * metric >= sign * self._metric else None

        metric = fold(finalized_trials, ("threshold", sign, self._metric), None, add)
        return None if metric is None else f"the metric {metric} has reached {self._metric}"
