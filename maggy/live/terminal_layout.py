"""Lay an experiment out in the columns and lines of a terminal. This draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from maggy.common.terminal_text import terminal_line
from maggy.common.text_table import display_width
from maggy.live.cells import (
    failure_text,
    fit,
    last_value,
    parameters_text,
    seconds_text,
    sparkline,
    step_text,
    trial_name,
    value_text,
)
from maggy.live.snapshot import Snapshot
from maggy.result.rows import TrialRow

__all__ = ["GAP", "Section", "headline", "sections", "share_lines", "status_text"]

GAP: Final = 2
"""Number of columns between two cells."""
MAX_FAILURE_LINES: Final = 3
MAX_NAME_COLUMNS: Final = 18
MAX_METRIC_COLUMNS: Final = 14
MAX_STATUS_COLUMNS: Final = 1000
NARROW_COLUMNS: Final = 80
"""In fewer columns the curves are short, and the times of running trials are left out."""


@dataclass(frozen=True)
class Section:
    """A table of a part of the experiment.

    Attributes:
        name: ``"running"``, ``"best"`` or ``"failed"``.
        heads: The texts above the columns.
        rows: The texts of each row, one for each column.
        right: The columns that are aligned to the right.
        more: Number of further trials, which have no line.
    """

    name: str
    heads: list[str]
    rows: list[list[str]]
    right: frozenset[int]
    more: int = 0


def headline(snapshot: Snapshot) -> str:
    """Return the text behind the bar: how many trials have ended, and the time."""
    total = "" if snapshot.total is None else f"/{snapshot.total:,}"
    texts = [f"{snapshot.num_ended:,}{total}"]
    if snapshot.seconds:
        texts.append(f"{seconds_text(snapshot.seconds)} elapsed")
    if snapshot.state != "RUNNING":
        if snapshot.state != "FINISHED":
            texts.append(snapshot.state.lower())
    elif snapshot.remaining_seconds is not None:
        texts.append(f"about {seconds_text(snapshot.remaining_seconds)} left")
    return ", ".join(texts)


def status_text(snapshot: Snapshot) -> str:
    """Return the line below the bar: the best metric and how trials ended, or the wait."""
    if snapshot.waiting_for:
        return terminal_line(snapshot.waiting_for)
    texts = []
    if snapshot.best:
        best = snapshot.best[0]
        key = fit(terminal_line(snapshot.optimization_key), MAX_STATUS_COLUMNS)
        texts.append(f"best {key} {value_text(best['metric'])} (trial {trial_name(best)})")
    if snapshot.num_stopped:
        texts.append(f"{snapshot.num_stopped:,} stopped early")
    if snapshot.num_failed:
        texts.append(f"{snapshot.num_failed:,} failed")
    return ", ".join(texts)


def sections(snapshot: Snapshot, columns: int, lines: int, now: float) -> list[Section]:
    """Return the tables below the bar, as much of them as fits.

    Args:
        snapshot: The experiment.
        columns: Number of columns of the terminal.
        lines: Number of lines for all tables together.
        now: The time, in seconds since the epoch.
    """
    if snapshot.kind == "single":  # It is no trial to its user.
        return []
    running = snapshot.running if snapshot.state == "RUNNING" else []
    failures = snapshot.failures[-MAX_FAILURE_LINES:]
    counts = share_lines(lines, [len(running), len(snapshot.best), len(failures)])
    tables = [
        _running(snapshot, running[: counts[0]], columns, now, len(running) - counts[0]),
        _best(snapshot, snapshot.best[: counts[1]], columns),
        _failures(failures[len(failures) - counts[2] :], columns),
    ]
    return [section for section in tables if section.rows]


def share_lines(lines: int, counts: Sequence[int]) -> list[int]:
    """Return how many rows of each table fit.

    A table needs a line for its heads, and the first one another line if some of its rows have no
    place. The first table gives way first, but keeps a few rows. Then the last one does.

    Example:
        >>> share_lines(20, [100, 5, 2])
        [9, 5, 2]

    Args:
        lines: Number of lines for all tables together.
        counts: Number of rows of the running trials, the best ones and the failures.
    """
    running, best, failed = counts
    for few_running, few_best, few_failed in (
        (min(running, 3), best, failed),
        (min(running, 3), min(best, 3), min(failed, 1)),
        (min(running, 2), min(best, 1), min(failed, 1)),
        (min(running, 1), min(best, 1), 0),
        (min(running, 1), 0, 0),
    ):
        height = sum(1 + count for count in (few_best, few_failed) if count)
        room = lines - height - 1 - (running > few_running)
        if room >= few_running or not running:
            if lines < height:
                continue
            if running and running > room:
                # A line says how many have no place.
                return [max(0, lines - height - 2), few_best, few_failed]
            return [running, few_best, few_failed]
    return [0, 0, 0]


def _running(
    snapshot: Snapshot, rows: list[TrialRow], columns: int, now: float, more: int
) -> Section:
    is_narrow = columns < NARROW_COLUMNS
    curve_columns = 8 if is_narrow else 12 if columns < 120 else 24
    metric = fit(terminal_line(snapshot.optimization_key) or "metric", MAX_METRIC_COLUMNS)
    heads = ["running", "parameters", "step", metric, "curve", "worker", "time"]
    cells = [
        [
            _name(row),
            "",
            step_text(row["steps"][-1] if row["steps"] else None),
            value_text(last_value(row)),
            sparkline(row, curve_columns),
            str(row.get("worker", "")),
            "" if row["start"] is None else seconds_text(now - row["start"]),
        ]
        for row in rows
    ]
    # The curves grow, and the columns behind them must not move.
    heads[4] = heads[4].ljust(curve_columns)
    if is_narrow:
        heads.pop()
        for row_cells in cells:
            row_cells.pop()
    room = _room(columns, heads, cells, without=1)
    for row_cells, row in zip(cells, rows, strict=True):
        row_cells[1] = parameters_text(row, snapshot.kind, room)
    return Section("running", heads, cells, frozenset({2, 3, 5, 6}), more)


def _best(snapshot: Snapshot, rows: list[TrialRow], columns: int) -> Section:
    metric = fit(terminal_line(snapshot.optimization_key) or "metric", MAX_METRIC_COLUMNS)
    heads = ["best", metric, "parameters"]
    cells = [[_name(row), value_text(row["metric"]), ""] for row in rows]
    room = _room(columns, heads, cells, without=2)
    for row_cells, row in zip(cells, rows, strict=True):
        row_cells[2] = parameters_text(row, snapshot.kind, room)
    return Section("best", heads, cells, frozenset({1}))


def _failures(rows: list[TrialRow], columns: int) -> Section:
    heads = ["failed", "error"]
    cells = [[_name(row), ""] for row in rows]
    room = _room(columns, heads, cells, without=1)
    for row_cells, row in zip(cells, rows, strict=True):
        row_cells[1] = fit(failure_text(row), room)
    return Section("failed", heads, cells, frozenset())


def _name(row: TrialRow) -> str:
    return fit(f"trial {terminal_line(trial_name(row))}", MAX_NAME_COLUMNS)


def _room(columns: int, heads: list[str], cells: list[list[str]], without: int) -> int:
    """Return the number of columns that the others leave for one column of a table."""
    widths = [max(map(display_width, column)) for column in zip(heads, *cells, strict=True)]
    other_columns = sum(width + GAP for index, width in enumerate(widths) if index != without)
    return max(1, columns - other_columns)
