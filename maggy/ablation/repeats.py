"""Run every trial of an ablator several times, each time with the seed of its repeat."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias

from maggy.common.seeding import derive_seed
from maggy.trial import Trial

__all__ = ["Repeats"]

Suggestion: TypeAlias = Trial | Literal["IDLE"] | None


class Repeats:
    """Suggest each trial of an ablator once for each repeat.

    All trials of repeat 0 come first, then those of repeat 1, and so on. So a study that is
    interrupted is complete for some repeats. An ablator that waits for results (``"IDLE"``) gets
    those of all repeats of what it has suggested so far.

    Args:
        suggest: Return the ablator's next trial, ``"IDLE"`` or None, given a trial that has ended.
        count: The number of repeats, at least 1.
        seed: The seed from which that of each repeat follows; None to number and seed nothing.
    """

    def __init__(
        self, suggest: Callable[[Trial | None], Suggestion], count: int, seed: int | None
    ) -> None:
        self._suggest = suggest
        self._count = count
        self._seed = seed
        self._first_trials: list[Trial] = []  # Their further repeats are not due yet.
        self._due: deque[Trial] = deque()
        self._unreported: deque[Trial] = deque()  # The ablator has not heard of their ends.

    def next(self, finished: Trial | None) -> Suggestion:
        """Return the next trial, ``"IDLE"`` to be asked again later, or None for no more trials.

        Args:
            finished: A trial that has ended since the last call, or None.
        """
        if finished is not None:
            self._unreported.append(finished)
        if self._due:
            return self._due.popleft()
        suggestion = self._suggest(self._unreported.popleft() if self._unreported else None)
        if isinstance(suggestion, Trial):
            self._first_trials.append(self._mark(suggestion, 0))
            return suggestion
        self._due.extend(self._further(self._first_trials))
        self._first_trials = []
        return self._due.popleft() if self._due else suggestion

    def all_of(self, trial: Trial) -> list[Trial]:
        """Return a trial that the ablator does not suggest any more, and its further repeats."""
        return [self._mark(trial, 0), *self._further([trial])]

    def _further(self, trials: list[Trial]) -> list[Trial]:
        return [self._repeat(trial, repeat) for repeat in range(1, self._count) for trial in trials]

    def _repeat(self, trial: Trial, repeat: int) -> Trial:
        copy = Trial(dict(trial.params), trial.trial_type, dict(trial.info_dict))
        copy.trial_id = f"{trial.trial_id}_{repeat + 1}"
        return self._mark(copy, repeat)

    def _mark(self, trial: Trial, repeat: int) -> Trial:
        if self._seed is not None:
            trial.repeat, trial.seed = repeat, derive_seed(self._seed, repeat)
        return trial
