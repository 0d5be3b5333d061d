"""A cluster whose tasks are threads of this process."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from maggy.core.cluster import Cluster, Task, TaskInfo

__all__ = ["POLL_SECONDS", "ThreadCluster"]

SLOTS = 4
"""Number of tasks that a cluster of threads runs at once."""
POLL_SECONDS = 0.02
"""Seconds between two looks at whether a job was cancelled."""


class ThreadCluster(Cluster):
    """A cluster whose tasks are threads. A task that dies fails its job, as in Spark.

    Args:
        job_per_worker: Whether a job ends at the first task that dies.

    Attributes:
        cancelled: Set when a job was cancelled.
        jobs: The names of the jobs, in the order of their start.
    """

    app_id = "threads"
    host = advertised = "127.0.0.1"
    local = True
    speculation = False

    def __init__(self, job_per_worker: bool = True) -> None:
        self.job_per_worker = job_per_worker
        self.cancelled = threading.Event()
        self.jobs: list[str] = []
        self._task_ids = itertools.count()

    def slots(self) -> int | None:
        """Return how many tasks run at once."""
        return SLOTS

    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[object]:
        """Run each task on a thread, and wait for the end of all, or of the job."""
        self.jobs.append(job)
        values: dict[int, list[object]] = {}
        failures: list[tuple[int, BaseException]] = []

        def body(position: int, partition: int) -> None:
            try:
                values[position] = task(TaskInfo(partition, 0, [], next(self._task_ids)))
            except BaseException as error:
                failures.append((position, error))

        threads = [
            threading.Thread(target=body, args=(position, partition), daemon=True)
            for position, partition in enumerate(partitions)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not self.cancelled.is_set() and not failures:
                thread.join(POLL_SECONDS)
        if failures:
            position, error = failures[0]
            # The words of Spark, in which the driver looks for the task.
            raise RuntimeError(
                f"Job aborted: Task {position} in stage 0.0 failed 1 times, most recent failure: "
                f"Lost task {position}.0 in stage 0.0: {error}\nDriver stacktrace:"
            )
        if self.cancelled.is_set():
            raise RuntimeError(f"Job {job} cancelled")
        return [value for position in sorted(values) for value in values[position]]

    def cancel(self, job: str) -> None:
        """End the wait for every job. The threads themselves go on."""
        self.cancelled.set()

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Return a daemon thread, not yet started."""
        return threading.Thread(target=target, name=name, daemon=True)
