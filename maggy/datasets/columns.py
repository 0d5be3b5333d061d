"""Reading tables (frames, CSV, Parquet) as numeric numpy columns; decides what a data set may hold, stores nothing."""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.common.optional import can_import
from maggy.datasets.spark_tables import collect_columns, read_table

__all__ = ["Table", "is_spark_frame", "read_frame", "read_path"]

Table = tuple[list[str], dict[str, Any]]
"""The names of the columns in order, and each column as a numeric array."""


def is_spark_frame(data: object) -> bool:
    """Whether ``data`` is a Spark data frame, classic or Connect; never imports pyspark."""
    return any(
        cls.__name__ == "DataFrame" and cls.__module__.startswith("pyspark.sql.")
        for cls in type(data).__mro__
    )


def read_frame(data: Any) -> Table | None:
    """The numeric columns of a Spark or pandas data frame, or None when ``data`` is neither."""
    if is_spark_frame(data):
        names, columns = collect_columns(data)
        return _numeric(names, [columns[name] for name in names])
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(data, pandas.DataFrame):
        return None
    return _numeric(*_from_pandas(data))


def read_path(path: str, kind: str) -> Table:
    """The numeric columns of a CSV or Parquet file or folder.

    Local paths are read with pandas or pyarrow where installed, all others with Spark.

    Args:
        path: An absolute path or a URL.
        kind: ``"csv"`` or ``"parquet"``.
    """
    files = _local_files(path, kind)
    if files and _installed("pandas" if kind == "csv" else "pyarrow"):
        try:
            names, arrays = _read_csv(files) if kind == "csv" else _read_parquet(path)
        except (OSError, ValueError) as error:
            raise BadArgumentsError(
                f"{path} must be readable as {kind}, but it is not: {error}"
            ) from error
        return _numeric(names, arrays)
    names, columns = read_table(path, kind)
    return _numeric(names, [columns[name] for name in names])


def _read_csv(files: list[Path]) -> tuple[list[str], list[Any]]:
    import pandas

    return _from_pandas(pandas.concat([pandas.read_csv(file) for file in files], ignore_index=True))


def _read_parquet(path: str) -> tuple[list[str], list[Any]]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    # pandas keeps a frame's index, which is no feature, in columns of this name.
    names = [name for name in table.column_names if not re.fullmatch(r"__index_level_\d+__", name)]
    return names, [table.column(name).to_numpy() for name in names]


def _local_files(path: str, kind: str) -> list[Path]:
    if "://" in path:
        return []
    found = Path(path)
    if not found.is_dir():
        return [found]
    return sorted(
        file for file in found.rglob(f"*.{kind}*") if not file.name.startswith(("_", "."))
    )


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None and can_import(module)


def _from_pandas(frame: Any) -> tuple[list[str], list[Any]]:
    arrays = []
    for position in range(frame.shape[1]):
        series = frame.iloc[:, position]
        arrays.append(
            np.asarray(series.to_numpy() if series.dtype.kind != "O" else series.astype(object))
        )
    return [str(name) for name in frame.columns], arrays


def _numeric(names: Sequence[str], arrays: Sequence[Any]) -> Table:
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise BadArgumentsError(
            f"The columns of a training data set must have different names, but '{twice}' is twice."
        )
    if not names or not len(arrays[0]):
        raise BadArgumentsError(
            f"A training data set must have rows and columns, but this one has {len(names)} columns and no rows."
        )
    if all(_is_number_text(name) for name in names):
        raise BadArgumentsError(
            f"The columns of a training data set need names, but these are numbers: {', '.join(names)}. "
            "A CSV file needs a header line with the names."
        )
    return list(names), {
        name: _column(name, np.asarray(values)) for name, values in zip(names, arrays, strict=True)
    }


def _is_number_text(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _column(name: str, values: Any) -> Any:
    """One column as a one-dimensional numeric array: bool becomes 0 and 1, a missing value NaN."""
    if values.ndim != 1:
        raise BadArgumentsError(
            f"Column '{name}' must hold one number a row, but its shape is {values.shape}."
        )
    if values.dtype.kind in "iuf":
        return values
    if values.dtype.kind == "b":
        return values.astype(np.int8)
    if values.dtype.kind in "mM":
        raise _dates(name, values[0])
    return np.array([_cell(name, value) for value in values.tolist()], dtype=np.float64)


def _cell(name: str, value: Any) -> float:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return math.nan
    if isinstance(value, (str, bytes)):
        raise BadArgumentsError(
            f"A training data set must hold numbers only, but column '{name}' holds text, for example {value!r:.80}. "
            "Encode it as numbers before registering, for example one number for each different text."
        )
    if hasattr(value, "isoformat") or hasattr(value, "total_seconds"):
        raise _dates(name, value)
    if isinstance(value, (bool, np.bool_, Decimal)):
        return float(value)
    number = as_number(value)
    if number is None:
        raise BadArgumentsError(
            f"A training data set must hold one number in each cell, but column '{name}' holds "
            f"{type(value).__name__}: {value!r:.80}. Split it into columns of numbers before registering."
        )
    return float(number)


def _dates(name: str, example: object) -> BadArgumentsError:
    return BadArgumentsError(
        f"A training data set must hold numbers only, but column '{name}' holds dates or times, for example "
        f"{example!s:.80}. Turn it into numbers before registering, for example days since the first."
    )
