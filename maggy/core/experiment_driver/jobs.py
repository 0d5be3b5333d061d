"""The Spark jobs whose tasks are the workers: started, watched and ended, each on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from maggy.core.cluster.spark import Cluster, Task, error_of

__all__ = ["Jobs", "SparkIsGone"]

JobEnd = Callable[[int, "list[int]", "list[Any]", "str | None", "int | None"], None]


class SparkIsGone(Exception):
    """Spark can run nothing any more; the message says why, with the remedy."""


class Jobs:
    """Starts workers.

    Args:
        cluster: Where they run.
        experiment_id: Names the jobs' group, by which they are cancelled.
        description: What Spark's own pages show.
        make_task: The task of the job with this number.
        on_end: Called, on the job's thread, with the job's number, its partitions, what its tasks returned, and if
            it failed the reason and the partition to blame.
        on_gone: Called, on any thread and perhaps several times, when Spark can run nothing any more.
    """

    def __init__(
        self,
        cluster: Cluster,
        experiment_id: str,
        description: str,
        make_task: Callable[[int], Task],
        on_end: JobEnd,
        on_gone: Callable[[SparkIsGone], None],
    ) -> None:
        self._cluster = cluster
        self._experiment_id = experiment_id
        self._description = description
        self._make_task = make_task
        self._on_end = on_end
        self._on_gone = on_gone
        self._count = 0
        self._threads: dict[int, threading.Thread] = {}

    def launch(self, partitions: list[int]) -> None:
        """Start a worker for each partition, in one job, or in one each where Spark would give the whole job up."""
        groups = (
            [[partition] for partition in partitions]
            if self._cluster.job_per_worker
            else [partitions]
        )
        for group in groups:
            job = self._count
            self._count += 1
            with (
                self._unless_gone()
            ):  # to start a thread, Spark is asked for the properties of this one
                thread = self._cluster.thread(self._runner(job, group), f"maggy-job-{job}")
                thread.start()
                self._threads[job] = thread

    def join(self, seconds: float) -> bool:
        """Wait until every job is over, ``seconds`` at most; returns whether they are."""
        deadline = time.monotonic() + seconds
        for thread in list(self._threads.values()):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads.values())

    def cancel(self) -> None:
        """Have Spark kill what still runs."""
        for job, thread in self._threads.items():
            if thread.is_alive():
                with self._unless_gone():
                    self._cluster.cancel(self._group(job))

    def kill(self, job: int, task: int) -> None:
        """Have Spark kill one task of a job."""
        with self._unless_gone():
            self._cluster.kill(self._group(job), task)

    @contextmanager
    def _unless_gone(self) -> Iterator[None]:
        """Say that Spark is gone in place of the error that it causes."""
        try:
            yield
        except Exception:
            reason = self._cluster.gone()
            if reason is None:
                raise
            self._on_gone(SparkIsGone(reason))

    def _group(self, job: int) -> str:
        return f"maggy-{self._experiment_id}-{job}"

    def _runner(self, job: int, partitions: list[int]) -> Callable[[], None]:
        def run() -> None:
            try:
                values = self._cluster.run(
                    self._group(job), self._description, partitions, self._make_task(job)
                )
            except Exception as error:
                if (gone := self._cluster.gone()) is not None:
                    self._on_gone(SparkIsGone(gone))
                    return
                reason, index = error_of(error)
                culprit = (
                    partitions[index] if index is not None and index < len(partitions) else None
                )
                self._on_end(job, partitions, [], reason, culprit)
            else:
                self._on_end(job, partitions, values, None, None)

        return run
