"""The trials that ended with a metric, and how they did up to a given step, kept ready for early stopping rules."""

from __future__ import annotations

from array import array
from bisect import insort
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from maggy.trial import Trial

__all__ = ["FinalStore"]

MOST_MEANS = 10_000_000
"""So many numbers, of 8 bytes each, are kept over all steps."""


class FinalStore(list[Trial]):
    """A list to which ended trials are appended, and which is not changed otherwise.

    For each step that it was asked about it keeps the trials' means up to there in order, and the next time adds only
    those of the trials that ended since. So the time of an answer grows neither with the histories nor, as long as
    trials are compared at the same steps, with the number of trials.

    Example:
        >>> store = FinalStore()
        >>> for value in (0.5, 0.1):
        ...     store.append(Trial({"x": value}))
        ...     _ = store[-1].append_metric({"step": 1, "value": value})
        >>> list(store.sorted_means(1))
        [0.1, 0.5]
    """

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        super().__init__(trials)
        # By step, the one asked about last at the end: the means, and how many trials have been looked at for them.
        self._means: OrderedDict[float, tuple[array[float], int]] = OrderedDict()

    def sorted_means(self, step: float) -> Sequence[float]:
        """The means up to a step, ascending, of the trials that went at least that far.

        The mean is that of the finite values; a trial without one is left out. What is returned must not be changed.
        """
        means, looked_at = self._means.pop(step, (None, 0))
        if means is None:
            means = array("d", sorted(_means_at(self, step)))
            self._make_room()
        else:
            for mean in _means_at(self[looked_at:], step):
                insort(means, mean)
        self._means[step] = means, len(self)
        return means

    def _make_room(self) -> None:
        while self._means and (len(self._means) + 1) * len(self) > MOST_MEANS:
            self._means.popitem(last=False)


def _means_at(trials: Iterable[Trial], step: float) -> Iterator[float]:
    for trial in trials:
        if trial.step_history and trial.step_history[-1] >= step and (mean := trial.mean_until(step)) is not None:
            yield mean
