"""What a cluster is to the driver: how many tasks it can run at once, and how to run and end some."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from maggy.core.cluster.payload import Payload
from maggy.core.cluster.pickling import dumps

__all__ = [
    "MAX_UNLIMITED_WORKERS",
    "Cluster",
    "Task",
    "TaskInfo",
    "TooLargeError",
    "is_connect",
    "task_info",
]

MAX_UNLIMITED_WORKERS = 32
"""Number of workers, at most, where Spark would start executors without a limit, which costs money."""


class TaskInfo(NamedTuple):
    """Which task of a job this is; made on the executor. ``task`` is its id in the Spark application."""

    partition: int
    attempt: int
    gpus: list[str]
    task: int = 0


Task = Callable[[TaskInfo], "list[Any]"]


class TooLargeError(Exception):
    """Spark cannot take a payload.

    Attributes:
        size: How many bytes it has.
        reason: What Spark says, in one line.
    """

    def __init__(self, size: int, reason: str) -> None:
        super().__init__(size, reason)
        self.size, self.reason = size, reason


class Cluster(ABC):
    """One Spark application: how many tasks it can run at once, and how to run and end some.

    Attributes:
        session: The user's SparkSession.
        app_id: Spark's application id.
        host: The interface on which a driver's server should listen.
        advertised: The name or address under which executors reach the driver.
        local: Driver and executors share one process tree on this machine.
        job_per_worker: Spark gives a whole job up at its first crash, so each worker needs a job of its own.
        speculation: Spark may run a second copy of a slow task.
    """

    session: Any
    app_id: str
    host: str
    advertised: str
    local: bool
    job_per_worker: bool
    speculation: bool

    @property
    def spare_workers(self) -> int:
        """How many workers stay when no further trial is to be had; the others leave.

        All of them under speculation, since Spark would start copies of the tasks that go on.
        """
        return sys.maxsize if self.speculation else 0

    @abstractmethod
    def slots(self) -> int | None:
        """How many tasks Spark can run at once, at least 1; None if it starts executors without a limit."""

    def pack(self, value: Any) -> Payload:
        """Pickle a value once for all jobs.

        Raises:
            TooLargeError: Spark cannot take so many bytes.
            Exception: Something in it cannot be pickled.
        """
        data = dumps(value)
        return Payload(len(data), data)

    @abstractmethod
    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[Any]:
        """Run a job with one task for each partition; blocks; returns what the tasks returned, in order."""

    def gone(self) -> str | None:
        """Return why this Spark can run nothing any more, with the remedy; None if it can."""
        return None

    @abstractmethod
    def cancel(self, job: str) -> None:
        """Have Spark kill the tasks of a job."""

    def kill(self, job: str, task: int) -> None:
        """Have Spark kill one task of a job, and start it again; no effect where that cannot be asked for."""
        if self.job_per_worker:
            self.cancel(job)

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """A thread from which :meth:`run` may be called, with the caller's Spark properties."""
        from pyspark import InheritableThread

        options = (
            {"session": self.session} if is_connect(self.session) else {}
        )  # Spark 3.5 knows no other
        thread: threading.Thread = InheritableThread(target=target, **options)
        thread.name, thread.daemon = name, True
        return thread


def is_connect(session: Any) -> bool:
    """Whether this is a session of Spark Connect."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def task_info(partition: int) -> TaskInfo:
    from pyspark import TaskContext

    context = TaskContext.get()
    if context is None:
        return TaskInfo(partition, 0, [])
    gpus = context.resources().get("gpu")
    return TaskInfo(
        partition,
        context.attemptNumber(),
        list(gpus.addresses) if gpus else [],
        context.taskAttemptId(),
    )
