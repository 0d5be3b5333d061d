"""What rules ask about the ended trials, so that the answer takes no longer the more of them there are."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from maggy.core.final_store import FinalStore
from maggy.trial import Trial

__all__ = ["means_at_the_same_step", "ranked", "summary"]

Summary = TypeVar("Summary")


def ranked(
    finalized_trials: list[Trial], question: Hashable, value_of: Callable[[Trial], float | None]
) -> Sequence[float]:
    """The ended trials' values, ascending, without those for which there is none.

    Of the driver's :class:`~maggy.core.final_store.FinalStore` they are at hand; for any other list they are computed
    anew.

    Args:
        finalized_trials: The trials that ended with a metric.
        question: Names what is asked.
        value_of: The value of a trial, or None.
    """
    return _store(finalized_trials).ranked(question, value_of)


def summary(
    finalized_trials: list[Trial], question: Hashable, start: Summary, add: Callable[[Summary, Trial], Summary]
) -> Summary:
    """What comes out when the ended trials are added one after the other; at hand as with ``ranked``.

    Args:
        finalized_trials: The trials that ended with a metric, in the order in which they ended.
        question: Names what is asked.
        start: The summary of no trial.
        add: The summary of some trials and the next one.
    """
    return _store(finalized_trials).summary(question, start, add)


def _store(trials: list[Trial]) -> FinalStore:
    return trials if isinstance(trials, FinalStore) else FinalStore(trials)


def means_at_the_same_step(to_check: Trial, finalized_trials: list[Trial]) -> Sequence[float]:
    """The means, up to the running trial's last step, of the ended trials that got that far; empty if none did.

    They are ascending.
    """
    if not to_check.step_history:
        return ()
    step = to_check.step_history[-1]

    def mean(trial: Trial) -> float | None:
        return trial.mean_until(step) if trial.step_history and trial.step_history[-1] >= step else None

    return ranked(finalized_trials, ("mean", step), mean)
