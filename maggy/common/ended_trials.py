"""Keep what stop rules ask about the ended trials, so that the answers stay fast as trials grow."""

from __future__ import annotations

from array import array
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

__all__ = ["EndedTrials", "TrialHistory", "fold", "means_at_same_step", "sorted_values"]

MAX_VALUES = 10_000_000
"""Maximum number of stored values, of 8 bytes each, over all keys."""


class TrialHistory(Protocol):
    """The part of a trial that stop rules compare."""

    @property
    def step_history(self) -> Sequence[int | float]:
        """The steps at which the trial has reported, in ascending order."""

    def mean_until(self, step: int | float) -> float | None:
        """Return the mean of the values up to this step; None if there are none."""


T = TypeVar("T")
H = TypeVar("H", bound=TrialHistory)
Summary = TypeVar("Summary")


class EndedTrials(list[T]):
    """A list of ended trials. Append trials to it, and change nothing else.

    For each key it stores the trials' values in order, and adds only those of new trials the next
    time. So the time of an answer does not grow with the number of trials, as long as keys repeat.

    Example:
        >>> trials = EndedTrials([0.5, 0.1])
        >>> list(trials.sorted_values("itself", lambda trial: trial))
        [0.1, 0.5]
    """

    def __init__(self, trials: Iterable[T] = ()) -> None:
        super().__init__(trials)
        # Both map a key to a result and to the number of trials that it covers. The key that was
        # used last is at the end, so the first key is the one to forget.
        self._values: OrderedDict[Hashable, tuple[array[float], int]] = OrderedDict()
        # A summary may be of any type, which is the same for all uses of a key.
        self._summaries: dict[Hashable, tuple[Any, int]] = {}

    def sorted_values(
        self, key: Hashable, value_of: Callable[[T], float | None]
    ) -> Sequence[float]:
        """Return the trials' values in ascending order. The caller must not change them.

        Args:
            key: The name of the values. Use another key for another ``value_of``.
            value_of: Return the value of an ended trial, which never changes and is never NaN; None
                to leave the trial out.
        """
        values, count = self._values.pop(key, (None, 0))
        new_values = [value for trial in self[count:] if (value := value_of(trial)) is not None]
        if values is None:
            # Sorting once is faster than inserting every value.
            values = array("d", sorted(new_values))
            self._make_room()
        else:
            for value in new_values:
                insort(values, value)
        self._values[key] = values, len(self)
        return values

    def fold(self, key: Hashable, start: Summary, add: Callable[[Summary, T], Summary]) -> Summary:
        """Fold the ended trials in the order in which they ended. Process only new ones.

        Args:
            key: The name of the summary. Use another key for another ``start`` or ``add``.
            start: The summary of no trials.
            add: Return the summary of some trials and one more. It must always return the same for
                the same trials.
        """
        summary: Summary
        summary, count = self._summaries.get(key, (start, 0))
        for trial in self[count:]:
            summary = add(summary, trial)
        self._summaries[key] = summary, len(self)
        return summary

    def _make_room(self) -> None:
        while self._values and (len(self._values) + 1) * len(self) > MAX_VALUES:
            self._values.popitem(last=False)


def sorted_values(
    trials: list[T], key: Hashable, value_of: Callable[[T], float | None]
) -> Sequence[float]:
    """Return :meth:`EndedTrials.sorted_values`. For any other list compute all values again."""
    return _ended(trials).sorted_values(key, value_of)


def fold(
    trials: list[T], key: Hashable, start: Summary, add: Callable[[Summary, T], Summary]
) -> Summary:
    """Return :meth:`EndedTrials.fold`. For any other list compute the whole summary again."""
    return _ended(trials).fold(key, start, add)


def means_at_same_step(running: TrialHistory, ended_trials: list[H]) -> Sequence[float]:
    """Return the ended trials' means up to the last step of a running trial, in ascending order.

    Ended trials that did not reach this step are left out.

    Args:
        running: A trial that runs. If it has not reported, there are no means.
        ended_trials: The trials that ended with a metric.
    """
    if not running.step_history:
        return ()
    step = running.step_history[-1]

    def mean(trial: TrialHistory) -> float | None:
        steps = trial.step_history
        return trial.mean_until(step) if steps and steps[-1] >= step else None

    return sorted_values(ended_trials, ("mean", step), mean)


def _ended(trials: list[T]) -> EndedTrials[T]:
    return trials if isinstance(trials, EndedTrials) else EndedTrials(trials)
