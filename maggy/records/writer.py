"""Write records on a thread of its own, so that nobody waits for a store. It knows only calls."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeAlias

__all__ = ["RecordWriter"]

_LOG = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
"""Time for which a store may be away before its records are given up."""
SLOW_SECONDS = 10.0
"""Time after which :meth:`RecordWriter.close` says that it waits."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
"""Seconds between two attempts: the delay doubles from the first to the longest."""
REST_FACTOR = 9
"""After a sweep the writer rests from sweeping for this many times the duration of the sweep."""
LONGEST_REST = 5.0
"""Maximum rest after a sweep, in seconds."""
_ERRORS_OF_RECORDS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)
# PermissionError is not among them: stores refuse an expired token, or everybody while they start.
_PERMANENT_ERRORS = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError)

_Call: TypeAlias = tuple[Callable[..., object], tuple[object, ...]]


class RecordWriter:
    """Run calls one after the other, in the order of :meth:`submit`, on a thread of its own.

    A call may fail with an error that can pass: an ``OSError`` such as a lost connection or a full
    disk, or an error of a store's own library. The writer repeats such a call, with growing delays,
    for ``patience`` seconds; later calls wait in memory. So parts of a call may run more than once.
    Any other error costs only this record.

    When the patience has run out, the writer tries each call once, until a call succeeds. After
    :meth:`close` it does so for at most ``patience`` seconds.

    ``on_error`` hears of the first error, and :meth:`close` tells it how many records are missing.
    The thread sleeps while there is nothing to write, and wakes only to call the guard. Use
    :meth:`sweep` for files that grow all the time, such as a log.

    Example:
        >>> from maggy.records.writer import RecordWriter
        >>> writer, records = RecordWriter(on_error=print), []
        >>> writer.submit(records.append, "a record")
        >>> writer.close()
        True
        >>> records
        ['a record']

    Args:
        on_error: Called with a sentence, on the writer's thread or in :meth:`close`.
        patience: Seconds for which a store may be away; 0 to repeat no call.
        clock: Return monotonic seconds.
        guard: Called before each record, on the writer's thread. If it raises, the record is not
            written, as if the record's own call had raised that error.
        guard_seconds: Seconds between two calls of the guard while there is nothing to write.
        subject: What the sentences for ``on_error`` call a record.
        place: Where these sentences say that records wait.
    """

    def __init__(
        self,
        on_error: Callable[[str], object],
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        guard: Callable[[], None] | None = None,
        guard_seconds: float = 15.0,
        subject: str = "record",
        place: str = "in memory",
    ) -> None:
        self._on_error = on_error
        self._patience = patience
        self._clock = clock
        self._guard = guard
        self._guard_seconds = guard_seconds
        self._subject = subject
        self._place = place
        self._last_guard_time = clock()
        self._is_abandoned = False
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()  # None ends the thread
        self._sweep: Callable[[], object] | None = None
        self._next_sweep_time = 0.0
        self._later: tuple[float, Callable[[], object]] | None = None  # the time, and the call
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wake = threading.Condition()
        self._is_closed = False
        self._has_told = False
        self._give_up_time: float | None = None  # None while there is hope
        self._call_count = 0
        self._errors = 0

    @property
    def errors(self) -> int:
        """The number of records that could not be written so far."""
        return self._errors

    def submit(self, function: Callable[..., object], *args: object) -> None:
        """Have ``function(*args)`` run soon, and return at once.

        Raises:
            RuntimeError: If the writer is closed.
        """
        # Under the lock no call can enter the queue after the None with which close ends it.
        with self._lock:
            self._start()
            self._calls.put((function, args))

    def sweep(self, function: Callable[[], object]) -> None:
        """Have ``function()`` run before long, but in at most a tenth of the thread's time.

        The function must do all the work that has come up when it runs. To ask again before it has
        run has no effect. So a file that grows all the time is written at once when that is
        cheap, and seldom, with more at a time, when it is not. A sweep keeps no order with the
        submitted calls. On closing it runs last.

        Raises:
            RuntimeError: If the writer is closed.
        """
        if self._sweep is not None:
            return
        with self._lock:
            self._start()
            self._sweep = function
            self._calls.put((_do_nothing, ()))  # wakes the thread

    def call_later(self, function: Callable[[], object], seconds: float) -> None:
        """Have ``function()`` run in some seconds, as a record. One call at a time can wait so.

        To ask again before it has run has no effect. It does not run once the writer is closed.

        Raises:
            RuntimeError: If the writer is closed.
        """
        if self._later is not None:
            return
        with self._lock:
            self._start()
            self._later = self._clock() + seconds, function
            self._calls.put((_do_nothing, ()))  # the thread must know until when it may sleep

    def abandon(self) -> None:
        """Write no more records, neither waiting nor later ones, and count none as an error."""
        self._is_abandoned = True

    def _start(self) -> None:
        if self._is_closed:
            raise RuntimeError("A record must be submitted before the writer is closed.")
        if self._thread is None:
            # A daemon, so that a disk that hangs cannot keep the process from ending.
            self._thread = threading.Thread(target=self._run, name="maggy-writer", daemon=True)
            self._thread.start()

    def close(self, timeout: float | None = None) -> bool:
        """Write all waiting records, then end the thread. Closing again is harmless.

        Args:
            timeout: Maximum seconds to wait; None to wait as long as there is hope. A store that
                refuses has the rest of its patience. A store that does not answer has all of it
                for each record.

        Returns:
            Whether all records were handled within the time.
        """
        with self._lock:
            is_first, self._is_closed = not self._is_closed, True
            thread = self._thread
            if is_first:
                self._calls.put(None)
        if thread is None:
            return True
        with self._wake:
            self._wake.notify_all()  # end a delay: perhaps the store is back already
        self._join(thread, timeout)
        hangs = thread.is_alive()
        if is_first and hangs and timeout is None:
            self._tell(
                f"The {self._subject}s that are left could not be written, since the store does "
                "not answer."
            )
        elif is_first and self._errors > 1:
            self._tell(f"{self._errors} {self._subject}s in all could not be written.")
        return not hangs

    def _join(self, thread: threading.Thread, timeout: float | None) -> None:
        """Wait for the thread; without a timeout as long as it finishes one call after another."""
        if timeout is not None:
            thread.join(timeout)
            return
        call_count = -1
        while thread.is_alive() and call_count != self._call_count:
            call_count = self._call_count
            thread.join(SLOW_SECONDS)
            if thread.is_alive() and call_count == self._call_count:
                self._tell_that_it_waits()
                thread.join(self._patience + LONGEST_DELAY)

    def _tell_that_it_waits(self) -> None:
        # The library of a store may repeat a call by itself, and then nothing has failed so far.
        if not self._has_told:
            self._has_told = True
            self._tell(
                f"The store of the {self._subject}s does not answer; they are kept {self._place} "
                "until it does."
            )

    # From here on everything runs on the writer's thread.

    def _run(self) -> None:
        while (call := self._next_call()) is not None:
            self._write(*call)
            self._call_count += 1
            # Nothing of a record may live on while the thread waits for the next one.
            del call
            if self._sweep is not None and self._clock() >= self._next_sweep_time:
                self._run_sweep(self._sweep)
            if self._later is not None and self._clock() >= self._later[0]:
                function = self._later[1]
                self._later = None  # before it runs, so that what comes meanwhile asks again
                self._write(function, ())
        if self._sweep is not None:
            self._run_sweep(self._sweep)

    def _next_call(self) -> _Call | None:
        deadlines = [] if self._sweep is None else [self._next_sweep_time]
        if self._later is not None:
            deadlines.append(self._later[0])
        if self._guard is not None and not self._is_abandoned:
            deadlines.append(self._last_guard_time + self._guard_seconds)
        timeout = max(0.0, min(deadlines) - self._clock()) if deadlines else None
        try:
            return self._calls.get(timeout=timeout)
        except Empty:
            return _do_nothing, ()  # to write it calls the guard

    def _run_sweep(self, function: Callable[[], object]) -> None:
        start = self._clock()
        self._sweep = None  # before it runs, so that work that comes meanwhile asks for another
        self._write(function, ())
        self._call_count += 1
        end = self._clock()
        self._next_sweep_time = end + min(REST_FACTOR * (end - start), LONGEST_REST)

    def _write(self, function: Callable[..., object], args: tuple[object, ...]) -> None:
        if self._is_out_of_time():
            self._errors += 1
            return
        deadline: float | None = None
        delay = FIRST_DELAY
        while not self._is_abandoned:
            try:
                self._call_guard()
                function(*args)
            except Exception as error:  # whatever it is, the next records are still wanted
                if self._is_abandoned:
                    return
                has_hope = _may_pass(error) and self._give_up_time is None
                if deadline is None:
                    deadline = self._clock() + (self._patience if has_hope else 0.0)
                remaining = deadline - self._clock()
                self._tell_first(error, will_repeat=has_hope and remaining > 0)
                if not has_hope or remaining <= 0:
                    self._errors += 1
                    if has_hope:
                        self._give_up_time = self._clock()
                    return
                with self._wake:
                    self._wake.wait(min(delay, remaining))
                delay = min(2 * delay, LONGEST_DELAY)
            else:
                self._give_up_time = None
                return

    def _is_out_of_time(self) -> bool:
        """Return whether closing has waited long enough for a store that stays away."""
        return (
            self._is_closed
            and self._give_up_time is not None
            and self._clock() - self._give_up_time > max(self._patience, 1.0)
        )

    def _call_guard(self) -> None:
        if self._guard is not None:
            self._last_guard_time = self._clock()
            self._guard()

    def _tell_first(self, error: Exception, *, will_repeat: bool) -> None:
        if self._has_told:
            return
        self._has_told = True
        _LOG.debug("A record could not be written.", exc_info=True)
        reason = f"({type(error).__name__}: {error})"
        if will_repeat:
            self._tell(
                f"{self._subject.capitalize()}s cannot be written at the moment {reason}. They "
                f"are kept {self._place} and tried again for up to {self._patience:g} seconds; "
                "the experiment goes on."
            )
        else:
            self._tell(f"A {self._subject} could not be written {reason}; the experiment goes on.")

    def _tell(self, message: str) -> None:
        try:
            self._on_error(message)
        except Exception:  # an error in the callback must not end the thread
            _LOG.warning("%s", message, exc_info=True)


def _do_nothing() -> None:
    """Do nothing, as a call that only wakes the thread."""


def _may_pass(error: Exception) -> bool:
    """Return whether the same call may succeed later.

    Errors of the system and of a store's library may pass; those of the record itself do not.
    """
    return not isinstance(error, (*_PERMANENT_ERRORS, *_ERRORS_OF_RECORDS))
