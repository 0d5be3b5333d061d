"""Read tables with Spark into the driver's memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from maggy.common.spark_session import spark_session

__all__ = ["collect_columns", "read_table"]


def read_table(path: str, format: str) -> tuple[list[str], dict[str, np.ndarray[Any, Any]]]:
    """Read a ``"csv"`` (with a header line) or ``"parquet"`` table; see :func:`collect_columns`."""
    session = spark_session()
    reader = (
        session.read.option("header", True).option("inferSchema", True)
        if format == "csv"
        else session.read
    )
    return collect_columns(reader.format(format).load(path))


def collect_columns(frame: Any) -> tuple[list[str], dict[str, np.ndarray[Any, Any]]]:
    """A Spark data frame in the driver's memory: the names of its columns in order, and one array for each."""
    names = list(frame.columns)
    rows = frame.collect()
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for position, name in enumerate(names):
        values = [row[position] for row in rows]
        missing = any(value is None for value in values)
        numbers = all(value is None or isinstance(value, (int, float)) for value in values)
        columns[name] = np.array(
            [np.nan if value is None else value for value in values]
            if missing and numbers
            else values
        )
    return names, columns
