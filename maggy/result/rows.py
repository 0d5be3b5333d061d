"""One row for each trial of an experiment: plain values for tables, plots, files and listeners."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from maggy.common.direction import Direction
from maggy.common.json_values import to_plain
from maggy.common.types import Json, Params
from maggy.trial import Trial

__all__ = [
    "ModelFacts",
    "TrialRow",
    "copy_row",
    "make_row",
    "parameter_names",
    "repeat_of",
    "sort_rows",
]

_REPEATED_ID = re.compile(r".+_(\d+)")


class ModelFacts(TypedDict):
    """What a trial of an ablation has trained.

    ``parameters`` is None if the model does not know it before it has seen data. ``layers`` are
    those that were left out or replaced, and ``restarts`` those whose weights no longer fitted.
    """

    parameters: int | None
    layers: list[str]
    restarts: list[str]


class _OptionalFields(TypedDict, total=False):
    repeat: int
    seed: int
    stop_reason: str
    worker: int
    parent: str
    member: int
    model: ModelFacts


class TrialRow(_OptionalFields):
    """What a trial was and did, as plain JSON values.

    ``number`` counts the trials of an experiment from 1, in the order of suggestion; it is None in
    the records of an older release. ``metric`` is None for a failed trial, and for one that
    still runs. ``duration`` is in milliseconds, ``start`` in seconds since the epoch. ``steps`` and
    ``history`` have the same length.

    ``stop_reason`` says why a rule stopped a trial early. ``worker`` is the number of the worker
    that ran the trial last, from 0. A trial that never ran has none, and neither has one from the
    records of an older release. ``parent`` is the id of the trial whose training the trial
    continues, as after a promotion. ``member`` is the number of the member of a population that
    trains, from 0. If the parent is a turn of another member, the trial has copied that one. Only
    the trials of an ablation with repeats or a seed have ``repeat``, counted from 0, and ``seed``,
    and only those of an ablation whose training function has called ``model_function`` have
    ``model``.
    """

    trial_id: str
    number: int | None
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
    """Return the row of a trial: a snapshot that shares nothing with it.

    Args:
        trial: A trial of any status. The row of one that runs has the points so far. Call this on
            the thread that owns the trial, or after the end of the trial.
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
    row: TrialRow = {
        "trial_id": trial.trial_id,
        "number": trial.number,
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
    if trial.repeat is not None:
        row["repeat"] = trial.repeat
    if trial.seed is not None:
        row["seed"] = trial.seed
    if trial.early_stop and trial.stop_reason is not None:
        row["stop_reason"] = trial.stop_reason
    if trial.worker is not None:
        row["worker"] = trial.worker
    if trial.parent is not None:
        row["parent"] = trial.parent
    if trial.member is not None:
        row["member"] = trial.member
    if trial.model is not None:
        row["model"] = _model_facts(trial.model)
    return row


def _model_facts(record: Mapping[str, object]) -> ModelFacts:
    """Return the facts of a record, in which anything may stand."""
    parameters = record.get("parameters")
    return {
        "parameters": parameters if isinstance(parameters, int) else None,
        "layers": _texts(record.get("layers")),
        "restarts": _texts(record.get("restarts")),
    }


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []


def copy_row(row: TrialRow) -> TrialRow:
    """Return a row with the same content, which shares nothing with the first one."""
    copy = row.copy()
    copy["params"] = to_plain(row["params"])
    copy["steps"], copy["history"] = list(row["steps"]), list(row["history"])
    outputs = row["outputs"]
    copy["outputs"] = None if outputs is None else to_plain(outputs)
    return copy


def repeat_of(row: TrialRow) -> int:
    """Return the number of the repeat to which a trial of an ablation belongs, from 0.

    A user's own ablator may suggest equal trials itself. Their ids have the suffixes ``_2``, ``_3``
    and so on, and they count as repeats in this order.
    """
    suffix = _REPEATED_ID.fullmatch(row["trial_id"])
    return row.get("repeat", int(suffix[1]) - 1 if suffix else 0)


def sort_rows(rows: Iterable[TrialRow], direction: Direction) -> list[TrialRow]:
    """Return the rows with the best metric first and failed trials last, equal ones in order."""
    # The first part of the key sends failed trials to the end, so their number does not matter.
    return sorted(
        rows, key=lambda row: (row["metric"] is None, -direction.sign * (row["metric"] or 0))
    )


def parameter_names(rows: Sequence[TrialRow]) -> list[str]:
    """Return the names of all parameters, in the order of their first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row["params"]))
