"""The numbers by which people speak of the trials of an experiment: 1, 2, 3 and so on."""

from __future__ import annotations

import math
from collections.abc import Iterable

from maggy.trial import Trial

__all__ = ["TrialNumbers"]


class TrialNumbers:
    """Number the trials in the order of suggestion. Recorded trials keep their numbers.

    Example:
        >>> numbers = TrialNumbers([])
        >>> trial = Trial({"x": 1})
        >>> numbers.assign(trial)
        >>> trial.number
        1

    Args:
        earlier: The trials of a resumed experiment. Those without a number, which an older release
            has recorded, get one in the order in which they started.
    """

    def __init__(self, earlier: Iterable[Trial]) -> None:
        trials = list(earlier)
        self._next = 1
        self._taken = {trial.number for trial in trials if trial.number is not None}
        # A trial without a start has never run, and comes last.
        for trial in sorted(
            trials, key=lambda trial: math.inf if trial.start is None else trial.start
        ):
            if trial.number is None:
                self.assign(trial)

    def assign(self, trial: Trial) -> None:
        """Give a trial the smallest number that no other one has."""
        while self._next in self._taken:
            self._next += 1
        trial.number = self._next
        self._next += 1
