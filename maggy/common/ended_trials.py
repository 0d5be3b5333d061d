"""The trials that ended with a metric. Answers to the questions of stop rules are kept, so they stay fast."""

from __future__ import annotations

from array import array
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

__all__ = ["EndedTrials", "TrialHistory", "fold", "means_at_same_step", "sorted_values"]

MAX_VALUES = 10_000_000
"""Maximum number of kept values, of 8 bytes each, over all keys."""


class TrialHistory(Protocol):
    """The part of a trial that is compared here."""

    @property
    def step_history(self) -> Sequence[int | float]:
        """The steps at which it reported, in ascending order."""

    def mean_until(self, step: int | float) -> float | None:
        """Return the mean of the values up to this step; None if there are none."""


T = TypeVar("T")
Summary = TypeVar("Summary")


class EndedTrials(list[T]):
    """A list to which ended trials are appended, and which is not changed otherwise.

    For each key it keeps the trials' values in order, and adds only those of new trials the next time. So the time of
    an answer does not grow with the number of trials, as long as the keys repeat.

    Example:
        >>> trials = EndedTrials([0.5, 0.1])
        >>> list(trials.sorted_values("itself", lambda trial: trial))
        [0.1, 0.5]
    """

    def __init__(self, trials: Iterable[T] = ()) -> None:
        super().__init__(trials)
        # Both map a key to the result and to the number of trials that it covers. The last key used is at the end.
        self._values: OrderedDict[Hashable, tuple[array[float], int]] = OrderedDict()
        self._summaries: dict[Hashable, tuple[Any, int]] = {}

    def sorted_values(
        self, key: Hashable, value_of: Callable[[T], float | None]
    ) -> Sequence[float]:
        """Return the trials' values in ascending order. The caller must not change them.

        Args:
            key: Names the values.
            value_of: Return the value of an ended trial, which never changes and is never NaN; None to leave the
                trial out.
        """
        values, covered = self._values.pop(key, (None, 0))
        new = [value for trial in self[covered:] if (value := value_of(trial)) is not None]
        if values is None:
            values = array("d", sorted(new))
            self._make_room()
        else:
            for value in new:
                insort(values, value)
        self._values[key] = values, len(self)
        return values

    def fold(self, key: Hashable, start: Summary, add: Callable[[Summary, T], Summary]) -> Summary:
        """Fold the ended trials in the order in which they ended. Process only new ones.

        Args:
            key: Names the summary.
            start: The summary of no trials.
            add: Return the summary of some trials and one more. It must always return the same for the same trials.
        """
        summary: Summary
        summary, covered = self._summaries.get(key, (start, 0))
        for trial in self[covered:]:
            summary = add(summary, trial)
        self._summaries[key] = summary, len(self)
        return summary

    def _make_room(self) -> None:
        while self._values and (len(self._values) + 1) * len(self) > MAX_VALUES:
            self._values.popitem(last=False)


def sorted_values(
    trials: list[T], key: Hashable, value_of: Callable[[T], float | None]
) -> Sequence[float]:
    """Return :meth:`EndedTrials.sorted_values`. Values of any other list are computed anew."""
    return _ended(trials).sorted_values(key, value_of)


def fold(
    trials: list[T], key: Hashable, start: Summary, add: Callable[[Summary, T], Summary]
) -> Summary:
    """Return :meth:`EndedTrials.fold`. The summary of any other list is computed anew."""
    return _ended(trials).fold(key, start, add)


def means_at_same_step(running: TrialHistory, ended: list[Any]) -> Sequence[float]:
    """Return, in ascending order, the ended trials' means up to the last step of the running trial.

    Ended trials that did not reach this step are left out.

    Args:
        running: A trial that has reported.
        ended: The trials that ended with a metric.
    """
    if not running.step_history:
        return ()
    step = running.step_history[-1]

    def mean(trial: TrialHistory) -> float | None:
        return (
            trial.mean_until(step)
            if trial.step_history and trial.step_history[-1] >= step
            else None
        )

    return sorted_values(ended, ("mean", step), mean)


def _ended(trials: list[T]) -> EndedTrials[T]:
    return trials if isinstance(trials, EndedTrials) else EndedTrials(trials)
