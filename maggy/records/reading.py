"""What the text of a recorded experiment or trial says, and whether it is a whole record. It knows no files."""

from __future__ import annotations

import json
from typing import Any

from maggy.trial import Trial

__all__ = ["in_order_of_ends", "parse_ended_trial", "parse_experiment"]

EndedTrial = tuple[int | None, Trial]
"""A trial and its place in the order of ends; None where that is not recorded."""


def parse_experiment(data: bytes) -> dict[str, Any]:
    """Return the record of an experiment.

    Raises:
        ValueError: The text is damaged.
    """
    try:
        record = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError(f"it is {record!r:.80} instead of a JSON object")
    return record


def parse_ended_trial(name: str, data: bytes) -> EndedTrial:
    """Return the trial that is recorded in the directory of this name.

    Raises:
        ValueError: The text is not the whole record of this trial's end.
    """
    text = data.decode()
    trial = Trial.from_json(text)
    record = json.loads(text)
    ended = record.get("ended")
    if "trial_id" not in record:
        trial.trial_id = name
    is_place = ended is None or type(ended) is int
    if trial.trial_id != name or trial.status not in (Trial.FINALIZED, Trial.ERROR) or not is_place:
        raise ValueError(f"{name}/trial.json is not the record of this trial's end.")
    return ended, trial


def in_order_of_ends(trials: list[EndedTrial]) -> list[EndedTrial]:
    """Return the trials in the order of their ends; those whose place is not recorded come last, by their start."""

    def key(item: EndedTrial) -> tuple[bool, int, float, str]:
        ended, trial = item
        return ended is None, ended or 0, trial.start or 0.0, trial.trial_id

    return sorted(trials, key=key)
