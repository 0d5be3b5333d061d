"""What keeps one trial from leaving traces for the next on the same worker: output, directory, environment, signals."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

__all__ = ["LineWriter", "isolated"]

MAX_LINE_LENGTH = 16_384
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")


class LineWriter(io.TextIOBase):
    """A text stream that hands each finished line on.

    Of a line that a progress bar has drawn over and over, only the last state is kept. A line without end is handed
    on in pieces. Once :meth:`finish` was called, what is written goes to the stream that is in force by then: a
    logging handler that was made in one trial still has this one in the next.

    Args:
        emit: Called with each line, without its line end.
        beneath: The stream that was there before; also written to when ``tee`` is true.
        tee: Also write to ``beneath``.
    """

    def __init__(self, emit: Callable[[str], None], beneath: TextIO, tee: bool) -> None:
        self._emit = emit
        self._beneath = beneath
        self._tee = tee
        self._pending = ""
        self._finished = self._forwarding = False
        self._lock = threading.RLock()  # a finalizer that prints may run inside write()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._beneath.fileno()

    def write(self, text: str) -> int:
        if self._finished:
            return self._forward(text)
        if self._tee:
            self._beneath.write(text)
        with self._lock:
            *lines, self._pending = (self._pending + text).split("\n")
            if "\r" in self._pending:  # drawn over: only the newest state can still become a line
                head, _, newest = self._pending.rpartition("\r")
                self._pending = newest or head.rstrip("\r").rpartition("\r")[2] + "\r"
            if len(self._pending) > MAX_LINE_LENGTH:
                lines.append(self._pending)
                self._pending = ""
        for line in lines:
            self._emit(_last_state(line))
        return len(text)

    def _forward(self, text: str) -> int:
        stream = self._beneath if self._forwarding else sys.stdout  # which may lead back here
        self._forwarding = True
        try:
            return stream.write(text)
        finally:
            self._forwarding = False

    def flush(self) -> None:
        if self._tee:
            self._beneath.flush()

    def finish(self) -> None:
        """Hand on a last line that has no line end."""
        with self._lock:
            line, self._pending = self._pending, ""
            self._finished = True
        if line := _last_state(line):
            self._emit(line)


def _last_state(line: str) -> str:
    states = [state for state in line.split("\r") if state]
    return _TERMINAL_CODES.sub("", states[-1]) if states else ""


@contextlib.contextmanager
def isolated(emit: Callable[[str], None], *, tee: bool = False) -> Iterator[None]:
    """Hand on what is printed inside, and put back afterwards what user code may have changed.

    Put back: ``print``, ``sys.stdout``, the working directory, the environment variables, ``sys.path``, the signal
    handlers and alarm, and Keras' global session where Keras is loaded. Only for a process's main thread.
    """
    stdout, print_function = sys.stdout, builtins.print
    directory, environment, path = os.getcwd(), dict(os.environ), list(sys.path)
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    alarm = signal.getitimer(signal.ITIMER_REAL)
    writer = LineWriter(emit, stdout, tee)
    sys.stdout = writer
    try:
        yield
    finally:
        builtins.print = print_function
        sys.stdout = stdout
        writer.finish()
        sys.path[:] = path
        _restore_directory(directory)
        _restore_environment(environment)
        signal.setitimer(signal.ITIMER_REAL, *alarm)  # one left on would end the process during the next trial
        _restore_signals(handlers)
        _forget_keras_session()


def _restore_directory(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError:  # the trial has removed it; the next one still needs some directory
        os.chdir(tempfile.gettempdir())


def _restore_environment(environment: dict[str, str]) -> None:
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _restore_signals(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _forget_keras_session() -> None:
    if "keras" not in sys.modules:
        return
    from keras.utils import clear_session

    clear_session(free_memory=False)  # freeing memory would collect garbage for 180 ms
