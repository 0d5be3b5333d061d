"""The trials that ended with a metric, and what stop rules ask about them, kept ready."""

from __future__ import annotations

from array import array
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from maggy.trial import Trial

__all__ = ["FinalStore"]

Summary = TypeVar("Summary")

MOST_VALUES = 10_000_000
"""So many numbers, of 8 bytes each, are kept over all questions."""


class FinalStore(list[Trial]):
    """A list to which ended trials are appended, and which is not changed otherwise.

    For each question that it was asked it keeps the trials' values in order, and the next time adds only those of the
    trials that ended since. So the time of an answer does not grow with the number of trials, as long as the same
    questions are asked.

    Example:
        >>> store = FinalStore()
        >>> for value in (0.5, 0.1):
        ...     store.append(Trial({"x": value}))
        >>> list(store.ranked("x", lambda trial: trial.params["x"]))
        [0.1, 0.5]
    """

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        super().__init__(trials)
        # By question, the last one at the end: the values, and how many trials have been looked at for them.
        self._values: OrderedDict[Hashable, tuple[array[float], int]] = OrderedDict()
        self._summaries: dict[Hashable, tuple[Any, int]] = {}

    def ranked(self, question: Hashable, value_of: Callable[[Trial], float | None]) -> Sequence[float]:
        """The trials' values, ascending. What is returned must not be changed.

        Args:
            question: Names what is asked, so that it is known again.
            value_of: The value of an ended trial, never NaN, and always the same; None to leave the trial out.
        """
        values, looked_at = self._values.pop(question, (None, 0))
        new = [value for trial in self[looked_at:] if (value := value_of(trial)) is not None]
        if values is None:
            values = array("d", sorted(new))
            self._make_room()
        else:
            for value in new:
                insort(values, value)
        self._values[question] = values, len(self)
        return values

    def summary(self, question: Hashable, start: Summary, add: Callable[[Summary, Trial], Summary]) -> Summary:
        """What comes out when the trials are added to a summary one after the other, in the order of their ending.

        Args:
            question: Names what is asked, so that it is known again.
            start: The summary of no trial.
            add: The summary of some trials and the next one, always the same.
        """
        known: Summary
        known, looked_at = self._summaries.get(question, (start, 0))
        for trial in self[looked_at:]:
            known = add(known, trial)
        self._summaries[question] = known, len(self)
        return known

    def _make_room(self) -> None:
        while self._values and (len(self._values) + 1) * len(self) > MOST_VALUES:
            self._values.popitem(last=False)
