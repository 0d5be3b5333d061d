"""A thread that writes records, so that nobody waits for a disk. It knows calls, not what they write."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

__all__ = ["RecordWriter"]

_LOG = logging.getLogger(__name__)


class RecordWriter:
    """Runs calls one after the other, in the order of :meth:`submit`, on a thread of its own.

    A call that raises costs its own record only. The first such error is told to ``on_error``, further ones are
    counted and told once by :meth:`close`. The thread sleeps while there is nothing to write.

    Example:
        >>> from maggy.core.writer import RecordWriter
        >>> writer, written = RecordWriter(on_error=print), []
        >>> writer.submit(written.append, "a record")
        >>> writer.close()
        True
        >>> written
        ['a record']

    Args:
        on_error: Called with a sentence, on the writer's thread or in :meth:`close`.
    """

    def __init__(self, on_error: Callable[[str], Any]) -> None:
        self._on_error = on_error
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
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
            if self._closed:
                raise RuntimeError("A record must be submitted before the writer is closed.")
            if self._thread is None:
                # A daemon, so that a disk that hangs cannot keep the process from ending.
                self._thread = threading.Thread(target=self._run, name="maggy-writer", daemon=True)
                self._thread.start()
            self._calls.put((function, args))

    def close(self, timeout: float | None = None) -> bool:
        """Write what is waiting, then end the thread. Closing again is harmless.

        Args:
            timeout: Seconds to wait at most; None to wait until all is written.

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
        thread.join(timeout)
        if first and self._errors > 1:
            self._tell(f"{self._errors} records in all could not be written.")
        return not thread.is_alive()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            function, args = call
            try:
                function(*args)
            except Exception as error:  # whatever it is, the records that follow are still wanted
                self._errors += 1
                if self._errors == 1:
                    _LOG.debug("A record could not be written.", exc_info=True)
                    self._tell(
                        f"A record could not be written ({type(error).__name__}: {error}); the experiment goes on."
                    )
            # Nothing of a record may live on while the thread waits for the next one.
            del call, function, args

    def _tell(self, message: str) -> None:
        try:
            self._on_error(message)
        except Exception:
            _LOG.warning("%s", message, exc_info=True)
