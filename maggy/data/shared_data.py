"""The handle of shared data, on the driver and in training functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from maggy.common.exceptions import BadArgumentsError
from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.common.spark_session import active_session
from maggy.data.arrow_file import map_table
from maggy.data.columns import numpy_column
from maggy.data.origin import Origin
from maggy.data.private_files import LockedFile
from maggy.data.reference import Reference, open_file

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    import pandas
    import pyarrow

__all__ = ["SharedData"]


class SharedData:
    """Data that all trials read and none changes. :func:`share` makes this handle.

    A training function may use it as any other variable: only a reference travels. The first trial
    on an executor that asks for the data makes the executor's file, and the others wait for it.
    Then all of them map it to memory, so the executor holds the data once, whatever the number of
    trials. Outside Spark the handle reads the driver's file.

    Args:
        reference: Says where the data are.
        num_rows: Number of rows.
        column_names: The names of the columns, in their order.
        origin: The file of the process that shares the data; None elsewhere.
    """

    def __init__(
        self,
        reference: Reference,
        num_rows: int,
        column_names: Sequence[str],
        origin: Origin | None = None,
    ) -> None:
        self.num_rows = num_rows
        self.column_names = list(column_names)
        self._reference = reference
        self._origin = origin
        self._file: LockedFile | None = None
        self._table: pyarrow.Table | None = None
        self._is_closed = False

    def arrow(self) -> pyarrow.Table:
        """Return the data as a table of pyarrow, which is mapped to memory: only used parts load.

        Raises:
            BadArgumentsError: If the data were closed.
            MissingDependencyError: If pyarrow is not installed on this machine.
            ExperimentError: If Spark cannot bring the data here.
        """
        self._check_open()
        if self._table is None:
            import_optional("pyarrow", "Shared data", install_command("data"))
            self._file = open_file(self._reference)
            self._table = map_table(self._file.path)
        return self._table

    def pandas(self) -> pandas.DataFrame:
        """Return the data as a new data frame of pandas.

        Columns of numbers and of times without missing values cost no copy and are read-only:
        ``frame["x"] += 1`` makes a new column, and writing into the array of a column raises
        ValueError. Columns of other types (texts, booleans, dates, decimals, lists) and those with
        missing values are copied at each call.

        Raises:
            BadArgumentsError: If the data were closed.
            MissingDependencyError: If pandas or pyarrow is not installed on this machine.
            ExperimentError: If Spark cannot bring the data here.
        """
        self._check_open()
        import_optional("pandas", "The data frame of shared data", install_command("data"))
        import pyarrow

        table = self.arrow()
        try:
            return table.to_pandas(split_blocks=True)
        # pyarrow raises KeyError for types of its own that pandas does not know.
        except (pyarrow.ArrowException, KeyError) as error:
            kinds = ", ".join(f"{field.name}: {field.type}" for field in table.schema)
            raise BadArgumentsError(
                f"These shared data cannot be a data frame of pandas ({error}). Their columns are "
                f"{kinds}. Use .arrow(), and leave columns out with its drop_columns()."
            ) from error

    def numpy(self, column: str) -> np.ndarray:
        """Return a column as a numpy array that is read-only and costs no copy.

        Args:
            column: A column of numbers or times without missing values, or of lists of numbers
                that are all equally long.

        Returns:
            An array of the shape ``(rows,)``; of ``(rows, length)`` for lists.

        Raises:
            BadArgumentsError: If there is no such column, if it cannot be an array without a copy,
                or if the data were closed.
            MissingDependencyError: If pyarrow is not installed on this machine.
            ExperimentError: If Spark cannot bring the data here.
        """
        return numpy_column(self.arrow(), column)

    def close(self) -> None:
        """Remove the driver's file and have Spark forget the data. The handle is of no use then.

        Tables and arrays that were made before stay valid. The file of an executor is removed with
        the executor, or before, when the executor gets other shared data. A Connect session keeps
        its copy until it ends. In a training function this closes only the function's own handle.
        """
        self._is_closed = True
        self._table = self._file = None
        if self._origin is not None:
            self._origin.close()

    def __enter__(self) -> SharedData:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else f"{self.num_rows} rows"
        return f"<SharedData: {state}, columns {', '.join(self.column_names)}>"

    def __reduce__(self) -> tuple[Callable[..., SharedData], tuple[Reference, int, list[str]]]:
        self._check_open()
        if self._origin is None:
            # In a task a broadcast variable cannot be pickled, but processes of this machine find
            # the file.
            self.arrow()
            assert self._file is not None
            reference = replace(
                self._reference, path=self._file.path, identity=self._file.identity, variable=None
            )
        else:
            if (session := active_session()) is not None:
                self._origin.send(session)
            reference = self._origin.reference()
        return SharedData, (reference, self.num_rows, self.column_names)

    def _check_open(self) -> None:
        if self._is_closed:
            raise BadArgumentsError(
                "These shared data were closed and cannot be used any more. Share the frame again, "
                "and close the handle after the last experiment that uses it."
            )
