"""Describe the parts of pyspark that Maggy uses, as protocols.

Names with an underscore are private to pyspark: look here first when a new release of Spark breaks
something.
"""

# The names are those of pyspark.
# ruff: noqa: N802, N803, N815

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

__all__ = [
    "ArrowBatch",
    "ArrowColumn",
    "Broadcast",
    "ChannelBuilder",
    "ClassicSession",
    "ConnectClient",
    "ConnectSession",
    "DataFrame",
    "JavaObject",
    "PickledBroadcasts",
    "Rdd",
    "RetryPolicy",
    "SettingsTable",
    "Shared",
    "SparkConf",
    "SparkContext",
]


class JavaObject(Protocol):
    """An object, a class or a package of the driver's Java process, as py4j shows it."""

    def __getattr__(self, name: str, /) -> JavaObject:
        """Return a field, a method, an inner class or a package."""

    def __call__(self, *arguments: bool | int | str) -> JavaObject:
        """Call a method or a constructor."""

    def __int__(self) -> int:
        """Return the value of a Java number."""


class Broadcast(Protocol):
    """A broadcast variable of any content."""

    @property
    def value(self) -> object:
        """Return the content, on the driver and in a task."""


class Shared(Protocol):
    """Bytes that Spark keeps for all jobs, such as a broadcast variable."""

    @property
    def value(self) -> bytes:
        """Return the bytes, on the driver and in a task."""

    def destroy(self) -> None:
        """Have Spark forget the bytes."""


class PickledBroadcasts(Protocol):
    """The broadcast variables that this thread has pickled since its last job."""

    def __iter__(self) -> Iterator[Broadcast]: ...

    def clear(self) -> None:
        """Forget the variables."""


class SparkConf(Protocol):
    """The settings of a Spark application or of a Connect session."""

    def get(self, key: str, default: str, /) -> str:
        """Return a setting."""

    def toDebugString(self) -> str:
        """Return a line for each setting, with secrets redacted. Classic Spark only."""


class Rdd(Protocol):
    """A distributed list."""

    def mapPartitions(self, function: Callable[[Iterator[int]], Iterator[object]], /) -> Rdd:
        """Return what the function yields for each partition."""

    def collect(self) -> list[object]:
        """Run a job and return all elements in order."""


class SparkContext(Protocol):
    """The connection of a driver with its own Java process to Spark."""

    applicationId: str
    master: str
    defaultParallelism: int
    pythonExec: str
    _jvm: JavaObject
    _jsc: JavaObject
    _pickled_broadcast_vars: PickledBroadcasts

    def getConf(self) -> SparkConf:
        """Return the application's settings."""

    def setJobGroup(
        self,
        group: str,
        description: str,
        /,
        *,
        interruptOnCancel: bool,
    ) -> None:
        """Name the group to which this thread's next jobs belong."""

    def cancelJobGroup(self, group: str, /) -> None:
        """Cancel the jobs of a group."""

    def broadcast(self, data: bytes, /) -> Shared:
        """Make a broadcast variable."""

    def parallelize(self, elements: list[int], partitions: int, /) -> Rdd:
        """Make a distributed list."""


class ClassicSession(Protocol):
    """A session of a driver with its own Java process."""

    @property
    def sparkContext(self) -> SparkContext:
        """Return the connection to Spark."""

    @property
    def version(self) -> str:
        """Return the version of Spark."""

    def stop(self) -> None:
        """End Spark."""


class RetryPolicy(Protocol):
    """The rule by which a Connect client tries a request again."""

    can_retry: Callable[[BaseException], bool]


class ChannelBuilder(Protocol):
    """The place where a Connect client's server is."""

    endpoint: str


class ConnectClient(Protocol):
    """The part of a Connect session that talks to the server."""

    _builder: ChannelBuilder

    @property
    def host(self) -> str:
        """Return the server's name or address."""

    def get_retry_policies(self) -> list[RetryPolicy]:
        """Return the rules in the order in which they are tried."""

    def set_retry_policies(self, policies: list[RetryPolicy], /) -> None:
        """Replace the rules."""


class ArrowColumn(Protocol):
    """A column of an Arrow record batch."""

    def to_pylist(self) -> list[int]:
        """Return the values, here row numbers."""


class ArrowBatch(Protocol):
    """A record batch of pyarrow."""

    def column(self, index: int, /) -> ArrowColumn:
        """Return a column by its position."""


class DataFrame(Protocol):
    """A table of a Connect session."""

    def selectExpr(self, expression: str, /) -> DataFrame:
        """Return a table with one column that an SQL expression computes."""

    def distinct(self) -> DataFrame:
        """Return the table without repeated rows."""

    def count(self) -> int:
        """Return the number of rows."""

    def mapInArrow(
        self, function: Callable[[Iterator[ArrowBatch]], Iterator[ArrowBatch]], schema: str, /
    ) -> DataFrame:
        """Return the table that a function makes of the Arrow batches of each partition."""

    def collect(self) -> list[tuple[bytearray]]:
        """Run the query and return its rows, here of one binary column."""


class SettingsTable(Protocol):
    """The table that the SQL statement ``SET`` returns."""

    def collect(self) -> list[tuple[str, str]]:
        """Return the settings by name, with secrets redacted."""


class ConnectSession(Protocol):
    """A session of a Spark Connect server."""

    session_id: str
    client: ConnectClient
    conf: SparkConf

    @property
    def is_stopped(self) -> bool:
        """Return whether the session has been stopped."""

    @property
    def version(self) -> str:
        """Return the version of the server's Spark."""

    def sql(self, statement: str, /) -> SettingsTable:
        """Run an SQL statement, here ``SET``."""

    def range(
        self, start: int, end: int, step: int = 1, partitions: int | None = None, /
    ) -> DataFrame:
        """Return a table of numbers."""

    def addArtifacts(self, path: str, /, *, file: bool) -> None:
        """Send a file to the server, which sends it to the executors."""

    def addTag(self, tag: str, /) -> None:
        """Mark this thread's next queries, so that they can be interrupted by the tag."""

    def interruptTag(self, tag: str, /) -> list[str]:
        """Interrupt the queries with a tag and return their identifiers."""

    def stop(self) -> None:
        """End the session."""
