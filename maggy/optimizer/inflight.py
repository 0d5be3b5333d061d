"""Which of an optimizer's suggestions are still running, and how the others ended. It makes no suggestion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from maggy.trial import Trial

__all__ = ["InFlight"]

Note = TypeVar("Note")


class InFlight(Generic[Note]):
    """The trials that were suggested and have not ended yet, each with a note.

    The driver hands over the trials that end with a metric only. One that failed is known by its absence: it is neither
    among the running trials nor among the final ones.

    Example:
        >>> flight = InFlight()
        >>> flight.add(Trial({"x": 1}), "the note")
        >>> [(note, final) for _, note, final in flight.ended({}, [])]
        [('the note', None)]
    """

    def __init__(self) -> None:
        self._open: list[tuple[Trial, Note]] = []
        self._finals: dict[str, Trial] = {}
        self._read = 0

    def __len__(self) -> int:
        return len(self._open)

    def add(self, trial: Trial, note: Note) -> None:
        """A trial that is about to be suggested. Its id may still get a suffix."""
        self._open.append((trial, note))

    def ended(
        self, trial_store: Mapping[str, Trial], final_store: Sequence[Trial]
    ) -> list[tuple[Trial, Note, Trial | None]]:
        """The trials that ended since the last call, in order of suggestion, each told once.

        Returns:
            Triples of the suggested trial, its note, and the final trial: None if it failed.
        """
        for final in final_store[self._read :]:
            self._finals[final.trial_id] = final
        self._read = len(final_store)
        over = [(trial, note) for trial, note in self._open if trial.trial_id not in trial_store]
        self._open = [(trial, note) for trial, note in self._open if trial.trial_id in trial_store]
        return [(trial, note, self._finals.pop(trial.trial_id, None)) for trial, note in over]
