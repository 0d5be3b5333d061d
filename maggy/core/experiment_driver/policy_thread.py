"""Run the thread that owns the trial book. A slow policy slows only this thread."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from maggy.core.experiment_driver.instructions import Points, TrialEvent
from maggy.core.experiment_driver.notices import Notice
from maggy.core.experiment_driver.trial_book import TrialBook

__all__ = ["PolicyThread", "TrialListener"]

logger = logging.getLogger(__name__)


class TrialListener(Protocol):
    """Acts on the notices of the trial book. Its methods must not block."""

    def act(self, notice: Notice) -> None:
        """Act on one notice."""

    def policy_failed(self, error: BaseException) -> None:
        """End the experiment, since the policy has raised an exception and the thread has ended."""


class PolicyThread:
    """Feed the trial book with events, one at a time, and hand its notices to the listener.

    Args:
        book: The trial book. After :meth:`start` only this thread may use it.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        book: TrialBook,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._point_hearers: Sequence[Callable[[Points], None]] = ()
        self._clock = clock
        self._queue: queue.SimpleQueue[tuple[TrialEvent | None, ...]] = queue.SimpleQueue()
        self._batch: deque[TrialEvent | None] = deque()  # out of the queue, and not yet handled
        self._thread = threading.Thread(target=self._run, name="maggy-policy", daemon=True)

    def start(
        self, listener: TrialListener, point_hearers: Sequence[Callable[[Points], None]] = ()
    ) -> None:
        """Restore the policy on the caller's thread, then start the thread.

        Args:
            listener: Acts on the notices.
            point_hearers: Called with the points of a trial before the book gets them. They must
                not block, and cost time for each report.
        """
        self._listener, self._point_hearers = listener, point_hearers
        self._act(self._book.start())
        self._thread.start()

    def put(self, *events: TrialEvent) -> None:
        """Queue events, which are handled in their order. May be called from any thread."""
        self._queue.put(events)

    def close(self, timeout: float | None = None) -> bool:
        """End the thread after the queued events, and return whether it has ended.

        Args:
            timeout: Seconds to wait for the thread at most; None for no limit.
        """
        self._queue.put((None,))
        if self._thread.ident is not None:  # an error may have come before its start
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while True:
                try:
                    event = self._next_event()
                except queue.Empty:
                    self._act(self._book.check_time())
                    continue
                if event is None:
                    return
                if self._point_hearers and isinstance(event, Points):
                    for hear in self._point_hearers:
                        hear(event)
                self._act(self._book.handle(event))
        except BaseException as error:
            logger.debug("The policy failed.", exc_info=True)
            self._listener.policy_failed(error)

    def _act(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self._listener.act(notice)

    def _next_event(self) -> TrialEvent | None:
        """Return the next event, or None at the end. Raise `queue.Empty` at the book's deadline."""
        if not self._batch and self._book.has_unannounced_ends:
            # The worker that ended a trial is about to ask for the next one: its request goes
            # first.
            with suppress(queue.Empty):
                self._batch.extend(self._queue.get_nowait())
            if not self._batch:
                self._act(self._book.announce_ends())
        if not self._batch:
            deadline = self._book.next_deadline()
            timeout = None if deadline is None else max(0.0, deadline - self._clock())
            self._batch.extend(self._queue.get(timeout=timeout))
        return self._batch.popleft()
