"""What rules compare a running trial with: how others did up to the same training step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from maggy.core.final_store import FinalStore
from maggy.trial import Trial

__all__ = ["means_at_the_same_step", "ranked"]


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
    known = finalized_trials if isinstance(finalized_trials, FinalStore) else FinalStore(finalized_trials)
    return known.ranked(question, value_of)


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
