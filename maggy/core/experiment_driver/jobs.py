"""Start and end the Spark jobs whose tasks are the workers, each on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from maggy.common.exceptions import ExperimentError
from maggy.core.cluster import Cluster, Task, error_of, release_error

__all__ = ["JobEnd", "Jobs", "SparkIsGone"]


class SparkIsGone(Exception):
    """Spark cannot run anything any more. The message says why, and the remedy."""


@dataclass(frozen=True)
class JobEnd:
    """The end of a Spark job.

    Attributes:
        job: The number of the job.
        partitions: Its partitions.
        values: The return values of its tasks; empty if it failed.
        error: Why it failed; None if it did not.
        culprit: The partition whose crash made the job fail; None if it is unknown.
    """

    job: int
    partitions: list[int]
    values: list[Any]
    error: str | None = None
    culprit: int | None = None


class Jobs:
    """Start workers, and end them.

    Args:
        cluster: The Spark cluster that runs them.
        experiment_id: Part of the names of the job groups, by which jobs are cancelled.
        description: The text that Spark's own pages show.
        make_task: Returns the task of the job with a given number.
        on_end: Called at the end of each job, on the job's thread.
        on_fatal: Called when no further job can succeed, with the error that ends the experiment.
            It may be called on any thread and several times.
    """

    def __init__(
        self,
        cluster: Cluster,
        experiment_id: str,
        description: str,
        make_task: Callable[[int], Task],
        on_end: Callable[[JobEnd], None],
        on_fatal: Callable[[Exception], None],
    ) -> None:
        self._cluster = cluster
        self._experiment_id = experiment_id
        self._description = description
        self._make_task = make_task
        self._on_end = on_end
        self._on_fatal = on_fatal
        self._count = 0
        self._threads: dict[int, threading.Thread] = {}

    def launch(self, partitions: list[int]) -> None:
        """Start a worker for each partition.

        All run in one job. Where Spark would give up the whole job when one of them crashes, each
        gets a job of its own.
        """
        groups = (
            [[partition] for partition in partitions]
            if self._cluster.job_per_worker
            else [partitions]
        )
        for group in groups:
            job = self._count
            self._count += 1
            # Starting a thread asks Spark for the properties of this one, which may fail.
            with self._report_absence():
                thread = self._cluster.thread(self._make_runner(job, group), f"maggy-job-{job}")
                thread.start()
                self._threads[job] = thread

    def join(self, seconds: float) -> bool:
        """Wait until every job has ended, at most this long, and return whether they have ended."""
        deadline = time.monotonic() + seconds
        for thread in list(self._threads.values()):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads.values())

    def cancel(self) -> None:
        """Have Spark kill all running tasks."""
        for job, thread in self._threads.items():
            if thread.is_alive():
                with self._report_absence():
                    self._cluster.cancel(self._group(job))

    def kill(self, job: int, task: int) -> None:
        """Have Spark kill one task of a job."""
        with self._report_absence():
            self._cluster.kill(self._group(job), task)

    @contextmanager
    def _report_absence(self) -> Iterator[None]:
        """Report that Spark is gone in place of the error that its absence causes."""
        try:
            yield
        except Exception:
            reason = self._cluster.why_gone()
            if reason is None:
                raise
            self._on_fatal(SparkIsGone(reason))

    def _group(self, job: int) -> str:
        return f"maggy-{self._experiment_id}-{job}"

    def _make_runner(self, job: int, partitions: list[int]) -> Callable[[], None]:
        def run() -> None:
            try:
                values = self._cluster.run(
                    self._group(job), self._description, partitions, self._make_task(job)
                )
            except Exception as error:
                self._handle_failure(job, partitions, error)
            else:
                self._on_end(JobEnd(job, partitions, values))

        return run

    def _handle_failure(self, job: int, partitions: list[int], error: Exception) -> None:
        if (absence := self._cluster.why_gone()) is not None:
            self._on_fatal(SparkIsGone(absence))
            return
        if (mismatch := release_error(error)) is not None:
            self._on_fatal(ExperimentError(mismatch))
            return
        reason, index = error_of(error)
        is_ours = index is not None and index < len(partitions)
        culprit = partitions[index] if is_ours and index is not None else None
        self._on_end(JobEnd(job, partitions, [], reason, culprit))
