"""Read frames, CSV and Parquet as numeric numpy columns, and refuse data that is not numeric."""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from maggy.common.exceptions import BadArgumentsError, MissingDependencyError
from maggy.common.files import AnyFiles, Files
from maggy.common.json_values import as_number
from maggy.common.optional import can_import
from maggy.datasets.file_formats import name_filter, select_format
from maggy.datasets.spark_tables import collect_columns, read_table
from maggy.datasets.table import Column, SparkFrame, Table

if TYPE_CHECKING:
    import pandas

__all__ = ["Table", "is_spark_frame", "read_frame", "read_path"]


def is_spark_frame(data: object) -> TypeGuard[SparkFrame]:
    """Return whether an object is a Spark data frame, classic or Connect.

    It looks at names only, so pyspark is never imported.
    """
    return any(
        cls.__name__ == "DataFrame" and cls.__module__.startswith("pyspark.sql.")
        for cls in type(data).__mro__
    )


def read_frame(data: object) -> Table | None:
    """Return the numeric columns of a data frame.

    Args:
        data: A Spark or pandas data frame.

    Returns:
        The table, or None if the object is neither.

    Raises:
        BadArgumentsError: If a column is not numeric, or its name is missing or repeated.
    """
    if is_spark_frame(data):
        names, columns = collect_columns(data)
        return _make_table(names, [columns[name] for name in names])
    # If nobody has imported pandas, the object cannot be a frame of it.
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(data, pandas.DataFrame):
        return None
    return _make_table(*_split_frame(data))


def read_path(path: str, file_format: str, files: Files | None = None) -> Table:
    """Return the numeric columns of a CSV or Parquet file or folder.

    pandas or pyarrow reads them if it is installed and ``files`` reaches the path. Otherwise Spark
    reads them.

    Args:
        path: An absolute path or a URL.
        file_format: ``"csv"`` or ``"parquet"``.
        files: Access to the path; :class:`AnyFiles` if None.

    Raises:
        BadArgumentsError: If the file cannot be read, a column is not numeric, or its name is
            missing or repeated.
    """
    files = files or AnyFiles()
    try:
        # Spark writes _SUCCESS and checksums (.part-0.csv.crc) beside its files.
        paths = select_format(files.find(path), file_format)
        if _is_installed("pandas" if file_format == "csv" else "pyarrow"):
            with files.fetch(paths or [path]) as copies:
                return _read_files(copies, path, file_format)
    except MissingDependencyError:  # Spark may have the package for the scheme
        paths = []
    names, columns = read_table(path, file_format, name_filter(file_format) if paths else None)
    return _make_table(names, [columns[name] for name in names])


def _read_files(paths: list[str], origin: str, file_format: str) -> Table:
    try:
        names, arrays = _read_csv(paths) if file_format == "csv" else _read_parquet(paths, origin)
    except (OSError, ValueError) as error:
        raise BadArgumentsError(
            f"{origin} must be readable as {file_format}, but it is not: {error}"
        ) from error
    return _make_table(names, arrays)


def _read_csv(paths: list[str]) -> tuple[list[str], list[Column]]:
    import pandas

    frames = [pandas.read_csv(path) for path in paths]
    return _split_frame(pandas.concat(frames, ignore_index=True))


def _read_parquet(paths: list[str], folder: str) -> tuple[list[str], list[Column]]:
    import pyarrow.dataset

    # Folders such as "year=2020" below the given one are a column.
    partitioning = pyarrow.dataset.HivePartitioning.discover(infer_dictionary=True)
    table = pyarrow.dataset.dataset(
        paths, format="parquet", partitioning=partitioning, partition_base_dir=folder
    ).to_table()
    # pandas keeps a frame's index, which is no feature, in columns with this name.
    names = [name for name in table.column_names if not re.fullmatch(r"__index_level_\d+__", name)]
    return names, [table.column(name).to_numpy() for name in names]


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None and can_import(module)


def _split_frame(frame: pandas.DataFrame) -> tuple[list[str], list[Column]]:
    arrays = []
    # By position, because two columns of a frame may have the same name.
    for position in range(frame.shape[1]):
        series = frame.iloc[:, position]
        # The extension types of pandas (Int64, category) become objects, with their missing values.
        is_numpy = series.dtype.kind != "O"
        arrays.append(np.asarray(series.to_numpy() if is_numpy else series.astype(object)))
    return [str(name) for name in frame.columns], arrays


def _make_table(names: Sequence[str], arrays: Sequence[Column]) -> Table:
    repeat = next((name for name in names if list(names).count(name) > 1), None)
    if repeat is not None:
        raise BadArgumentsError(
            "The columns of a training data set must have different names, "
            f"but '{repeat}' is twice. Rename one."
        )
    if not names or not len(arrays[0]):
        raise BadArgumentsError(
            "A training data set must have rows and columns, but this one has "
            f"{len(names)} columns and no rows."
        )
    if all(_is_number_text(name) for name in names):
        raise BadArgumentsError(
            "The columns of a training data set need names, but these are numbers: "
            f"{', '.join(names)}. A CSV file needs a header line with the names."
        )
    columns = {
        name: _to_column(name, np.asarray(values))
        for name, values in zip(names, arrays, strict=True)
    }
    return list(names), columns


def _is_number_text(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _to_column(name: str, values: Column) -> Column:
    """Return a column as numbers: a bool becomes 0 or 1, a missing value NaN."""
    if values.ndim != 1:
        raise BadArgumentsError(
            f"Column '{name}' must hold one number a row, but its shape is {values.shape}. "
            "Split it into columns of numbers before registering."
        )
    # The letters are numpy's kinds of types: i, u and f for numbers, b for bool, m and M for times.
    if values.dtype.kind in "iuf":
        return values
    if values.dtype.kind == "b":
        return values.astype(np.int8)
    if values.dtype.kind in "mM":
        raise _date_error(name, str(values[0]))
    return np.array([_to_number(name, value) for value in values.tolist()], dtype=np.float64)


def _to_number(name: str, value: object) -> float:
    # pandas has two values for a missing one beside None and NaN; it need not be installed here.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return math.nan
    if isinstance(value, (str, bytes)):
        raise BadArgumentsError(
            f"A training data set must hold numbers only, but column '{name}' holds text, "
            f"for example {value!r:.80}. Encode it as numbers before registering, for example one "
            "number for each different text."
        )
    if hasattr(value, "isoformat") or hasattr(value, "total_seconds"):
        raise _date_error(name, str(value))
    if isinstance(value, (bool, np.bool_, Decimal)):
        return float(value)
    number = as_number(value)
    if number is None:
        raise BadArgumentsError(
            f"A training data set must hold one number in each cell, but column '{name}' holds "
            f"{type(value).__name__}: {value!r:.80}. Split it into columns of numbers before "
            "registering."
        )
    return float(number)


def _date_error(name: str, example: str) -> BadArgumentsError:
    return BadArgumentsError(
        f"A training data set must hold numbers only, but column '{name}' holds dates or times, "
        f"for example {example:.80}. Turn it into numbers before registering, for example days "
        "since the first."
    )
