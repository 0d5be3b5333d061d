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
from typing import TextIO

__all__ = ["LineWriter", "Surroundings", "isolated"]

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


class Surroundings:
    """What user code may change in a process, as it is now, to be put back later.

    Made once and put back after each trial: looking at everything takes longer than a short trial.
    """

    def __init__(self) -> None:
        self._print = builtins.print
        self._stdout = sys.stdout
        self._directory = os.getcwd()
        self._environment = dict(os.environ)
        self._path = list(sys.path)
        # By number: the constants of the module signal are slow to look up.
        self._handlers = {int(number): signal.getsignal(number) for number in signal.valid_signals()}
        self._alarm = signal.getitimer(signal.ITIMER_REAL)

    @property
    def stdout(self) -> TextIO:
        """Where output goes if nobody redirects it."""
        return self._stdout

    def put_back_output(self) -> None:
        """Have ``print`` and ``sys.stdout`` as they were."""
        builtins.print = self._print
        sys.stdout = self._stdout

    def put_back(self) -> None:
        """Have everything else as it was."""
        sys.path[:] = self._path
        self._put_back_directory()
        self._put_back_environment()
        signal.setitimer(signal.ITIMER_REAL, *self._alarm)  # one left on would end the process during the next trial
        self._put_back_handlers()
        _forget_keras_session()

    def _put_back_directory(self) -> None:
        try:
            os.chdir(self._directory)
        except OSError:  # the trial has removed it; the next one still needs some directory
            os.chdir(tempfile.gettempdir())

    def _put_back_environment(self) -> None:
        now = dict(os.environ)
        if now == self._environment:
            return
        for name in now.keys() - self._environment.keys():
            del os.environ[name]
        for name, value in self._environment.items():
            if now.get(name) != value:
                os.environ[name] = value

    def _put_back_handlers(self) -> None:
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


@contextlib.contextmanager
def isolated(
    emit: Callable[[str], None], *, tee: bool = False, surroundings: Surroundings | None = None
) -> Iterator[None]:
    """Hand on what is printed inside, and put back afterwards what user code may have changed.

    Put back: ``print``, ``sys.stdout``, the working directory, the environment variables, ``sys.path``, the signal
    handlers and alarm, and Keras' global session where Keras is loaded. Only for a process's main thread.

    Args:
        emit: Called with each line that is printed.
        tee: Also print as before.
        surroundings: What is put back; what is there now if None.
    """
    before = surroundings or Surroundings()
    writer = LineWriter(emit, before.stdout, tee)
    sys.stdout = writer
    try:
        yield
    finally:
        before.put_back_output()
        writer.finish()
        before.put_back()


def _forget_keras_session() -> None:
    if "keras" not in sys.modules:
        return
    from keras.utils import clear_session

    clear_session(free_memory=False)  # freeing memory would collect garbage for 180 ms
