"""What a trial prints, line by line: standard output, standard error, and handlers of logging that write to either."""

from __future__ import annotations

import builtins
import codecs
import contextlib
import io
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TextIO

__all__ = ["STDERR_MARK", "LineWriter", "Relay", "StandardStreams", "captured"]

MAX_LINE_LENGTH = 16_384
STDERR_MARK = "[stderr] "
"""How a line of standard error begins in a trial's output."""
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")


class Relay(Protocol):
    """Takes what a forked child prints to the process that runs the trial."""

    def send(self, is_error: bool, text: str) -> bool:
        """Send the text, from a child; returns whether it could be sent."""

    def begin(self, make_writer: Callable[[bool], LineWriter]) -> None:
        """Have what arrives from now on written to writers made by this, one for each child and stream."""

    def end(self) -> None:
        """Write what has arrived so far, and have what comes later written to the process's own streams."""


class LineWriter(io.TextIOBase):
    """A text stream that hands each finished line on.

    Of a line that a progress bar has drawn over and over, only the last state is kept. A line without end is handed
    on in pieces. Once :meth:`finish` was called, what is written goes to the stream that is in force by then: a
    logging handler that was made in one trial still has this one in the next.

    In a forked child, where nobody reads what is handed on, text goes through the relay, or without one to the file
    beneath.

    Args:
        emit: Called with each line, without its line end.
        beneath: The stream that was there before; also written to when ``tee`` is true.
        tee: Also write to ``beneath``.
        is_error: Whether this is standard error.
        relay: For what forked children write.
    """

    mode = "w"

    def __init__(
        self,
        emit: Callable[[str], None],
        beneath: TextIO,
        tee: bool,
        *,
        is_error: bool = False,
        relay: Relay | None = None,
    ) -> None:
        self._emit = emit
        self._beneath = beneath
        self._tee = tee
        self._is_error = is_error
        self._relay = relay
        self._process = os.getpid()
        self._pending = ""
        self._finished = self._forwarding = False
        self._lock = threading.RLock()  # a finalizer that prints may run inside write()
        self._encoding = "utf-8"
        self._errors = "backslashreplace" if is_error else "strict"
        self._buffer: _Bytes | None = None
        self._child: _ChildStream | None = None
        self.line_buffering, self.write_through = True, False

    @property
    def name(self) -> str:
        return "<stderr>" if self._is_error else "<stdout>"

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    @property
    def errors(self) -> str:  # type: ignore[override]
        return self._errors

    @property
    def buffer(self) -> io.BufferedIOBase:
        """The stream for bytes; they are decoded with this stream's encoding."""
        if self._buffer is None:
            self._buffer = _Bytes(self)
        return self._buffer

    def reconfigure(
        self,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        line_buffering: bool | None = None,
        write_through: bool | None = None,
    ) -> None:
        """Change what a standard stream lets be changed. A line is a line whatever ``newline`` is."""
        if encoding is not None:
            self._encoding = codecs.lookup(encoding).name
            self._errors = "strict"
        if errors is not None:
            codecs.lookup_error(errors)
            self._errors = errors
        if line_buffering is not None:
            self.line_buffering = bool(line_buffering)
        if write_through is not None:
            self.write_through = bool(write_through)
        self._buffer = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._beneath.fileno()

    def write(self, text: str) -> int:
        if os.getpid() != self._process:
            return self._in_child().write(text)
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
        in_force = sys.stderr if self._is_error else sys.stdout
        stream = self._beneath if self._forwarding else in_force  # which may lead back here
        self._forwarding = True
        try:
            return stream.write(text)
        finally:
            self._forwarding = False

    def flush(self) -> None:
        if os.getpid() != self._process:
            self._in_child().flush()
        elif self._tee:
            self._beneath.flush()

    def finish(self) -> None:
        """Hand on a last line that has no line end."""
        with self._lock:
            line, self._pending = self._pending, ""
            self._finished = True
        if line := _last_state(line):
            self._emit(line)

    def _in_child(self) -> _ChildStream:
        """Return the stream of the forked child that this is."""
        if self._child is None or self._child.process != os.getpid():
            self._child = _ChildStream(self._beneath, self._is_error, self._relay)
        return self._child


class _ChildStream:
    """What a :class:`LineWriter` is in a forked child: text goes on with each line's end or flush, unchanged.

    It shares nothing with the parent's stream: that one's last line is not the child's, and a thread of the parent may
    have held its lock during the fork.
    """

    def __init__(self, beneath: TextIO, is_error: bool, relay: Relay | None) -> None:
        self.process = os.getpid()
        self._beneath = beneath
        self._is_error = is_error
        self._relay = relay
        self._pending = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        with self._lock:
            self._pending += text
            if "\n" in text or len(self._pending) > MAX_LINE_LENGTH:
                self.flush()
        return len(text)

    def flush(self) -> None:
        with self._lock:
            text, self._pending = self._pending, ""
        if not text or (self._relay is not None and self._relay.send(self._is_error, text)):
            return
        # Not through the stream: what the parent had not flushed when it forked would be written twice.
        with contextlib.suppress(OSError, ValueError):
            os.write(self._beneath.fileno(), text.encode("utf-8", "backslashreplace"))


class _Bytes(io.BufferedIOBase):
    """The ``buffer`` of a :class:`LineWriter`. Closing it only flushes: a wrapper that is dropped closes it."""

    mode = "wb"

    def __init__(self, text: LineWriter) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder(text.encoding)("replace")

    @property
    def name(self) -> str:
        return self._text.name

    @property
    def raw(self) -> Any:
        return self

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()

    def write(self, data: Any) -> int:
        plain = memoryview(data).tobytes()
        self._text.write(self._decoder.decode(plain))
        return len(plain)

    def flush(self) -> None:
        self._text.flush()

    def close(self) -> None:
        self.flush()


def _last_state(line: str) -> str:
    states = [state for state in line.split("\r") if state]
    return _TERMINAL_CODES.sub("", states[-1]) if states else ""


class StandardStreams:
    """The standard streams of a process as they are when no trial runs, and the handlers of logging that hold them."""

    def __init__(self) -> None:
        self.stdout: Any = sys.stdout
        self.stderr: Any = sys.stderr
        self._print = builtins.print
        self._all_handlers: list[Any] = []  # as logging lists them, weakly
        self._handlers: list[tuple[Any, Any, bool]] = []

    def replace(self, stdout: Any, stderr: Any) -> None:
        """Have these as standard streams, also in handlers that were made before."""
        sys.stdout, sys.stderr = stdout, stderr
        listed: list[Any] = logging._handlerList  # type: ignore[attr-defined]
        if listed != self._all_handlers:
            self._all_handlers = list(listed)
            self._handlers = list(self._find_handlers())
        for handler, _, is_error in self._handlers:
            handler.stream = stderr if is_error else stdout

    def put_back(self) -> None:
        """Have ``print``, the streams and the handlers as they were."""
        builtins.print = self._print
        sys.stdout, sys.stderr = self.stdout, self.stderr
        for handler, stream, _ in self._handlers:
            handler.stream = stream

    def _find_handlers(self) -> Iterator[tuple[Any, Any, bool]]:
        for reference in self._all_handlers:
            handler = reference()
            stream = getattr(handler, "stream", None)
            if stream is None:
                continue
            if stream is self.stderr or stream is sys.__stderr__:
                yield handler, stream, True
            elif stream is self.stdout or stream is sys.__stdout__:
                yield handler, stream, False


@contextlib.contextmanager
def captured(
    emit: Callable[[str], None],
    *,
    tee: bool = False,
    streams: StandardStreams | None = None,
    relay: Relay | None = None,
) -> Iterator[None]:
    """Hand on what is printed inside, to standard output and (marked) to standard error.

    Handlers of logging that write to either are captured too, also those that were made before; no handler is added,
    and those that write to files are not touched.

    Args:
        emit: Called with each line that is printed.
        tee: Also print as before.
        streams: The streams as they were; those of now if None.
        relay: For what forked children print.
    """
    before = streams or StandardStreams()

    def emit_error(line: str) -> None:
        emit(STDERR_MARK + line)

    def make_writer(is_error: bool) -> LineWriter:
        beneath = before.stderr if is_error else before.stdout
        return LineWriter(
            emit_error if is_error else emit, beneath, tee, is_error=is_error, relay=relay
        )

    stdout, stderr = make_writer(False), make_writer(True)
    before.replace(stdout, stderr)
    if relay is not None:
        relay.begin(make_writer)
    try:
        yield
    finally:
        before.put_back()
        stdout.finish()
        stderr.finish()
        if relay is not None:
            relay.end()
