"""The fields of a recorded trial: which there are, what each must be, and what stands in for one that is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["RECORD_FORMAT", "RESTORED", "parse_trial_record"]

RECORD_FORMAT = 1
"""The number of the format in which records are written; those of release 2.0 have none.

A field may be added without a new number, since one that is missing takes its default and one that is unknown is kept.
The number is raised when a field's meaning changes. See ``tests/records/kept`` for what each release has written.
"""
STATUSES = ("PENDING", "SCHEDULED", "RUNNING", "ERROR", "FINALIZED")
RESTORED = (
    "trial_id",
    "status",
    "final_metric",
    "early_stop",
    "start",
    "duration",
    "outputs",
    "error",
    "attempts",
)
"""The fields that are attributes of a trial by the same name."""


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    )


def _is_number_or_none(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_a(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds


# For each field what it must be, and its default; a field without a default must be there.
_FIELDS: dict[str, tuple[Callable[[Any], bool], tuple[Any, ...]]] = {
    "params": (_is_a(dict), ()),
    "status": (lambda value: value in STATUSES, ()),
    "trial_id": (_is_a(str, type(None)), (None,)),
    "trial_type": (_is_a(str), ("optimization",)),
    "metric_history": (_is_a(list), ([],)),
    "step_history": (_is_a(list), ([],)),
    "final_metric": (_is_number_or_none, (None,)),
    "early_stop": (_is_a(bool), (False,)),
    "start": (_is_number_or_none, (None,)),
    "duration": (_is_number_or_none, (None,)),
    "outputs": (_is_a(dict, type(None)), (None,)),
    "error": (_is_a(str, type(None)), (None,)),
    "attempts": (_is_a(int), (0,)),
    "info_dict": (_is_a(dict), ({},)),
}
_OF_THE_FILE = ("format", "ended")  # what the file says about itself


def parse_trial_record(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a recorded trial, with defaults for missing ones, and the fields that are unknown.

    Raises:
        ValueError: The text is not the record of a trial, or a field of it is not what it must be.
    """
    try:
        record = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError(f"it is no JSON object but {type(record).__name__}")
    fields = {}
    for name, (is_valid, default) in _FIELDS.items():
        if name not in record and not default:
            raise ValueError(f"it has no {name}")
        value = record.get(name, *default)
        if not is_valid(value):
            raise ValueError(f"its {name} cannot be {value!r:.80}")
        fields[name] = value
    if fields["status"] == "FINALIZED" and "final_metric" not in record:
        raise ValueError("it has ended well, but has no final_metric")
    unknown = {
        name: value
        for name, value in record.items()
        if name not in _FIELDS and name not in _OF_THE_FILE
    }
    return fields, unknown
