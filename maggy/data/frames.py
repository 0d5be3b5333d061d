"""Turn the data frames of several libraries into tables of pyarrow. It checks them first."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeGuard

from maggy.common.exceptions import BadArgumentsError, ExperimentError
from maggy.data.spark_protocols import SparkFrame, SparkType

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["collect", "is_spark_frame"]

SPARK_TYPES = {
    "array", "binary", "boolean", "byte", "char", "date", "decimal", "double", "float", "integer",
    "long", "map", "short", "string", "struct", "timestamp", "timestamp_ntz", "varchar",
}  # fmt: skip
"""The types of Spark's columns that every supported release of Spark turns into Arrow."""
TOO_LARGE = ("spark.driver.maxResultSize", "Java heap space", "OutOfMemoryError")
"""How Spark says that the driver cannot collect a frame."""


def is_spark_frame(frame: object) -> TypeGuard[SparkFrame]:
    """Return whether an object is a data frame of Spark, classic or Connect."""
    # The module's name decides, because importing pyspark takes time, and gRPC may be missing.
    return any(
        kind.__name__ == "DataFrame" and kind.__module__.startswith("pyspark.sql.")
        for kind in type(frame).__mro__
    )


def collect(frame: object) -> pyarrow.Table:
    """Return a frame as a table of pyarrow, in this process.

    Args:
        frame: What the user has passed.

    Raises:
        BadArgumentsError: If it is no frame, is empty, has a column that Arrow cannot hold, two
            columns of one name, or more than Spark lets a driver collect.
        ExperimentError: If Spark cannot compute the frame.
    """
    import pyarrow

    pandas = sys.modules.get("pandas")
    if is_spark_frame(frame):
        table = _collect_spark(frame)
    elif isinstance(frame, pyarrow.Table):
        _check_names(frame.column_names)
        table = frame
    elif pandas is not None and isinstance(frame, pandas.DataFrame):
        table = _convert_pandas(frame)
    else:
        raise BadArgumentsError(
            "share takes a data frame of Spark, a data frame of pandas or a table of pyarrow, but "
            f"got {type(frame).__module__}.{type(frame).__qualname__}. Convert it first."
        )
    if not table.num_rows or not table.num_columns:
        raise BadArgumentsError(
            "A frame that is shared must have rows and columns, but this one has "
            f"{table.num_rows} rows and {table.num_columns} columns."
        )
    return table


def _check_names(names: Sequence[object]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise BadArgumentsError(
                "The columns of a frame that is shared must have strings as names, but one is "
                f"{name!r}. Rename it: frame.columns = [str(name) for name in frame.columns]."
            )
    repeat = next((name for name in names if list(names).count(name) > 1), None)
    if repeat is not None:
        raise BadArgumentsError(
            "The columns of a frame that is shared must have different names, but "
            f"{repeat!r} is there {list(names).count(repeat)} times. Rename one."
        )


def _convert_pandas(frame: pandas.DataFrame) -> pyarrow.Table:
    import numpy as np
    import pyarrow

    _check_names(list(frame.columns))
    arrays = []
    for name in frame.columns:
        try:
            column = frame[name]
            # NaN stays NaN in an array of numbers, as in numpy and Spark. It needs no copy then.
            is_array = isinstance(column.dtype, np.dtype) and column.dtype.kind == "f"
            array = pyarrow.array(column.to_numpy() if is_array else column)
        except (pyarrow.ArrowException, OverflowError, UnicodeError) as error:
            raise BadArgumentsError(
                f"Arrow cannot hold the column {name!r} of this frame: {error}. "
                "Convert its values to one type, or leave it out."
            ) from error
        arrays.append(array)
    return pyarrow.table(dict(zip(frame.columns, arrays, strict=True)))


def _collect_spark(frame: SparkFrame) -> pyarrow.Table:
    _check_names(frame.columns)
    for field in frame.schema.fields:
        if (culprit := _find_unsupported(field.dataType)) is not None:
            is_vector = culprit in {"vector", "matrix"}
            remedy = (
                "Turn it into an array with pyspark.ml.functions.vector_to_array"
                if is_vector
                else "Cast it to another type, or leave it out"
            )
            raise BadArgumentsError(
                f"The column {field.name!r} has Spark's type {culprit}, which cannot be shared. "
                f"{remedy}."
            )
    try:
        # A method of Spark 4. It takes the types of the schema, and UTC for times.
        return frame.toArrow() if hasattr(frame, "toArrow") else collect_batches(frame)
    except Exception as error:
        text = str(error)
        if any(words in text for words in TOO_LARGE):
            raise BadArgumentsError(
                "The frame is too large to be collected on Spark's driver "
                f"({_sentence_with_limit(text)}). Share fewer rows or columns, or narrower types "
                "such as float; or start Spark with larger spark.driver.maxResultSize and "
                "spark.driver.memory, before the session is made."
            ) from error
        raise ExperimentError(f"Spark cannot compute the frame that is shared: {text}") from error


def _find_unsupported(kind: SparkType) -> str | None:
    """Return the name of the type, or of one inside it, that cannot be shared; None if all can."""
    if kind.typeName() not in SPARK_TYPES:
        return str(kind.simpleString())
    inner: list[SparkType] = [
        getattr(kind, name)
        for name in ("elementType", "keyType", "valueType")
        if hasattr(kind, name)
    ]
    inner += [field.dataType for field in getattr(kind, "fields", [])]
    return next((name for part in inner if (name := _find_unsupported(part)) is not None), None)


def _sentence_with_limit(text: str) -> str:
    """Return the line of Spark's message that says what was too large."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if any(words in line for words in TOO_LARGE)), "")


def collect_batches(frame: SparkFrame) -> pyarrow.Table:
    """Collect a frame of Spark 3.5, which has no ``toArrow``, by public methods only.

    The executors need pyarrow. ``toPandas`` would turn integers with missing values into floats.
    """
    import pyarrow

    # Spark pickles this function by value, so it refers to nothing of this module.
    def pack(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        import pyarrow

        for batch in batches:
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            content = pyarrow.array([sink.getvalue().to_pybytes()], pyarrow.binary())
            yield pyarrow.RecordBatch.from_pydict({"batch": content})

    rows = frame.mapInArrow(pack, "batch binary").collect()
    tables = [pyarrow.ipc.open_stream(bytes(row[0])).read_all() for row in rows]
    if not tables:
        return pyarrow.table({name: [] for name in frame.columns})
    table = pyarrow.concat_tables(tables)
    fields = [
        field.with_type(pyarrow.timestamp("us", "UTC"))
        if pyarrow.types.is_timestamp(field.type) and field.type.tz
        else field
        for field in table.schema
    ]
    return table.cast(pyarrow.schema(fields))
