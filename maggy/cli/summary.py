"""The facts about an experiment that several subcommands show, as texts and as JSON values."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from maggy.common.credentials import without_credentials
from maggy.common.types import Json
from maggy.records.trial_record import is_number

if TYPE_CHECKING:
    from maggy.records.recorded import Overview
    from maggy.result import ExperimentResult

__all__ = ["Summary", "iso_time", "summary_of", "time_text"]


@dataclass(frozen=True)
class Summary:
    """What is known of an experiment as a whole. A text is empty, and a number None, if unknown.

    Attributes:
        experiment_id: The name of its directory.
        directory: Its path or URL.
        name: The name that the user gave.
        description: The description that the user gave.
        kind: ``"optimization"``, ``"ablation"`` or ``"single"``.
        method: The optimizer or the ablator.
        state: ``"RUNNING"``, ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric.
        trials: The number of trials that have ended.
        best: The best metric.
        started: When its first call began, in seconds since the epoch.
        end: When its last call ended.
        calls: The number of its calls: 1, and one more each time it was resumed.
        seed: The seed that the user gave.
        release: The release of Maggy that began it.
    """

    experiment_id: str
    directory: str
    name: str
    description: str
    kind: str
    method: str
    state: str
    direction: str
    optimization_key: str
    trials: int | None
    best: float | None
    started: float | None
    end: float | None
    calls: int
    seed: int | None
    release: str

    def to_json(self) -> dict[str, Json]:
        """Return the fields as JSON values, with times as ISO 8601 has them."""
        fields: dict[str, Json] = {"id": self.experiment_id, **vars(self)}
        del fields["experiment_id"], fields["end"]
        return {**fields, "started": iso_time(self.started), "ended": iso_time(self.end)}


def summary_of(overview: Overview, result: ExperimentResult | None = None) -> Summary:
    """Return the facts about an experiment.

    Args:
        overview: The experiment as a whole. Its fields may be of any type.
        result: Its result, made from its trials; None to take the one that is recorded.
    """
    fields, identity = overview.fields, overview.identity
    calls = _calls(fields)
    values: dict[str, Json] = overview.result if result is None else dict(result)
    counts = [_integer(values.get(name)) for name in ("num_trials", "failed")]
    has_end = overview.state != "RUNNING"
    return Summary(
        experiment_id=overview.directory.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1],
        directory=without_credentials(overview.directory),
        name=_text(fields.get("name")),
        description=_text(fields.get("description")),
        kind=_text(identity.get("kind")) if result is None else result.kind,
        method=_text(identity.get("optimizer")) or _text(identity.get("ablator")),
        state=overview.state,
        direction=_text(identity.get("direction")) if result is None else result.direction,
        optimization_key=_text(identity.get("optimization_key")),
        trials=len(result.trials) if result is not None else _sum(counts),
        best=_number(values.get("best_val")),
        started=_number(calls[0].get("began")) if calls else None,
        end=_number(fields.get("ended")) if has_end else None,
        calls=len(calls),
        seed=_integer(fields.get("seed")),
        release=_text(fields.get("maggy_version")),
    )


def time_text(seconds: float | None) -> str:
    """Return a time as the user's clock shows it; empty if it is unknown or beyond calendars."""
    try:
        return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return ""


def iso_time(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 has it, in UTC; None if it is unknown or beyond calendars."""
    try:
        return (
            None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat()
        )
    except (OverflowError, ValueError, OSError):
        return None


def _calls(fields: dict[str, Json]) -> list[dict[str, Json]]:
    calls = fields.get("runs")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _integer(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Json) -> float | None:
    return value if is_number(value) else None


def _sum(counts: list[int | None]) -> int | None:
    numbers = [count for count in counts if count is not None]
    return sum(numbers) if len(numbers) == len(counts) else None
