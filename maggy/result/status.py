"""The words for how a trial stands, the same in every table, line and caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from maggy.result.rows import TrialRow
from maggy.trial import Trial

__all__ = ["FAILED", "FINISHED", "RUNNING", "STOPPED", "caption", "trial_status"]

FINISHED: Final = "finished"
STOPPED: Final = "stopped early"
FAILED: Final = "failed"
RUNNING: Final = "running"


def trial_status(row: TrialRow) -> str:
    """Return how a trial stands: finished, stopped early, failed or running.

    A trial without a metric has failed, also if a rule had stopped it before.
    """
    if row["status"] == Trial.RUNNING:
        return RUNNING
    if row["metric"] is None:
        return FAILED
    return STOPPED if row["early_stop"] else FINISHED


def caption(rows: Iterable[TrialRow]) -> str:
    """Return how many trials there are of each status.

    Example:
        >>> caption([])
        '0 trials'
    """
    counts = Counter(map(trial_status, rows))
    total = counts.total()
    parts = [
        f"{counts[status]} {status}"
        for status in (FINISHED, STOPPED, FAILED, RUNNING)
        if counts[status]
    ]
    return f"{total} trial{'' if total == 1 else 's'}{': ' if parts else ''}{', '.join(parts)}"
