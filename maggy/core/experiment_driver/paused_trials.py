"""Keep the trials that have left their worker after a checkpoint and may go on."""

from __future__ import annotations

from collections.abc import Iterable

from maggy.common.direction import Direction
from maggy.core.experiment_driver.instructions import Ended
from maggy.core.messages import Final
from maggy.trial import Trial

__all__ = ["PausedTrials"]


class PausedTrials:
    """The paused trials of an experiment. A part of the trial book, and as pure.

    Args:
        direction: The direction in which the metric improves.
    """

    def __init__(self, direction: str) -> None:
        self._sign = Direction.parse(direction).sign
        self._trials: dict[str, Trial] = {}

    def add(self, trial: Trial) -> None:
        """Add a trial. It keeps its points, to which its metric belongs."""
        trial.status = Trial.PAUSED
        self._trials[trial.trial_id] = trial

    def take(self, suggestion: object) -> Trial | None:
        """Remove and return the paused trial that the policy has suggested, if it is one."""
        if not isinstance(suggestion, Trial) or suggestion.status != Trial.PAUSED:
            return None
        return self._trials.pop(suggestion.trial_id, None)

    def take_best(self) -> Trial | None:
        """Remove the trial with the best last value, and return it; None if there is none."""
        if not self._trials:
            return None
        best = max(self._trials.values(), key=lambda trial: self._sign * _metric(trial))
        return self._trials.pop(best.trial_id)

    def take_all(self) -> Iterable[Ended]:
        """Remove all trials, and return their ends: they end with the metric that they have."""
        trials, self._trials = self._trials, {}
        for trial in trials.values():
            report = Final(0, 0, [], 0, [], _metric(trial), {}, early=True)
            yield Ended(trial.trial_id, report, "", "")


def _metric(trial: Trial) -> float:
    """Return the last value of a trial. It has one, or it could not have been paused."""
    return trial.metric_history[-1]
