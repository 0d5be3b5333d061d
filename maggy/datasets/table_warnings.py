"""Find what to warn of when a table is registered: missing values, integers that merge."""

from __future__ import annotations

import numpy as np

from maggy.datasets.table import Column, Table

__all__ = ["table_warnings"]

_EXACT = 2**24
"""Up to this number a 32-bit float holds every integer."""


def table_warnings(table: Table) -> list[str]:
    """Return a sentence for each thing that may spoil a study on a table.

    Example:
        >>> import numpy
        >>> warnings = table_warnings((["age"], {"age": numpy.array([42, numpy.nan])}))
        >>> warnings[0].split(".")[0]
        'Values are missing (age: 1; of 2 rows)'

    Args:
        table: The names of the columns, and the columns.
    """
    names, columns = table
    warnings = []
    counts = {name: _missing_count(columns[name]) for name in names}
    gaps = ", ".join(f"{name}: {count}" for name, count in counts.items() if count)
    if gaps:
        rows = len(columns[names[0]])
        warnings.append(
            f"Values are missing ({gaps}; of {rows} rows). A study on it must say what happens to "
            "them: AblationStudy(..., missing='mean'), 'median', 'indicator', 'drop' or 'keep'."
        )
    for name in names:
        example = _merging_integers(columns[name])
        if example is not None:
            warnings.append(
                f"Column '{name}' holds integers beyond 2**24, and trials get 32-bit floats, in "
                f"which some of them are one number, such as {example[0]} and {example[1]}. "
                "If they are names of something, give each its own small number; else subtract "
                "the smallest or divide."
            )
    return warnings


def _missing_count(column: Column) -> int:
    return int(np.count_nonzero(np.isnan(column))) if column.dtype.kind == "f" else 0


def _merging_integers(column: Column) -> tuple[int, int] | None:
    """Return two different integers that are one number as float32, or None."""
    numbers = column[np.isfinite(column)]
    if not len(numbers) or max(-int(numbers.min()), int(numbers.max())) <= _EXACT:
        return None
    if column.dtype.kind == "f" and (numbers != np.floor(numbers)).any():
        return None
    values = np.unique(numbers)
    floats = values.astype(np.float32)
    merges = np.flatnonzero(floats[1:] == floats[:-1])
    if not len(merges):
        return None
    return int(values[merges[0]]), int(values[merges[0] + 1])
