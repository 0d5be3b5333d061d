"""What the report says of an experiment as a whole, and of what it ran with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from maggy.common.credentials import without_credentials
from maggy.common.direction import Direction
from maggy.common.durations import duration_text
from maggy.common.json_values import to_plain
from maggy.common.types import Json
from maggy.result.plots.metric_axis import direction_text
from maggy.result.report.labels import (
    line,
    time_text,
    trial_name,
    value_text,
)
from maggy.result.status import caption

if TYPE_CHECKING:
    from maggy.result.result import ExperimentResult
    from maggy.searchspace.parameter_rules import SpaceEntry

__all__ = ["Card", "Section", "best_parameters", "cards", "headline", "reproduction"]

_MAX_ROWS = 500
_UNKNOWN = "-"


@dataclass(frozen=True)
class Card:
    """One number at the top of the page: its name, the number, and what is said below it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A table of names and values in the part on reproduction.

    Attributes:
        title: The title.
        rows: The names and the values.
        is_open: Whether the rows are shown at once.
    """

    title: str
    rows: list[tuple[str, str]] = field(default_factory=list)
    is_open: bool = True


def headline(result: ExperimentResult) -> dict[str, str]:
    """Return the texts at the top of the page."""
    record, identity = result.record, _mapping(result.record.get("identity"))
    directory = without_credentials(result.directory or "")
    method = identity.get("optimizer") or identity.get("ablator")
    kinds = {"optimization": "Search", "ablation": "Ablation study", "single": "Single run"}
    return {
        "name": _text(record.get("name")) or "Experiment",
        "description": _text(record.get("description"), is_long=True),
        "state": result.state,
        "kind": kinds.get(result.kind, result.kind) + (f" with {_text(method)}" if method else ""),
        "directory": line(directory),
        "id": line(directory.rstrip("/\\").replace("\\", "/").rpartition("/")[2]),
    }


def cards(result: ExperimentResult) -> list[Card]:
    """Return the numbers at the top of the page."""
    seconds = [row["duration"] / 1000 for row in result.trials if row["duration"] is not None]
    workers = {row["worker"] for row in result.trials if "worker" in row}
    time = Card(
        "Worker time",
        duration_text(sum(seconds)) if seconds else _UNKNOWN,
        f"on {len(workers)} worker{'' if len(workers) == 1 else 's'}" if workers else "",
    )
    elapsed = _elapsed(result)
    wall = Card("Duration", elapsed or _UNKNOWN, _start(result.record))
    if result.kind == "single":
        return [wall, time]
    best_row = next((row for row in result.trials if row["trial_id"] == result["best_id"]), None)
    direction = direction_text(Direction.parse(result.direction))
    best = Card(
        f"Best {line(result.optimization_key, 60)}",
        _UNKNOWN if result["best_val"] is None else f"{result['best_val']:.6g}",
        direction if best_row is None else f"trial {trial_name(best_row)}, {direction}",
    )
    average = "" if result["avg"] is None else f"average {result['avg']:.4g}"
    count, _, statuses = caption([*result.trials, *result.running]).partition(": ")
    return [best, Card("Trials", count.partition(" ")[0], statuses or average), wall, time]


def best_parameters(result: ExperimentResult) -> list[tuple[str, str]]:
    """Return the parameters of the best trial."""
    if result.kind == "single" or result["best_config"] is None:
        return []
    return [(line(name, 300), value_text(value)) for name, value in result["best_config"].items()]


def _elapsed(result: ExperimentResult) -> str:
    """Return how long the last call took, or else from the first start to the last end."""
    seconds = result.record.get("duration_seconds")
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        return duration_text(seconds)
    ends = [
        (row["start"], row["start"] + (row["duration"] or 0) / 1000)
        for row in result.trials
        if row["start"] is not None
    ]
    return duration_text(max(end for _, end in ends) - min(ends)[0]) if ends else ""


def _start(record: Mapping[str, Json]) -> str:
    calls = _calls(record)
    start = time_text(calls[0].get("began")) if calls else ""
    return f"began {start}" if start else ""


def reproduction(result: ExperimentResult) -> tuple[list[Section], str]:
    """Return what is recorded of the call, and a sentence on what is not."""
    record = result.record
    calls = _calls(record)
    setup = _mapping(calls[-1].get("setup")) if calls else {}
    spark = _mapping(setup.get("spark"))
    seed, drawn_seed = record.get("seed"), record.get("drawn_seed")
    versions = [
        ("Maggy", _text(calls[-1].get("maggy_version")) if calls else ""),
        ("Python", _text(setup.get("python"))),
        ("Spark", _text(spark.get("version"))),
        ("Spark master", _text(spark.get("master"))),
        ("Platform", _text(setup.get("platform"))),
        ("Seed", _seed_text(seed, drawn_seed)),
        ("Directory", line(without_credentials(result.directory or ""))),
        ("Application", _text(calls[-1].get("app_id")) if calls else ""),
    ]
    space = [] if result.searchspace is None else [*result.searchspace]
    identity = _mapping(record.get("identity"))
    names = ("kind", "optimizer", "ablator", "optimization_key", "direction", "training_dataset")
    sections = [
        Section("Environment", [(name, text) for name, text in versions if text]),
        Section("Packages", _pairs(setup.get("packages"))),
        Section(
            "Search space",
            [(line(entry["name"], 300), _entry_text(entry)) for entry in space],
        ),
        Section("Experiment", _pairs({name: identity[name] for name in names if name in identity})),
        Section("Config", _pairs(setup.get("config"))),
        Section("Spark settings (secrets redacted by Spark)", _pairs(spark.get("settings")), False),
        Section("Calls", _call_rows(calls) if len(calls) > 1 else [], False),
    ]
    note = (
        "The records do not say what the experiment ran with, because they are missing or those of "
        "an older release."
    )
    return [section for section in sections if section.rows], "" if setup else note


def _entry_text(entry: SpaceEntry) -> str:
    fields: dict[str, Json] = to_plain(entry)
    further = [
        f"{key} {value_text(fields[key])}" for key in ("scale", "step", "when") if key in fields
    ]
    return ", ".join([f"{entry['type']} {value_text(fields['values'])}", *further])


def _seed_text(seed: Json, drawn_seed: Json) -> str:
    if isinstance(seed, int):
        return str(seed)
    return (
        f"{drawn_seed} (drawn, because the config has none)" if isinstance(drawn_seed, int) else ""
    )


def _call_rows(calls: list[Mapping[str, Json]]) -> list[tuple[str, str]]:
    return [
        (
            f"call {number}",
            f"{time_text(call.get('began'))}, Maggy {_text(call.get('maggy_version'))}, "
            f"{_text(call.get('app_id'))}",
        )
        for number, call in enumerate(calls, 1)
    ][-_MAX_ROWS:]


def _pairs(values: Json) -> list[tuple[str, str]]:
    pairs = [
        (line(name, 300), line(without_credentials(value_text(value))))
        for name, value in _mapping(values).items()
    ]
    return pairs[:_MAX_ROWS]


def _calls(record: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    calls = record.get("runs")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json, *, is_long: bool = False) -> str:
    return (
        line(without_credentials(value), 5_000 if is_long else 300)
        if isinstance(value, str)
        else ""
    )
