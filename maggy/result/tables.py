"""Tables of an experiment's trials: HTML for notebooks, and a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from maggy.ablation.component import Component
from maggy.ablation.labels import CHOICE_PARAMETER, NOTHING
from maggy.common.direction import Direction
from maggy.common.optional import import_optional
from maggy.common.text_table import TextTable
from maggy.common.types import ParameterValue
from maggy.result.differences import ComponentDifference
from maggy.result.numbers import format_difference, format_number
from maggy.result.rows import TrialRow, parameter_names, sort_rows

if TYPE_CHECKING:
    import pandas

__all__ = ["FIELDS", "component_frame", "data_frame", "parameter_columns", "trial_table"]

MAX_ROWS = 100
"""Maximum number of trials that a table in a notebook shows."""
FIELDS = ("metric", "status", "early_stop", "duration", "start", "attempts", "error")
"""The columns of a table of trials beside the id and the parameters."""


def parameter_columns(rows: Sequence[TrialRow]) -> dict[str, str]:
    """Return the name of the column for each parameter, in the order of first appearance.

    A parameter that is called like another column gets the prefix ``param_``.
    """
    others = {"trial_id", "repeat", "seed", *FIELDS}
    return {name: f"param_{name}" if name in others else name for name in parameter_names(rows)}


def data_frame(rows: Sequence[TrialRow]) -> pandas.DataFrame:
    """Return a data frame with one row a trial and one column a parameter.

    Raises:
        MissingDependencyError: If pandas is not installed.
    """
    frames = import_optional("pandas", "to_pandas()", "pip install 'maggy[plots]'")
    parameters = parameter_columns(rows)
    # Only the trials of an ablation with repeats or a seed have these.
    of_repeat = [name for name in ("repeat", "seed") if any(name in row for row in rows)]
    records = [
        # Parameters come last: one may be called like a field that is no column, such as "steps".
        {**row, **{column: _value(row, name, None) for name, column in parameters.items()}}
        for row in rows
    ]
    return frames.DataFrame(
        records, columns=["trial_id", *parameters.values(), *of_repeat, *FIELDS]
    )


def component_frame(differences: Iterable[ComponentDifference]) -> pandas.DataFrame:
    """Return a data frame with one row a component of an ablation.

    Raises:
        MissingDependencyError: If pandas is not installed.
    """
    frames = import_optional("pandas", "summary()", "pip install 'maggy[plots]'")
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
    # The order of columns follows the order of ending, like that of to_pandas().
    names = parameter_names(rows)
    by_component = {Component.from_params(entry): entry["difference"] for entry in differences}
    heads = ["trial", *names, metric, *(["difference"] if by_component else []), "status"]
    best_rows = sort_rows(rows, direction)
    return TextTable(heads, [_cells(row, names, by_component) for row in best_rows])


def _cells(
    row: TrialRow, names: Iterable[str], by_component: Mapping[Component, float | None]
) -> list[str]:
    values = [_value(row, name, "") for name in names]
    cells = [row["trial_id"], *map(_parameter_text, values), format_number(row["metric"])]
    if by_component:
        component = Component.from_params(row["params"])
        is_base = component.is_base
        cells.append("base" if is_base else format_difference(by_component[component]))
    is_stopped = row["metric"] is not None and row["early_stop"]
    return [*cells, "stopped early" if is_stopped else row["status"]]


def _value(row: TrialRow, name: str, missing: str | None) -> ParameterValue:
    """Return the value of a parameter, or what stands for a missing one."""
    # Only the trials of choices have this label. The others leave nothing out there.
    return row["params"].get(name, NOTHING if name == CHOICE_PARAMETER else missing)


def _parameter_text(value: ParameterValue) -> str:
    # Integers keep all their digits: they may be seeds or sizes.
    return format_number(value) if isinstance(value, float) else str(value)
