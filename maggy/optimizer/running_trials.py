"""Keep track of an optimizer's running trials and of how they ended. It makes no suggestion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from maggy.trial import Trial

__all__ = ["EndedTrial", "RunningTrials"]

Note = TypeVar("Note")


@dataclass(frozen=True)
class EndedTrial(Generic[Note]):
    """A trial that is no longer running.

    Attributes:
        suggestion: The trial as the optimizer suggested it.
        note: The optimizer's note about it.
        final: The trial with its metric, or None if it failed. It may be another object than
            ``suggestion``, as for a trial that was read from its record.
    """

    suggestion: Trial
    note: Note
    final: Trial | None


class RunningTrials(Generic[Note]):
    """Hold the trials that were suggested and have not ended yet, with a note about each.

    The driver passes an optimizer only the trials that ended with a metric. A failed trial is
    recognized by its absence: it is neither among the running trials nor among the final ones.

    Example:
        >>> running = RunningTrials()
        >>> running.add(Trial({"x": 1}), "the note")
        >>> [(end.note, end.final) for end in running.take_ended({}, [])]
        [('the note', None)]
    """

    def __init__(self) -> None:
        self._running: list[tuple[Trial, Note]] = []
        self._finals: dict[str, Trial] = {}
        self._num_finals = 0

    def __len__(self) -> int:
        return len(self._running)

    def add(self, trial: Trial, note: Note) -> None:
        """Add a trial that is about to be suggested."""
        # The trial itself is kept, not its id: the driver may still add a suffix to the id.
        self._running.append((trial, note))

    def take_ended(
        self, trial_store: Mapping[str, Trial], final_store: Sequence[Trial]
    ) -> list[EndedTrial[Note]]:
        """Return the trials that ended since the last call, in order of suggestion.

        Args:
            trial_store: The running trials by id.
            final_store: The trials that ended with a metric. It only grows between two calls.
        """
        # Only the new part is read, so that a call costs the same however long the experiment is.
        for final in final_store[self._num_finals :]:
            self._finals[final.trial_id] = final
        self._num_finals = len(final_store)
        ends = [
            EndedTrial(trial, note, self._finals.pop(trial.trial_id, None))
            for trial, note in self._running
            if trial.trial_id not in trial_store
        ]
        self._running = [
            (trial, note) for trial, note in self._running if trial.trial_id in trial_store
        ]
        return ends
