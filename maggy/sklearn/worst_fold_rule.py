"""The rule that stops a configuration that does badly on the first folds."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import ClassVar, NamedTuple

import numpy as np

from maggy.common.direction import Direction
from maggy.common.ended_trials import fold
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.decision import Decision
from maggy.earlystop.explanations import compare
from maggy.result.trial_lines import name_of
from maggy.sklearn.cross_validation import SCORES
from maggy.trial import Trial

__all__ = ["WorstFoldRule"]

_ROUNDING = 1e-9
"""A smaller difference between a mean and a score comes from rounding: as a share of the largest of
the trial's means, which may themselves be near 0."""


class _Best(NamedTuple):
    """The best trial so far that has run on all folds."""

    metric: float
    worst_score: float
    name: str


class WorstFoldRule(AbstractEarlyStop):
    """Stop a trial whose mean so far is worse than the worst fold of the best trial.

    The best trial is the one with the best mean of those that have run on all folds. The rule needs
    one such trial, and waits for no others. It is the default of :func:`maggy.sklearn.search`, with
    which it is to be used: it reads the scores of the folds, which that function records.

    A configuration that would be the best one is stopped only if the mean of its first folds is
    worse than every fold of the best one so far. So it is rarely lost. Where a fold is hard for
    every configuration, that fold is the limit, and fewer of them are stopped.

    Bergman, Purucker and Hutter, "Don't Waste Your Time: Early Stopping Cross-Validation", AutoML
    2024, where it is called forgiving.
    """

    waits_for_finals: ClassVar[bool] = False

    def decide(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> Decision:
        """Return STOP if the mean is worse than the worst fold of the best trial.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        sense = Direction.parse(direction)
        best = _best_of(finalized_trials, sense)
        if best is None or not trial.metric_history:
            return Decision.CONTINUE
        mean, limit = trial.metric_history[-1], best.worst_score
        if math.isnan(mean):  # worse than any score
            return Decision.STOP
        # The mean of 35/36, 33/36 and 34/36 is 34/36, but its float is smaller.
        tolerance = _ROUNDING * max(map(abs, trial.metric_history))
        is_equal = math.isclose(mean, limit, rel_tol=_ROUNDING, abs_tol=tolerance)
        is_worse = sense.is_better(limit, than=mean) and not is_equal
        return Decision.STOP if is_worse else Decision.CONTINUE

    def explain(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str:
        """Return the two values that were compared."""
        sense = Direction.parse(direction)
        best, mean = _best_of(finalized_trials, sense), trial.metric_history[-1]
        if best is None:
            return "no trial has run on all folds"

        def describe(limit: str) -> str:
            return f"{limit}, the worst fold of {best.name}, the best so far"

        if math.isnan(mean):
            return f"the mean is NaN, which is worse than {describe(f'{best.worst_score:.4g}')}"
        return compare(mean, sense, best.worst_score, describe)


def _best_of(finalized_trials: list[Trial], sense: Direction) -> _Best | None:
    def add(best: _Best | None, trial: Trial) -> _Best | None:
        # Only a trial that has run on all folds returns them.
        scores = (trial.outputs or {}).get(SCORES)
        metric = trial.final_metric
        if not scores or metric is None:
            return best
        if best is not None and not sense.is_better(metric, than=best.metric):
            return best
        values = np.array(scores, dtype=np.float64)
        worst = values.min() if sense is Direction.MAX else values.max()
        return _Best(metric, float(worst), name_of(trial))

    return fold(finalized_trials, ("worst fold", sense), None, add)
