"""Check the fields of a recorded trial, and fill in the default of each missing field."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict, TypeGuard, cast, get_args

from maggy.common.types import Json

__all__ = ["RECORD_FORMAT", "RESTORED", "TrialRecord", "is_number", "parse_trial_record"]

RECORD_FORMAT = 1
"""The number of the format in which records are written; those of release 2.0 have none.

A new field needs no new number, since a missing field takes its default and an unknown one is
kept. Raise the number when the meaning of a field changes. ``tests/records/kept`` holds the records
that each release has written.
"""
STATUSES = ("PENDING", "SCHEDULED", "RUNNING", "PAUSED", "ERROR", "FINALIZED")
RestoredField: TypeAlias = Literal[
    "trial_id",
    "number",
    "status",
    "final_metric",
    "early_stop",
    "start",
    "duration",
    "outputs",
    "error",
    "attempts",
]
RESTORED: tuple[RestoredField, ...] = get_args(RestoredField)
"""The fields that are attributes of a trial by the same name."""


class TrialRecord(TypedDict):
    """The fields of a recorded trial. Their meanings are those of the trial's attributes."""

    params: dict[str, Json]
    status: str
    trial_id: str | None
    number: int | None
    trial_type: str
    metric_history: list[float | None]
    step_history: list[float]
    final_metric: float | None
    early_stop: bool
    start: float | None
    duration: int | None
    outputs: dict[str, Json] | None
    error: str | None
    attempts: int
    info_dict: dict[str, Json]


def is_number(value: Json) -> TypeGuard[int | float]:
    """Return whether a JSON value is a number that a float can hold."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    )


def _is_number_or_none(value: Json) -> bool:
    return value is None or is_number(value)


def _is_status(value: Json) -> bool:
    return value in STATUSES


def _is_a(*types: type) -> Callable[[Json], bool]:
    # The type itself is compared, since a bool is an int in Python.
    return lambda value: type(value) in types


@dataclass(frozen=True)
class _Field:
    is_valid: Callable[[Json], bool]
    default: Json = None
    is_required: bool = False


_FIELDS = {
    "params": _Field(_is_a(dict), is_required=True),
    "status": _Field(_is_status, is_required=True),
    "trial_id": _Field(_is_a(str, type(None))),
    "number": _Field(_is_a(int, type(None))),
    "trial_type": _Field(_is_a(str), "optimization"),
    "metric_history": _Field(_is_a(list), []),
    "step_history": _Field(_is_a(list), []),
    "final_metric": _Field(_is_number_or_none),
    "early_stop": _Field(_is_a(bool), False),
    "start": _Field(_is_number_or_none),
    "duration": _Field(_is_number_or_none),
    "outputs": _Field(_is_a(dict, type(None))),
    "error": _Field(_is_a(str, type(None))),
    "attempts": _Field(_is_a(int), 0),
    "info_dict": _Field(_is_a(dict), {}),
}
_FIELDS_OF_THE_FILE = ("format", "ended")  # they describe the file, not the trial


def parse_trial_record(text: str) -> tuple[TrialRecord, dict[str, Json]]:
    """Return the fields of a recorded trial, and its unknown fields.

    Missing fields have their defaults.

    Raises:
        ValueError: If the text is not the record of a trial, or the value of a field is invalid.
    """
    record = _parse_object(text)
    fields = {name: _field_value(name, field, record) for name, field in _FIELDS.items()}
    if fields["status"] == "FINALIZED" and "final_metric" not in record:
        raise ValueError("it has ended well, but has no final_metric")
    unknown_fields = {
        name: value
        for name, value in record.items()
        if name not in _FIELDS and name not in _FIELDS_OF_THE_FILE
    }
    return cast(TrialRecord, fields), unknown_fields


def _parse_object(text: str) -> dict[str, Json]:
    try:
        record = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError(f"it is no JSON object but {type(record).__name__}")
    return record


def _field_value(name: str, field: _Field, record: dict[str, Json]) -> Json:
    if name not in record and field.is_required:
        raise ValueError(f"it has no {name}")
    value = record.get(name, field.default)
    if not field.is_valid(value):
        raise ValueError(f"its {name} cannot be {value!r:.80}")
    return value
