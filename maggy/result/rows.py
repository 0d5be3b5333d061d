"""One row for each ended trial of an experiment: plain values that tables, plots and files show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypedDict

from maggy.common.direction import Direction
from maggy.common.json_values import to_plain
from maggy.common.types import Json, Params
from maggy.trial import Trial

__all__ = ["TrialRow", "make_row", "parameter_names", "sort_rows"]


class TrialRow(TypedDict):
    """What an ended trial was and did, as plain JSON values.

    ``metric`` is None for a failed trial. ``duration`` is in milliseconds, ``start`` in seconds
    since the epoch. ``steps`` and ``history`` have the same length.
    """

    trial_id: str
    status: str
    params: Params
    metric: float | None
    early_stop: bool
    duration: int | None
    start: float | None
    attempts: int
    steps: list[float]
    history: list[float | None]
    outputs: dict[str, Json] | None
    error: str | None


def make_row(trial: Trial, optimization_key: str) -> TrialRow:
    """Return the row of an ended trial.

    Args:
        trial: A trial that is FINALIZED or ERROR.
        optimization_key: The name of the metric. If the trial returned a bare number, this is its
            key in ``outputs``.
    """
    metric = trial.final_metric
    if trial.status != Trial.FINALIZED or metric is None or not math.isfinite(metric):
        metric = None
    outputs = trial.outputs
    # A bare number has the same form as a returned dict, so that readers need one rule only.
    if outputs is None and metric is not None:
        outputs = {optimization_key: metric}
    return {
        "trial_id": trial.trial_id,
        "status": trial.status,
        "params": to_plain(trial.params),
        "metric": metric,
        "early_stop": bool(trial.early_stop),
        "duration": trial.duration,
        "start": trial.start,
        "attempts": trial.attempts,
        "steps": list(trial.step_history),
        "history": [to_plain(value) for value in trial.metric_history],
        "outputs": None if outputs is None else to_plain(outputs),
        "error": trial.error,
    }


def sort_rows(rows: Iterable[TrialRow], direction: Direction) -> list[TrialRow]:
    """Return the rows with the best metric first and failed trials last, equal ones in order."""
    # The first part of the key sends failed trials to the end, so their number does not matter.
    return sorted(
        rows, key=lambda row: (row["metric"] is None, -direction.sign * (row["metric"] or 0))
    )


def parameter_names(rows: Sequence[TrialRow]) -> list[str]:
    """Return the names of all parameters, in the order of their first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row["params"]))
