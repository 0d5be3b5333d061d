"""Read tables with Spark into the driver's memory."""

from __future__ import annotations

import numpy as np

from maggy.common.spark_session import spark_session
from maggy.datasets.table import Column, SparkFrame, Table

__all__ = ["collect_columns", "read_table"]


def read_table(path: str, file_format: str, name_filter: str | None = None) -> Table:
    """Read a table with Spark.

    Args:
        path: A path or URL that Spark's executors reach.
        file_format: ``"csv"`` (with a header line) or ``"parquet"``.
        name_filter: A pattern for the base names of the files; None for all.

    Returns:
        The names of the columns in order, and each column by its name.
    """
    reader = spark_session().read
    if file_format == "csv":
        reader = reader.option("header", True).option("inferSchema", True)
    if name_filter is not None:
        reader = reader.option("pathGlobFilter", name_filter)
    return collect_columns(reader.format(file_format).load(path))


def collect_columns(frame: SparkFrame) -> Table:
    """Bring a Spark data frame into the driver's memory.

    Returns:
        The names of the columns in order, and each column by its name.
    """
    names = list(frame.columns)
    rows = frame.collect()
    columns: dict[str, Column] = {}
    # By position, because two columns of a frame may have the same name.
    for position, name in enumerate(names):
        values = [row[position] for row in rows]
        has_missing = any(value is None for value in values)
        is_numeric = all(value is None or isinstance(value, (int, float)) for value in values)
        if has_missing and is_numeric:
            values = [np.nan if value is None else value for value in values]
        columns[name] = np.array(values)
    return names, columns
