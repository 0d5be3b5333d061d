"""Check what an ablator added to a recorded result, and add it to the result made from trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from maggy.common.json_values import to_plain
from maggy.common.types import Json
from maggy.records.trial_record import is_number

__all__ = ["add_recorded_analysis"]

_LABELS = ("ablated_feature", "ablated_layer", "ablated_choice")
_SAME = ("best_id", "metric_list", "failed")
_TEXTS = ("put_back", "verdict")


def add_recorded_analysis(result: dict[str, Any], record: Mapping[str, Json]) -> None:
    """Add what the records of an ablation's trials do not tell: what its ablator concluded.

    Nothing is added from a recorded result about other trials, such as that of an earlier call. A
    value of a wrong type is left out.

    Args:
        result: The result that is made from the trials' records. It is changed.
        record: The content of ``result.json``, which anybody may have written.
    """
    if any(result[key] != record.get(key) for key in _SAME):
        return
    entries = record.get("differences")
    by_labels = {
        _labels(entry): entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
    }
    for entry in result["differences"]:
        _fill(entry, by_labels.get(_labels(entry), {}))
    for key, value in record.items():
        if key not in result and _CHECKS.get(key, _is_anything)(value):
            result[key] = to_plain(value)


def _labels(entry: Mapping[str, Json]) -> tuple[str, ...]:
    return tuple(str(entry.get(name)) for name in _LABELS)


def _fill(entry: dict[str, Json], record: Mapping[str, Json]) -> None:
    """Add to the entry of a component what is missing there or could not be computed.

    Intervals and verdicts need SciPy, which need not be installed where a result is opened.
    """
    for key, value in record.items():
        is_valid = isinstance(value, str) if key in _TEXTS else is_number(value)
        if entry.get(key) is None and (is_valid or value is None):
            entry[key] = to_plain(value)


def _is_number_or_none(value: Json) -> bool:
    return value is None or is_number(value)


def _is_anything(value: Json) -> bool:
    return True


def _is_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _rows_of(**checks: Callable[[Json], bool]) -> Callable[[Json], bool]:
    """Return a check of a list of dicts that have these keys."""

    def check(value: Json) -> bool:
        return isinstance(value, list) and all(
            isinstance(row, dict)
            and all(is_valid(row.get(key)) for key, is_valid in checks.items())
            for row in value
        )

    return check


_INTERVAL = {"ci_low": _is_number_or_none, "ci_high": _is_number_or_none}
# What the text of a result shows must have these types. The rest is whatever an ablator added.
_CHECKS: dict[str, Callable[[Json], bool]] = {
    "base": lambda value: False,  # it is made from the trials, or there is none
    "interactions": _rows_of(components=_is_texts, interaction=_is_number_or_none, **_INTERVAL),
    "shapley": _rows_of(component=_is_text, value=_is_number_or_none, **_INTERVAL),
    "rounds": _rows_of(component=_is_text, difference=_is_number_or_none),
}
