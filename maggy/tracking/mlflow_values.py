"""Trials in MLflow's terms: names, parameters, metrics, tags and times. It calls no server."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from maggy.common.credentials import without_credentials
from maggy.common.types import Json
from maggy.result.rows import TrialRow
from maggy.tracking.listener import ExperimentInfo

__all__ = [
    "MetricPoint",
    "curve_name",
    "end_time",
    "experiment_tags",
    "final_metrics",
    "named",
    "reported_point",
    "run_name",
    "trial_params",
    "trial_points",
    "trial_status",
    "trial_tags",
]

MAX_NAME = 250
MAX_PARAM = 6000
MAX_TAG = 5000
MAX_STEP = 2**63 - 1

EXPERIMENT_TAG = "maggy.experiment_id"
TRIAL_TAG = "maggy.trial_id"
PARENT_TAG = "mlflow.parentRunId"
ROLE_TAG = "maggy.role"
"""``"experiment"`` for the parent, ``"trial"`` for a trial, ``"run"`` for a training function's."""

_FORBIDDEN = re.compile(r"[^\w\-. :/]", re.ASCII)


class MetricPoint(NamedTuple):
    """One value of a metric.

    Attributes:
        name: The name of the metric.
        value: The value; may be NaN.
        step: The step, a whole number.
        time: When it was reported, in milliseconds since 1970.
    """

    name: str
    value: float
    step: int
    time: int


def named(values: Mapping[str, Json], reserved: Iterable[str] = ()) -> dict[str, Json]:
    """Return values under names that MLflow accepts, which all differ.

    Example:
        >>> named({"a(1)": 1, "a[1]": 2, "/": 3})
        {'a_1_': 1, 'a_1__2': 2, '_': 3}

    Args:
        values: The values by name.
        reserved: Names that none of them may have.
    """
    names = set(reserved)
    result: dict[str, Json] = {}
    for key, value in values.items():
        name = text = _name(key)
        number = 1
        while name in names:
            number += 1
            name = f"{text}_{number}"
        names.add(name)
        result[name] = value
    return result


def _name(name: str) -> str:
    text = _FORBIDDEN.sub("_", name)[:MAX_NAME]
    # MLflow refuses names that mean another path, such as "a//b", "..", "/a" or "".
    parts = text.split("/")
    is_path = all(part not in ("", ".", "..") for part in parts)
    return text if is_path else text.replace("/", "_").replace("..", "_") or "_"


def trial_params(row: TrialRow) -> dict[str, str]:
    """Return the parameters of a trial as texts. Lists and dicts become JSON."""
    return {name: _text(value)[:MAX_PARAM] for name, value in named(row["params"]).items()}


def _text(value: Json) -> str:
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def run_name(row: TrialRow) -> str:
    """Return the name of a trial's run: its number if it has one, else its id."""
    return row["trial_id"] if row["number"] is None else f"trial {row['number']}"


def end_time(row: TrialRow, now: int) -> int:
    """Return when a trial ended, in milliseconds since 1970; now, if it does not know."""
    if row["start"] is None or row["duration"] is None:
        return now
    return int(row["start"] * 1000) + row["duration"]


def trial_status(row: TrialRow) -> str:
    """Return the status that MLflow has for a trial."""
    return {"FINALIZED": "FINISHED", "ERROR": "FAILED"}.get(row["status"], "KILLED")


def trial_tags(row: TrialRow) -> dict[str, str]:
    """Return the tags that tell how a trial ended."""
    tags = {
        "maggy.status": row["status"],
        "maggy.early_stopped": str(row["early_stop"]).lower(),
        "maggy.attempts": str(row["attempts"]),
    }
    if row["error"]:
        # The end of a traceback says the most.
        tags["maggy.error"] = row["error"][-MAX_TAG:]
    return tags


def experiment_tags(info: ExperimentInfo) -> dict[str, str]:
    """Return the tags of the run of an experiment."""
    tags = {
        EXPERIMENT_TAG: info["experiment_id"],
        ROLE_TAG: "experiment",
        "maggy.method": info["method"],
        "maggy.direction": info["direction"],
        "maggy.directory": without_credentials(info["directory"]),
        "maggy.version": info["maggy_version"],
    }
    if info["optimization_key"]:
        tags["maggy.optimization_key"] = info["optimization_key"]
    if info["description"]:
        tags["mlflow.note.content"] = info["description"][:MAX_TAG]
    return tags


def curve_name(key: str) -> str:
    """Return the name of the metric with the reported points."""
    return _name(key)


def trial_points(
    row: TrialRow, key: str, known_values: Mapping[float, float | None], now: float
) -> list[MetricPoint]:
    """Return the points of a trial that are not written, with times between its start and its end.

    Args:
        row: The trial.
        key: The name of the metric.
        known_values: The values that MLflow has, by step; None for NaN.
        now: Seconds since 1970, for a trial that does not know when it started.
    """
    start = int((row["start"] or now) * 1000)
    spacing = (row["duration"] or 0) / max(1, len(row["steps"]))
    return [
        reported_point(key, step, value, start + round(spacing * (position + 1)))
        for position, (step, value) in enumerate(zip(row["steps"], row["history"], strict=True))
        if step not in known_values or known_values[step] != value
    ]


def reported_point(key: str, step: float, value: float | None, time: int) -> MetricPoint:
    """Return a reported point. MLflow's steps are whole numbers, so others are rounded down."""
    whole_step = max(-MAX_STEP, min(math.floor(step), MAX_STEP))
    return MetricPoint(curve_name(key), math.nan if value is None else value, whole_step, time)


def final_metrics(row: TrialRow, key: str, time: int) -> list[MetricPoint]:
    """Return the final metric and the other numbers that a trial returned.

    The final metric is ``final_<key>``, because a trial may end with another value than it reported
    last. A trial that has reported nothing has it also as the only point of its curve.
    """
    metric, curve = row["metric"], curve_name(key)
    numbers: dict[str, Json] = {} if metric is None else {f"final_{key}": metric}
    for name, value in (row["outputs"] or {}).items():
        if name != key and isinstance(value, (int, float)) and not isinstance(value, bool):
            numbers.setdefault(name, value)
    values = named(numbers, reserved=[curve])
    if metric is not None and not row["steps"]:
        values[curve] = metric
    return [MetricPoint(name, float(str(value)), 0, time) for name, value in values.items()]
