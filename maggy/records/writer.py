"""A thread that writes records, so that nobody waits for a store. It knows calls, not what they write."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

__all__ = ["RecordWriter"]

_LOG = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
"""For how long a store may be away before records are given up."""
SLOW_SECONDS = 10.0
"""After this time :meth:`RecordWriter.close` says that it waits."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
REST = 9
"""After a sweep the writer does not sweep for so many times as long as it took."""
LONGEST_REST = 5.0
_OF_THE_RECORD = (
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
# A refused permission is not among them: stores refuse a token that has expired, or everybody while they start.
_FOR_GOOD = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError)


class RecordWriter:
    """Runs calls one after the other, in the order of :meth:`submit`, on a thread of its own.

    A call that raises what may pass (an ``OSError`` such as a lost connection or a full disk, or an error of a store's
    own library) is tried again, with growing pauses, for ``patience`` seconds; what is submitted meanwhile waits in
    memory. So a call may run more than once, in part. Whatever else is raised costs that record only. Once the
    patience was in vain, each call is tried once, until one succeeds, and after :meth:`close` for as long again at
    most. What is added to over and over, such as a log, is better written by :meth:`sweep`.

    The first error is told to ``on_error``; how many records are missing in the end is told by :meth:`close`.
    The thread sleeps while there is nothing to write, but for the guard's sake.

    Example:
        >>> from maggy.records.writer import RecordWriter
        >>> writer, written = RecordWriter(on_error=print), []
        >>> writer.submit(written.append, "a record")
        >>> writer.close()
        True
        >>> written
        ['a record']

    Args:
        on_error: Called with a sentence, on the writer's thread or in :meth:`close`.
        patience: Seconds for which a store may be away; 0 to try nothing again.
        clock: Monotonic seconds.
        guard: Called before each record, on the writer's thread. If it raises, the record is not written, as if
            writing it had raised that.
        guard_seconds: While there is nothing to write the guard is called this often.
    """

    def __init__(
        self,
        on_error: Callable[[str], Any],
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        guard: Callable[[], None] | None = None,
        guard_seconds: float = 15.0,
    ) -> None:
        self._on_error = on_error
        self._patience = patience
        self._clock = clock
        self._guard = guard
        self._guard_seconds = guard_seconds
        self._guarded = clock()  # when the guard was called last
        self._abandoned = False
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._sweep: Callable[[], Any] | None = None
        self._rested = 0.0  # when the next sweep may be
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wake = threading.Condition()
        self._closed = False
        self._told = False
        self._in_vain: float | None = None  # since when
        self._handled = 0
        self._errors = 0

    @property
    def errors(self) -> int:
        """How many records could not be written so far."""
        return self._errors

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        """Have ``function(*args)`` run soon; returns at once.

        Raises:
            RuntimeError: The writer is closed.
        """
        with self._lock:
            self._start()
            self._calls.put((function, args))

    def sweep(self, function: Callable[[], Any]) -> None:
        """Have ``function()`` run before long, but let it take a tenth of the thread's time at most.

        It must do all that there is to do by then; asking again before it has run has no effect. So a file to which
        much is added is written at once when that is cheap, and seldom, with more at a time, when it is not. It keeps
        no order with what is submitted; on closing it runs last.

        Raises:
            RuntimeError: The writer is closed.
        """
        if self._sweep is not None:
            return
        with self._lock:
            self._start()
            self._sweep = function
            self._calls.put((_nothing, ()))  # wakes the thread

    def abandon(self) -> None:
        """Write nothing more, neither what is waiting nor what will be submitted, and count none of it as an error."""
        self._abandoned = True

    def _start(self) -> None:
        if self._closed:
            raise RuntimeError("A record must be submitted before the writer is closed.")
        if self._thread is None:
            # A daemon, so that a disk that hangs cannot keep the process from ending.
            self._thread = threading.Thread(target=self._run, name="maggy-writer", daemon=True)
            self._thread.start()

    def close(self, timeout: float | None = None) -> bool:
        """Write what is waiting, then end the thread. Closing again is harmless.

        Args:
            timeout: Seconds to wait at most; None to wait as long as there is hope: a store that is away has the rest
                of its patience, and one that does not even refuse has all of it for each record.

        Returns:
            Whether everything was handled within the time.
        """
        with self._lock:
            first, self._closed = not self._closed, True
            thread = self._thread
            if first:
                self._calls.put(None)
        if thread is None:
            return True
        with self._wake:
            self._wake.notify_all()  # perhaps the store is back already
        self._join(thread, timeout)
        hangs = thread.is_alive()
        if first and hangs and timeout is None:
            self._tell(
                "The records that are left could not be written, since the store does not answer."
            )
        elif first and self._errors > 1:
            self._tell(f"{self._errors} records in all could not be written.")
        return not hangs

    def _join(self, thread: threading.Thread, timeout: float | None) -> None:
        if timeout is not None:
            thread.join(timeout)
            return
        handled = -1
        while thread.is_alive() and handled != self._handled:
            handled = self._handled
            thread.join(SLOW_SECONDS)
            if thread.is_alive() and handled == self._handled:
                if (
                    not self._told
                ):  # a store's library may try again by itself, and then nothing has failed so far
                    self._told = True
                    self._tell(
                        "The store of the records does not answer; they are kept in memory until it does."
                    )
                thread.join(self._patience + LONGEST_DELAY)

    def _run(self) -> None:
        while (call := self._next_call()) is not None:
            self._write(*call)
            self._handled += 1
            # Nothing of a record may live on while the thread waits for the next one.
            del call
            if self._sweep is not None and self._clock() >= self._rested:
                self._run_sweep(self._sweep)
        if self._sweep is not None:
            self._run_sweep(self._sweep)

    def _next_call(self) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
        deadlines = [] if self._sweep is None else [self._rested]
        if self._guard is not None and not self._abandoned:
            deadlines.append(self._guarded + self._guard_seconds)
        try:
            return self._calls.get(
                timeout=max(0.0, min(deadlines) - self._clock()) if deadlines else None
            )
        except Empty:
            return _nothing, ()

    def _run_sweep(self, function: Callable[[], Any]) -> None:
        began = self._clock()
        self._sweep = None  # before it begins, so that what comes meanwhile asks for another
        self._write(function, ())
        self._handled += 1
        ended = self._clock()
        self._rested = ended + min(REST * (ended - began), LONGEST_REST)

    def _write(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if (
            self._closed
            and self._in_vain is not None
            and self._clock() - self._in_vain > max(self._patience, 1.0)
        ):
            self._errors += 1
            return
        deadline: float | None = None
        delay = FIRST_DELAY
        while not self._abandoned:
            try:
                self._call_guard()
                function(*args)
            except Exception as error:  # whatever it is, the records that follow are still wanted
                if self._abandoned:
                    return
                hope = _may_pass(error) and self._in_vain is None
                if deadline is None:
                    deadline = self._clock() + (self._patience if hope else 0.0)
                left = deadline - self._clock()
                self._tell_first(error, hope and left > 0)
                if not hope or left <= 0:
                    self._errors += 1
                    if hope:
                        self._in_vain = self._clock()
                    return
                with self._wake:
                    self._wake.wait(min(delay, left))
                delay = min(2 * delay, LONGEST_DELAY)
            else:
                self._in_vain = None
                return

    def _call_guard(self) -> None:
        if self._guard is not None:
            self._guarded = self._clock()
            self._guard()

    def _tell_first(self, error: Exception, again: bool) -> None:
        if self._told:
            return
        self._told = True
        _LOG.debug("A record could not be written.", exc_info=True)
        what = f"({type(error).__name__}: {error})"
        if again:
            self._tell(
                f"Records cannot be written at the moment {what}. They are kept in memory and tried again for up to "
                f"{self._patience:g} seconds; the experiment goes on."
            )
        else:
            self._tell(f"A record could not be written {what}; the experiment goes on.")

    def _tell(self, message: str) -> None:
        try:
            self._on_error(message)
        except Exception:
            _LOG.warning("%s", message, exc_info=True)


def _nothing() -> None:
    """A call that only wakes the thread."""


def _may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later: an error of the system or of a store's library, not of the record."""
    return not isinstance(error, (*_FOR_GOOD, *_OF_THE_RECORD))
