"""Parse the text of a recorded experiment or trial, and refuse a damaged one."""

from __future__ import annotations

import json

from maggy.common.types import Json
from maggy.trial import Trial

__all__ = [
    "DAMAGED",
    "NumberedTrial",
    "parse_ended_trial",
    "parse_experiment",
    "parse_object",
    "sort_by_end",
]

DAMAGED = ".damaged-"
"""What the name of a damaged record that was set aside contains."""
_MAX_DEPTH = 250
"""Maximum number of levels of what is only read. A returned value may have 200."""

NumberedTrial = tuple[int | None, Trial]
"""The number of a trial in the order of ends, from 0, and the trial; None if it is not recorded."""


def parse_experiment(data: bytes) -> dict[str, Json]:
    """Return the record of an experiment.

    Raises:
        ValueError: If the text is damaged.
    """
    try:
        record = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError(f"it is {record!r:.80} instead of a JSON object")
    return record


def parse_object(data: bytes) -> dict[str, Json]:
    """Return the JSON object in a record that anybody may have written.

    Raises:
        ValueError: If the text is damaged, or nested too deeply for what shows it later.
    """
    record = parse_experiment(data)
    level: list[dict[str, Json] | list[Json]] = [record]
    for _ in range(_MAX_DEPTH):
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [value for part in parts for value in part if isinstance(value, (dict, list))]
        if not level:
            return record
    raise ValueError("it is nested too deeply")


def parse_ended_trial(name: str, data: bytes) -> NumberedTrial:
    """Return the trial that is recorded in the directory of this name.

    Raises:
        ValueError: If the text is not the complete record of this trial's end.
    """
    text = data.decode()
    trial = Trial.from_json(text)
    record = json.loads(text)
    number = record.get("ended")
    if "trial_id" not in record:
        trial.trial_id = name
    # A bool is an int in Python, so the type is compared.
    is_number = number is None or type(number) is int
    # Only the one trial of a function that runs once has no metric. It has no parameters either.
    lacks_metric = (
        trial.status == Trial.FINALIZED and trial.final_metric is None and bool(trial.params)
    )
    if lacks_metric:
        raise ValueError(f"{name}/trial.json lacks the metric of a trial that ended well.")
    if (
        trial.trial_id != name
        or trial.status not in (Trial.FINALIZED, Trial.ERROR)
        or not is_number
    ):
        raise ValueError(f"{name}/trial.json is not the record of this trial's end.")
    return number, trial


def sort_by_end(numbered_trials: list[NumberedTrial]) -> list[Trial]:
    """Return the trials in the order of their ends.

    Trials without a recorded number come last, in the order of their starts.
    """

    def key(numbered_trial: NumberedTrial) -> tuple[bool, int, float, str]:
        number, trial = numbered_trial
        return number is None, number or 0, trial.start or 0.0, trial.trial_id

    return [trial for _, trial in sorted(numbered_trials, key=key)]
