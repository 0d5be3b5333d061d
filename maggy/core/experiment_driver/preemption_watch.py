"""Ask Spark every few seconds which executors it will take away, on a thread of its own.

Spark has no event for that. On a cluster that announces nothing there is no thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from maggy.core.cluster import Cluster
from maggy.core.messages import WorkerId

__all__ = ["PreemptionWatch"]

LOOK_SECONDS = 2.0
"""Seconds between two looks. A look takes less than a millisecond while no executor has to go."""
CLOSE_SECONDS = 1.5
"""Seconds for which the end of the watch waits for a call of Spark that hangs."""


class PreemptionWatch:
    """Report the workers whose executors Spark will take away, each of them once.

    Args:
        cluster: The Spark cluster.
        report: Called with the workers, on the thread of the watch.
        log: Called with a line if Spark cannot be asked.
    """

    def __init__(
        self,
        cluster: Cluster,
        report: Callable[[list[WorkerId]], None],
        log: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._report = report
        self._log = log
        # By the id of the Spark task. The dispatcher adds workers, and the watch removes them.
        self._workers: dict[int, WorkerId] = {}
        self._is_over = threading.Event()
        self._has_failed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if Spark announces anything."""
        if self._cluster.announces_preemption:
            self._thread = self._cluster.thread(self._run, "maggy-preemption")
            self._thread.start()

    def add(self, worker: WorkerId, task: int) -> None:
        """Watch a worker, too. Any thread may call this.

        Args:
            worker: The worker.
            task: The id that Spark gave to its task.
        """
        self._workers[task] = worker

    def close(self) -> None:
        """End the thread. A call of Spark that hangs is left to itself."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            try:
                self._look()
            except Exception as error:
                # If Spark is gone, the threads of the jobs say so.
                if not self._has_failed:
                    self._has_failed = True
                    reason = f"{type(error).__name__}: {error}".splitlines()[0]
                    self._log(f"Spark does not say which executors it takes away: {reason}")

    def _look(self) -> None:
        tasks = self._cluster.tasks_to_move(list(self._workers))
        if tasks:
            self._report([self._workers.pop(task) for task in tasks])
