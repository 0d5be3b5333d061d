"""Show the progress and wait for the end, on the thread that called ``lagom``.

All other threads leave it calls in a queue, so that one thread alone prints and decides the end.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import suppress

from maggy.core.experiment_driver.ctrl_c import TimeIsUp
from maggy.core.experiment_driver.progress import Progress
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.worker_wait import WorkerWait

__all__ = ["Foreground"]

PATIENCE_SECONDS = 30.0
"""If no worker has come after this time, the user is told what may be the reason."""


class Foreground:
    """Run the calls of other threads until the experiment is over.

    :meth:`post`, :meth:`wake` and :attr:`backlog` may be used from any thread, everything else only
    from the thread that called ``lagom``.

    Args:
        progress: Shows the progress.
        recorder: Logs what the user is told.
        driver_host: Where the driver listens, for the hint when no worker comes.
        num_workers: Number of workers that the driver starts.
        verbose: As in :class:`~maggy.experiment_config.CommonConfig`.

    Attributes:
        error: The error that ended the experiment; None if it ended by itself.
        is_over: The experiment is over.
    """

    def __init__(
        self,
        progress: Progress,
        recorder: Recorder,
        driver_host: str,
        num_workers: int = 0,
        verbose: int = 1,
    ) -> None:
        self._progress = progress
        self._recorder = recorder
        self._driver_host = driver_host
        self._num_workers = num_workers
        self._workers = WorkerWait(num_workers, time.monotonic())
        self._verbose = verbose
        self._partitions: set[int] = set()  # those from which a worker has come
        self._calls: queue.SimpleQueue[tuple[Callable[..., None], tuple[object, ...]]] = (
            queue.SimpleQueue()
        )
        self.error: BaseException | None = None
        self.is_over = False

    def post(self, call: Callable[..., None], *args: object) -> None:
        """Have a function called soon by the foreground thread. May be called from any thread."""
        self._calls.put((call, args))

    def wake(self) -> None:
        """Wake the foreground thread. May be called from any thread and from a signal handler."""
        self._calls.put((_do_nothing, ()))

    @property
    def backlog(self) -> int:
        """Number of calls that wait. May be read from any thread."""
        return self._calls.qsize()

    def say(self, text: str) -> None:
        """Show a line to the user, and add it to ``maggy.log``."""
        self._recorder.log(text)
        self._progress.say(text)

    def worker_came(self, partition: int) -> None:
        """Count a worker. One that comes again in the same place counts once."""
        self._partitions.add(partition)

    @property
    def num_registered(self) -> int:
        """Number of places from which a worker has come."""
        return len(self._partitions)

    @property
    def waiting_text(self) -> str:
        """What the experiment waits for; empty if it waits for nothing."""
        return self._workers.text(self.num_registered)

    def end(self) -> None:
        """End the experiment, since all trials have ended."""
        self.is_over = True

    def fail(self, error: BaseException) -> None:
        """End the experiment with an error. The first error counts."""
        if self.error is None:
            self.error = error
        self.is_over = True

    def wait(self, max_seconds: float | None) -> None:
        """Run calls until the experiment is over.

        Args:
            max_seconds: Seconds that the experiment may take; None for no limit.

        Raises:
            TimeIsUp: If it takes longer.
        """
        try:
            self._run_calls(max_seconds)
        finally:
            self._progress.waiting("")

    def wait_while(self, condition: Callable[[], bool]) -> None:
        """Run calls while the condition holds and no error has come."""
        while self.error is None and condition():
            self._run_next(time.monotonic() + 1.0)

    def run_backlog(self) -> None:
        """Run all calls that wait."""
        while not self._calls.empty():
            call, args = self._calls.get()
            call(*args)

    def _run_calls(self, max_seconds: float | None) -> None:
        start = time.monotonic()
        end = None if max_seconds is None else start + max_seconds
        hint: float | None = start + PATIENCE_SECONDS
        self._workers = workers = WorkerWait(self._num_workers, start)  # from now on
        while not self.is_over:
            self._progress.waiting(self.waiting_text)
            deadlines = (end, hint, workers.deadline(self.num_registered))
            self._run_next(min((limit for limit in deadlines if limit is not None), default=None))
            now = time.monotonic()
            if end is not None and now >= end and not self.is_over:
                self.say(
                    f"The experiment ends after max_seconds={max_seconds:g} with the trials that "
                    "it has."
                )
                raise TimeIsUp(f"max_seconds={max_seconds:g} are over.")
            if not self.is_over:
                self._say_who_is_missing(workers.line(self.num_registered, now))
            if self.num_registered:
                hint = None
            elif hint is not None and now >= hint:
                hint = None
                self.say(
                    f"No worker has come yet after {PATIENCE_SECONDS:g} seconds. If executors "
                    "are not just starting or unpacking an archive, Spark has no free task slot, "
                    f"or they cannot reach the driver at {self._driver_host}."
                )

    def _say_who_is_missing(self, line: str) -> None:
        if not line:
            return
        self._recorder.log(line)
        if self._verbose > 0:
            self._progress.say_unless_shown(line)

    def _run_next(self, deadline: float | None) -> None:
        """Run the next call, and wait for it until the deadline. Draw what is new."""
        limits = (deadline, self._progress.next_drawing())
        end = min((limit for limit in limits if limit is not None), default=None)
        timeout = None if end is None else max(0.0, end - time.monotonic())
        with suppress(queue.Empty):
            call, args = self._calls.get(timeout=timeout)
            call(*args)
        self._progress.draw_if_due()


def _do_nothing() -> None:
    """Stand for a call whose only purpose is to wake the thread."""
