"""What rules compare a running trial with: how others did up to the same training step."""

from __future__ import annotations

from collections.abc import Sequence

from maggy.core.final_store import FinalStore
from maggy.trial import Trial

__all__ = ["means_at_the_same_step"]


def means_at_the_same_step(to_check: Trial, finalized_trials: list[Trial]) -> Sequence[float]:
    """The means, up to the running trial's last step, of the ended trials that got that far; empty if none did.

    They are ascending. Of the driver's :class:`~maggy.core.final_store.FinalStore` they are at hand; for any other
    list they are computed anew.
    """
    if not to_check.step_history:
        return ()
    known = finalized_trials if isinstance(finalized_trials, FinalStore) else FinalStore(finalized_trials)
    return known.sorted_means(to_check.step_history[-1])
