"""Make tables of an experiment's trials and components: tables of texts, and data frames."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maggy.ablation.component import Component
from maggy.ablation.labels import CHOICE_PARAMETER, NOTHING
from maggy.common.direction import Direction
from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.common.text_table import TextTable
from maggy.common.types import ParameterValue
from maggy.result.differences import ComponentDifference
from maggy.result.numbers import format_column, format_seconds
from maggy.result.rows import TrialRow, parameter_names, sort_rows
from maggy.result.status import trial_status

if TYPE_CHECKING:
    import pandas

__all__ = [
    "component_frame",
    "data_frame",
    "parameter_columns",
    "trial_records",
    "trial_table",
]

MAX_ROWS = 100
"""Maximum number of trials that a table in a notebook shows."""
_FIELDS = ("metric", "status", "early_stop", "duration", "start", "attempts", "error")
"""The columns of a table of trials beside the id and the parameters."""
_OPTIONAL = ("number", "parent", "member")
"""The further columns that a table has only if one of its trials has a value for them."""


def parameter_columns(rows: Sequence[TrialRow]) -> dict[str, str]:
    """Return the name of the column for each parameter, in the order of first appearance.

    A parameter that is called like another column gets the prefix ``param_``.
    """
    others = {"trial_id", "repeat", "seed", *_FIELDS}
    names = parameter_names(rows)
    columns = {name: name for name in names if name not in others}
    for name in names:
        if name in others:
            columns[name] = _free_name(f"param_{name}", "param_", columns.values())
    return {name: columns[name] for name in names}


def data_frame(rows: Sequence[TrialRow], optimization_key: str = "metric") -> pandas.DataFrame:
    """Return a data frame with one row a trial and one column a parameter.

    Args:
        rows: See :func:`trial_records`.
        optimization_key: See :func:`trial_records`.

    Raises:
        MissingDependencyError: If pandas is not installed.
    """
    frames = import_optional("pandas", "to_pandas()", install_command("plots"))
    columns, start_column, records = trial_records(rows, optimization_key)
    values = [[_whole_text(record[column]) for column in columns] for record in records]
    frame = frames.DataFrame(values, columns=list(map(_whole_text, columns)))
    # A time beyond calendars is unknown.
    frame[start_column] = frames.to_datetime(
        frame[start_column].astype("float64"), unit="s", utc=True, errors="coerce"
    )
    return frame


def trial_records(
    rows: Sequence[TrialRow], optimization_key: str
) -> tuple[list[str], str, list[dict[str, Any]]]:
    """Return the columns and the rows of a table with everything that is known about the trials.

    Args:
        rows: The trials.
        optimization_key: The name of the metric. If it is ``metric``, the column of this name
            holds the returned value with this key already.

    Returns:
        The columns; the one among them that holds the time of the start, in seconds since the
        epoch; and for each trial its values by column, perhaps with further ones.
    """
    parameters = parameter_columns(rows)
    # Only the trials of an ablation with repeats or a seed have these.
    repeat_fields = [name for name in ("repeat", "seed") if any(name in row for row in rows)]
    first_columns = ["trial_id", *parameters.values(), *repeat_fields, *_FIELDS]
    absent = {name for name in _OPTIONAL if all(row.get(name) is None for row in rows)}
    # A parameter keeps the name of its column, which an earlier release has given it.
    fields = {
        name: _free_name(name, "trial_", first_columns)
        for name in ("number", "started", "duration_seconds", "steps", "parent", "member")
        if name not in absent
    }
    outputs = _output_columns(rows, [*first_columns, *fields.values()], optimization_key)
    records = [
        # Parameters come last: one may be called like a field that is no column, such as "history".
        {
            **dict.fromkeys(repeat_fields),  # a record may lack what others have
            **row,
            **{column: _further_value(row, name) for name, column in fields.items()},
            **{column: (row["outputs"] or {}).get(name) for name, column in outputs.items()},
            **{column: _value(row, name, None) for name, column in parameters.items()},
        }
        for row in rows
    ]
    return [*first_columns, *fields.values(), *outputs.values()], fields["started"], records


def _further_value(row: TrialRow, name: str) -> float | int | str | None:
    if name == "started":
        return row["start"]
    if name == "duration_seconds":
        return None if row["duration"] is None else row["duration"] / 1000
    if name == "steps":
        return len(row["steps"])
    if name == "parent":
        return row.get("parent")
    if name == "member":
        return row.get("member")
    number = row.get("number")
    return number if isinstance(number, int) else None


def _output_columns(
    rows: Sequence[TrialRow], others: Sequence[str], optimization_key: str
) -> dict[str, str]:
    """Return the name of the column for each returned value, in the order of first appearance."""
    columns: dict[str, str] = {}
    for name in (name for row in rows for name in row["outputs"] or ()):
        is_metric = name == optimization_key == "metric"
        if name not in columns and not is_metric:
            columns[name] = _free_name(name, "output_", [*others, *columns.values()])
    return columns


def _free_name(name: str, prefix: str, others: Collection[str]) -> str:
    """Return the name, with as many prefixes as it takes to differ from the others."""
    while name in others:
        name = f"{prefix}{name}"
    return name


def component_frame(differences: Iterable[ComponentDifference]) -> pandas.DataFrame:
    """Return a data frame with one row a component of an ablation.

    Raises:
        MissingDependencyError: If pandas is not installed.
    """
    frames = import_optional("pandas", "summary()", install_command("plots"))
    records = [
        {"component": Component.from_params(entry).describe(), **entry} for entry in differences
    ]
    return frames.DataFrame(records)


def trial_table(
    rows: Sequence[TrialRow],
    *,
    metric: str,
    direction: Direction,
    differences: Iterable[ComponentDifference] = (),
) -> TextTable:
    """Return the table of the trials. The best ones come first, failed ones last.

    Args:
        rows: The trials.
        metric: The name of the metric.
        direction: The direction in which it improves.
        differences: The differences from the base of an ablation. If there are any, the table has
            a column for them.
    """
    best_rows = sort_rows(rows, direction)
    numbers = [row.get("number") for row in best_rows]
    by_component = {Component.from_params(entry): entry["difference"] for entry in differences}
    metrics = format_column([row["metric"] for row in best_rows])
    columns = [
        *([_Column("#", [_text(number) for number in numbers], True)] if any(numbers) else []),
        _Column("trial", [row["trial_id"] for row in best_rows]),
        # The order of columns follows the order of ending, like that of to_pandas().
        *(_parameter_column(name, best_rows) for name in parameter_names(rows)),
        _Column(metric, metrics, True),
        *([_difference_column(best_rows, by_component)] if by_component else []),
        _Column("status", [trial_status(row) for row in best_rows]),
        _Column("seconds", format_seconds(row["duration"] for row in best_rows), True),
    ]
    has_best = bool(best_rows) and best_rows[0]["metric"] is not None
    metric_column = next(index for index, column in enumerate(columns) if column.cells is metrics)
    return TextTable(
        [column.head for column in columns],
        [list(cells) for cells in zip(*(column.cells for column in columns), strict=True)],
        bold=frozenset({(0, metric_column)} if has_best else ()),
        right=frozenset(index for index, column in enumerate(columns) if column.is_right),
        marks=frozenset({0} if has_best else ()),
    )


@dataclass(frozen=True)
class _Column:
    head: str
    cells: list[str]
    is_right: bool = False


def _parameter_column(name: str, rows: Sequence[TrialRow]) -> _Column:
    values = [_value(row, name, None) for row in rows]
    # Integers keep all their digits: they may be seeds or sizes.
    floats = format_column([value if isinstance(value, float) else None for value in values])
    cells = [
        "" if name not in row["params"] and value is None else text or str(value)
        for row, value, text in zip(rows, values, floats, strict=True)
    ]
    are_numbers = all(
        isinstance(value, (int, float)) and not isinstance(value, bool)
        for value in values
        if value is not None
    )
    return _Column(name, cells, are_numbers)


def _difference_column(
    rows: Sequence[TrialRow], by_component: Mapping[Component, float | None]
) -> _Column:
    components = [Component.from_params(row["params"]) for row in rows]
    differences = format_column([by_component.get(part) for part in components], sign=True)
    return _Column(
        "difference",
        [
            "base" if component.is_base else difference
            for component, difference in zip(components, differences, strict=True)
        ],
        True,
    )


def _value(row: TrialRow, name: str, missing: str | None) -> ParameterValue:
    """Return the value of a parameter, or what stands for a missing one."""
    # Only the trials of choices have this label. The others leave nothing out there.
    return row["params"].get(name, NOTHING if name == CHOICE_PARAMETER else missing)


def _whole_text(value: Any) -> Any:  # noqa: ANN401
    """Return a value, with escapes for halves of characters, which pandas cannot store."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _text(value: object) -> str:
    return "" if value is None else str(value)
