"""Share a data frame: check it, collect it on the driver, and hand it to Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.common.spark_session import active_session
from maggy.data.arrow_file import prepare, write_table
from maggy.data.frames import collect, is_spark_frame
from maggy.data.origin import Origin
from maggy.data.reference import Reference
from maggy.data.shared_data import SharedData
from maggy.data.spark_protocols import SparkFrame

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["share"]


def share(frame: SparkFrame | pandas.DataFrame | pyarrow.Table) -> SharedData:
    """Make a data frame available to all trials, as one memory-mapped file on each executor.

    The frame is collected once, on the driver. Let the training function use the returned handle:
    it travels as a small reference, and all trials of an executor read the same file.

    >>> import pyarrow, maggy.data
    >>> with maggy.data.share(pyarrow.table({"x": [1.0, 2.0]})) as data:
    ...     print(data.numpy("x").sum())
    3.0

    Args:
        frame: A data frame of Spark, classic or Connect; also one of pandas, without its index, or
            a table of pyarrow. It must have at least one row, and its columns different names.
            The driver's memory must hold it twice, and its temporary directory once.

    Returns:
        The handle. Close it when no experiment needs it any more, or use it as a context manager.
        What is not closed is removed when Python ends.

    Raises:
        BadArgumentsError: If the frame is none of these, is empty, has columns that Arrow cannot
            hold, or is larger than Spark lets a driver collect.
        MissingDependencyError: If pyarrow is not installed.
        ExperimentError: If Spark cannot compute or send the data.
    """
    import_optional("pyarrow", "maggy.data.share", install_command("data"))
    session = frame.sparkSession if is_spark_frame(frame) else active_session()
    table = prepare(collect(frame))
    origin = Origin(lambda file: write_table(table, file))
    if session is not None:
        origin.send(session)
    reference = Reference(origin.file.path, origin.file.identity)
    return SharedData(reference, table.num_rows, table.column_names, origin)
