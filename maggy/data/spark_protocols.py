"""Describe the parts of pyspark with which data are shared, as protocols. They are all public."""

# The names are those of pyspark.
# ruff: noqa: N802, N815

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "Batches",
    "Field",
    "Schema",
    "SparkContext",
    "SparkFrame",
    "SparkSession",
    "SparkType",
    "Variable",
]


class Variable(Protocol):
    """A broadcast variable with bytes."""

    @property
    def value(self) -> bytes:
        """Return the bytes, on the driver and in a task."""

    def __reduce__(self) -> tuple[Callable[..., Variable], tuple[object, ...]]:
        """Return how pickle makes it again, which works in a task only."""

    def destroy(self) -> None:
        """Have Spark forget the bytes."""


class SparkContext(Protocol):
    """The connection of a driver with its own Java process to Spark."""

    applicationId: str
    master: str

    def broadcast(self, data: bytes, /) -> Variable:
        """Make a broadcast variable."""


class SparkSession(Protocol):
    """A session of classic Spark, or of Connect, which has no context but a number of its own."""

    session_id: str

    @property
    def sparkContext(self) -> SparkContext:
        """Return the connection to Spark. Classic Spark only."""

    def addArtifacts(self, path: str, /, *, file: bool) -> None:
        """Send a file to the server, which sends it to the executors. Connect only."""


class SparkType(Protocol):
    """The type of a column, or of what an array, a map or a struct holds."""

    def typeName(self) -> str:
        """Return the name of the type without its arguments."""

    def simpleString(self) -> str:
        """Return the type as SQL writes it."""


class Field(Protocol):
    """A column of a frame, or a part of a struct."""

    name: str
    dataType: SparkType


class Schema(Protocol):
    """The columns of a frame."""

    fields: list[Field]


class Batches(Protocol):
    """A frame of Arrow batches, as bytes."""

    def collect(self) -> Sequence[Sequence[bytearray]]:
        """Run the query and return its rows, here of one column."""


class SparkFrame(Protocol):
    """A data frame, classic or Connect."""

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns."""

    @property
    def schema(self) -> Schema:
        """Return the columns with their types."""

    @property
    def sparkSession(self) -> SparkSession:
        """Return the session that has made the frame."""

    def toArrow(self) -> pyarrow.Table:
        """Return the rows. Spark 4 only."""

    def mapInArrow(
        self,
        function: Callable[[Iterator[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]],
        schema: str,
        /,
    ) -> Batches:
        """Return the frame that a function makes of the Arrow batches of each partition."""
