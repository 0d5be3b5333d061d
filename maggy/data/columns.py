"""Give columns of a table as numpy arrays without a copy, or say why that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maggy.common.exceptions import BadArgumentsError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow

__all__ = ["numpy_column"]


def numpy_column(table: pyarrow.Table, name: str) -> np.ndarray:
    """Return a column as a numpy array that shares the table's memory and is read-only.

    Args:
        table: A table whose columns are in one piece each.
        name: A column of numbers, or of lists of numbers that are all equally long.

    Returns:
        An array of the shape ``(rows,)``, or ``(rows, length)`` for lists.

    Raises:
        BadArgumentsError: If there is no such column, or if it cannot be an array without a copy.
    """
    import pyarrow

    if name not in table.column_names:
        raise BadArgumentsError(
            f"The shared data have no column {name!r}, only {', '.join(table.column_names)}."
        )
    column = table.column(name)
    values, length = column.chunk(0), None
    if _is_list(values.type) and not values.null_count:
        length = _common_length(values, name)
        values = values.flatten()
    if values.null_count:
        raise BadArgumentsError(
            f"The column {name!r} has {values.null_count} missing values, for which numpy has no "
            "place. Fill them before you share the frame, or use .pandas() or .arrow()."
        )
    try:
        array: np.ndarray = values.to_numpy(zero_copy_only=True)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise BadArgumentsError(
            f"The column {name!r} has the type {column.type}, which numpy cannot read without a "
            "copy. Share it as a number (a boolean as a tinyint), or use .pandas() or .arrow()."
        ) from error
    return array if length is None else array.reshape(len(column), length)


def _is_list(kind: pyarrow.DataType) -> bool:
    import pyarrow

    types = pyarrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _common_length(values: pyarrow.Array, name: str) -> int:
    import pyarrow.compute

    lengths = pyarrow.compute.min_max(pyarrow.compute.list_value_length(values)).as_py()
    if lengths["min"] != lengths["max"]:
        raise BadArgumentsError(
            f"The lists in the column {name!r} must be equally long to be a numpy array, but have "
            f"{lengths['min']} to {lengths['max']} values. Use .arrow() for it."
        )
    return int(lengths["max"])
