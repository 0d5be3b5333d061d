"""Define the contract of a cluster: how many tasks it runs at once, and how to run and end them."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from maggy.core.cluster.payload import Payload
from maggy.core.cluster.pickling import dumps
from maggy.core.cluster.pyspark_protocols import ClassicSession, ConnectSession

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
"""Maximum number of workers where Spark starts executors without a limit, since they cost money."""


class TaskInfo(NamedTuple):
    """Identify one task of a job. It is made on the executor.

    Attributes:
        partition: The partition that the task works on.
        attempt: 0 for the first attempt, one more for each retry by Spark.
        gpus: The addresses of the GPUs that Spark reserved for the task.
        task: The id of the task in the Spark application.
    """

    partition: int
    attempt: int
    gpus: list[str]
    task: int = 0


Task = Callable[[TaskInfo], "list[object]"]
"""The function that Spark calls in each task; the values that it returns go back to the driver."""


class TooLargeError(Exception):
    """Spark cannot take a payload of this size.

    Attributes:
        size: Number of bytes of the payload.
        reason: Spark's own explanation, in one line.
    """

    def __init__(self, size: int, reason: str) -> None:
        super().__init__(size, reason)
        self.size, self.reason = size, reason


class Cluster(ABC):
    """One Spark application, which runs and ends tasks.

    Attributes:
        session: The user's SparkSession.
        app_id: Spark's application id.
        host: The interface on which a driver's server should listen.
        advertised: The name or address at which executors reach the driver.
        master: The master URL of Spark; empty if it is unknown.
        local: True if driver and executors belong to one process tree on this machine.
        job_per_worker: True if Spark ends a whole job at its first crash, so that every worker
            needs its own job.
        speculation: True if Spark may run a second copy of a slow task.
        announces_preemption: True if :meth:`tasks_to_move` may find tasks.
    """

    session: ClassicSession | ConnectSession
    app_id: str
    host: str
    advertised: str
    master: str = ""
    local: bool
    job_per_worker: bool
    speculation: bool
    announces_preemption: bool = False

    @property
    def spare_workers(self) -> int:
        """Number of workers that stay when no further trial is available. The others leave.

        Under speculation all workers stay, since Spark would start copies of the tasks that still
        run.
        """
        return sys.maxsize if self.speculation else 0

    def version(self) -> str:
        """Return the version of Spark; empty if it is unknown."""
        return ""

    def settings(self) -> dict[str, str]:
        """Return Spark's settings by name. Spark itself has redacted secrets in them.

        Returns:
            The settings; empty where Spark offers no redacted ones.
        """
        return {}

    @abstractmethod
    def slots(self) -> int | None:
        """Return how many tasks Spark can run at once.

        Returns:
            At least 1; None if Spark starts executors without a limit.
        """

    def pack(self, value: object) -> Payload:
        """Pickle a value once for all jobs.

        Raises:
            TooLargeError: If the value is too large for Spark.
            Exception: If a part of the value cannot be pickled.
        """
        data = dumps(value)
        return Payload(len(data), data)

    @abstractmethod
    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[object]:
        """Run a job with one task for each partition, and wait for its end.

        Args:
            job: The name by which the job can be cancelled.
            description: The text that Spark's web pages show.
            partitions: The partition numbers, one for each task.
            task: The function that each task calls.

        Returns:
            The values that the tasks returned, in the order of the partitions.

        Raises:
            Exception: If Spark reports a failure of the job. The type depends on Spark.
        """

    def why_gone(self) -> str | None:
        """Return why this Spark can run no more jobs, with the remedy; None if it can run some."""
        return None

    @abstractmethod
    def cancel(self, job: str) -> None:
        """Have Spark kill the tasks of a job."""

    def kill(self, job: str, task: int) -> None:
        """Have Spark kill one task of a job and start it again.

        Nothing happens where Spark offers no way to kill a single task.

        Args:
            job: The name of the job.
            task: The id of the task in the Spark application.
        """
        # The task is the only one of its job.
        if self.job_per_worker:
            self.cancel(job)

    def tasks_to_move(self, tasks: list[int]) -> list[int]:
        """Return those of the tasks whose executors Spark will take away.

        Args:
            tasks: The ids of tasks in the Spark application. They may have ended.
        """
        return []

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Return a daemon thread from which :meth:`run` may be called.

        The thread inherits the Spark properties of the calling thread. It is not started yet.
        """
        from pyspark import InheritableThread

        # Spark 3.5 accepts this option for sessions of Connect only.
        options = {"session": self.session} if is_connect(self.session) else {}
        thread: threading.Thread = InheritableThread(target=target, **options)
        thread.name, thread.daemon = name, True
        return thread


def is_connect(session: object) -> bool:
    """Return whether a session belongs to Spark Connect."""
    # The module's name decides: importing the class fails where gRPC is not installed.
    return type(session).__module__.startswith("pyspark.sql.connect")


def task_info(partition: int) -> TaskInfo:
    """Return the identity of the task in which this function is called."""
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
