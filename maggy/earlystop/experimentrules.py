"""The rules that end an experiment: enough is reached, or nothing gets better."""

from __future__ import annotations

import math

from maggy.common.ended_trials import fold
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.earlystop.abstractexperimentstop import AbstractExperimentStop
from maggy.trial import Trial

__all__ = ["Patience", "Threshold"]


class Patience(AbstractExperimentStop):
    """Ends the experiment when the best metric has not improved in so many trials.

    Trials count when they have ended with a metric, in that order; failed ones do not count. A trial improves the best
    metric if it is better by more than ``min_delta``; an equal one does not.

    Example:
        >>> rule = Patience(2)
        >>> trials = [Trial({"x": x}) for x in range(3)]
        >>> for trial, metric in zip(trials, [0.9, 0.8, 0.9]):
        ...     trial.final_metric = metric
        >>> rule.experiment_check(trials, "max")
        'the best metric has not improved in the last 2 trials'

    Args:
        trials: How many trials without an improvement are too many; at least 1.
        min_delta: By how much a metric must be better to count, in the metric's unit; at least 0.

    Raises:
        BadArgumentsError: An argument breaks its rule.
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
        """The reason to stop if the last ``trials`` trials brought no improvement, else None."""
        sign = 1 if direction == "max" else -1

        def add(before: tuple[float, int], trial: Trial) -> tuple[float, int]:
            best, since = before
            metric = sign * (trial.final_metric if trial.final_metric is not None else math.nan)
            is_first = best == -math.inf and not math.isnan(metric)
            return (metric, 0) if is_first or metric > best + self._min_delta else (best, since + 1)

        _, since = fold(finalized_trials, ("patience", sign, self._min_delta), (-math.inf, 0), add)
        if since < self._trials:
            return None
        return f"the best metric has not improved in the last {self._trials} trials"


class Threshold(AbstractExperimentStop):
    """Ends the experiment when a trial has reached a metric: for ``"max"`` at least it, for ``"min"`` at most.

    The metric with which a trial ends counts, not what it reports on the way.

    Example:
        >>> trial = Trial({"x": 1})
        >>> trial.final_metric = 0.96
        >>> Threshold(0.95).experiment_check([trial], "max")
        'the metric 0.96 has reached 0.95'

    Args:
        metric: The metric to reach.

    Raises:
        BadArgumentsError: It is not a finite number.
    """

    def __init__(self, metric: float) -> None:
        number = as_number(metric)
        if number is None or not math.isfinite(number):
            raise BadArgumentsError(f"metric must be a finite number, but got {metric!r:.80}.")
        self._metric = number

    def experiment_check(self, finalized_trials: list[Trial], direction: str) -> str | None:
        """The reason to stop if one of the trials has reached the metric, else None."""

        def add(before: float | None, trial: Trial) -> float | None:
            metric = trial.final_metric
            if before is not None or metric is None:
                return before
            return (
                metric
                if (metric >= self._metric if direction == "max" else metric <= self._metric)
                else None
            )

        reached = fold(finalized_trials, ("threshold", direction, self._metric), None, add)
        return None if reached is None else f"the metric {reached} has reached {self._metric}"
