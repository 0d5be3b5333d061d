"""The table of the trials, as the page's script takes it: texts to show, and values to sort by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from maggy.ablation.component import Component
from maggy.common.direction import Direction
from maggy.common.json_values import to_plain
from maggy.common.terminal_text import terminal_text
from maggy.common.types import Json
from maggy.result.differences import ComponentDifference
from maggy.result.report.labels import line, plot_label, time_text, trial_name, value_text
from maggy.result.rows import TrialRow, parameter_names, sort_rows
from maggy.result.status import FAILED, FINISHED, RUNNING, STOPPED, trial_status
from maggy.result.tables import trial_table

__all__ = ["hover_texts", "rows_in_order", "table_data"]

_STATUSES = (FINISHED, STOPPED, FAILED, RUNNING)
_FURTHER_HEADS = ("worker", "steps")
_MAX_HOVER = 8
"""Maximum number of parameters that a plot shows of a trial under the pointer."""
_MAX_DETAILS = 100
_MAX_LAST_LINE = 300


def rows_in_order(
    trials: Iterable[TrialRow], running: Iterable[TrialRow], direction: Direction
) -> list[TrialRow]:
    """Return the trials in the order of the table: the best first, then failed and running ones.

    Data of the page refer to a trial by its index here.
    """
    return [*sort_rows(trials, direction), *running]


def table_data(
    rows: Sequence[TrialRow],
    *,
    metric: str,
    direction: Direction,
    differences: Iterable[ComponentDifference],
) -> dict[str, Json]:
    """Return the heads of the columns, and the cells, sort keys and details of each trial.

    Args:
        rows: The trials in the order of :func:`rows_in_order`.
        metric: The name of the metric.
        direction: The direction in which it improves.
        differences: The differences from the base of an ablation.
    """
    differences = list(differences)
    table = trial_table(rows, metric=metric, direction=direction, differences=differences)
    has_numbers, names = any(row.get("number") for row in rows), parameter_names(rows)
    metric_column = has_numbers + 1 + len(names)
    columns = len(table.heads) + len(_FURTHER_HEADS)
    by_component = {Component.from_params(entry): entry["difference"] for entry in differences}
    statuses = set(map(trial_status, rows))
    return {
        "heads": [*map(line, table.heads), *_FURTHER_HEADS],
        "right": [index in table.right or index >= len(table.heads) for index in range(columns)],
        "metric": metric_column,
        "status": metric_column + 1 + bool(differences),
        "statuses": [status for status in _STATUSES if status in statuses],
        "hasBest": bool(table.marks),
        "rows": [
            {
                "cells": [*map(line, cells), *_further_cells(row)],
                "keys": [
                    *([row.get("number")] if has_numbers else []),
                    None,  # the id is a text
                    *(_sort_key(row["params"].get(name)) for name in names),
                    _sort_key(row["metric"]),
                    *([_difference(row, by_component)] if differences else []),
                    None,  # the status
                    None if row["duration"] is None else row["duration"] / 1000,
                    row.get("worker"),
                    len(row["steps"]) or None,
                ],
                "name": trial_name(row),
                "details": _details(row, metric),
            }
            for row, cells in zip(rows, table.rows, strict=True)
        ],
    }


def _further_cells(row: TrialRow) -> list[str]:
    worker = row.get("worker")
    return ["" if worker is None else str(worker), str(len(row["steps"]) or "")]


def _sort_key(value: object) -> float | None:
    """Return the number by which a column is sorted; None where the text of the cell is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _difference(row: TrialRow, by_component: Mapping[Component, float | None]) -> float | None:
    component = Component.from_params(row["params"])
    return 0.0 if component.is_base else by_component.get(component)


def _details(row: TrialRow, metric: str) -> Json:
    """Return the groups of facts that the page shows of one trial on demand."""
    facts = [
        ["trial", line(row["trial_id"])],
        ["status", trial_status(row)],
        ["reason", line(row.get("stop_reason", ""))],
        ["continues", line(row.get("parent", ""))],
        ["member", str(row["member"]) if "member" in row else ""],
        ["started", time_text(row["start"])],
        ["runs", str(row["attempts"]) if row["attempts"] > 1 else ""],
        ["repeat", str(row["repeat"]) if "repeat" in row else ""],
        ["seed", str(row["seed"]) if "seed" in row else ""],
        ["error", _last_line(row["error"])],
    ]
    outputs = {name: value for name, value in (row["outputs"] or {}).items() if name != metric}
    value = [] if row["metric"] is None else [[line(metric), repr(row["metric"])]]
    groups = [
        ["Trial", [fact for fact in facts if fact[1]]],
        ["Parameters", _pairs(row["params"])],
        ["Returned", [*value, *_pairs(outputs)]],
    ]
    return to_plain([group for group in groups if group[1]])


def _pairs(values: dict[str, Json]) -> list[list[str]]:
    pairs = [[line(name, 300), value_text(value)] for name, value in values.items()]
    more = len(pairs) - _MAX_DETAILS
    return [*pairs[:_MAX_DETAILS], *([["…", f"{more} more"]] if more > 0 else [])]


def _last_line(error: str | None) -> str:
    text = terminal_text((error or "")[-4 * _MAX_LAST_LINE :]).strip()
    return line(text.rpartition("\n")[2], _MAX_LAST_LINE)


def hover_texts(rows: Iterable[TrialRow], metric: str) -> list[str]:
    """Return what the plots show of each trial under the pointer."""
    return [_hover_text(row, metric) for row in rows]


def _hover_text(row: TrialRow, metric: str) -> str:
    value = "" if row["metric"] is None else f"{plot_label(metric)} {row['metric']:.6g}, "
    pairs = list(row["params"].items())
    more = len(pairs) - _MAX_HOVER
    return "<br>".join(
        [
            f"<b>{plot_label(trial_name(row))}</b> {value}{trial_status(row)}",
            *(
                f"{plot_label(name)} = {plot_label(value_text(value))}"
                for name, value in pairs[:_MAX_HOVER]
            ),
            *([f"… {more} more"] if more > 0 else []),
        ]
    )
