"""Pass on line by line what a trial prints, also in forked children, behind a text stream."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from maggy.core.messages import MAX_LINE_LENGTH

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["STDERR_MARK", "LineWriter", "Relay"]

TEXTS_AT_ONCE = 1000
"""After this many writes to one line their texts become one, so that they take little memory."""
CHILD_CHARACTERS = 16_384
"""A forked child sends what it prints at least after this many characters."""
STDERR_MARK = "[stderr] "
"""How a line of standard error begins in a trial's output."""
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")


class Relay(Protocol):
    """Bring what a forked child prints to the process that runs the trial."""

    def send(self, is_error: bool, text: str) -> bool:
        """Send text from a child; return whether it could be sent.

        Args:
            is_error: Whether the text goes to standard error.
            text: The text, with the ends of its lines.
        """

    def begin(self, make_writer: Callable[[bool], LineWriter]) -> None:
        """Write to new writers what arrives from now on.

        Args:
            make_writer: Makes a writer, one for each child and stream. It is called with whether
                the stream is standard error.
        """

    def end(self) -> None:
        """Write what has arrived so far; what comes later goes to the process's own streams."""


class LineWriter(io.TextIOBase):
    """Hand on each finished line that is written.

    It keeps only the last state of a line that a progress bar has drawn over and over, and hands on
    a line of more than ``MAX_LINE_LENGTH`` characters in pieces. After :meth:`finish` text goes to
    the stream that is in force by then, since a logging handler that was made in one trial still
    writes to this one in the next.

    In a forked child nobody reads what is handed on. So text goes through the relay there, or to
    the file below if there is no relay.

    Args:
        emit: Called with each line or piece, without its line end.
        beneath: The stream that this one replaces.
        tee: Whether to write to ``beneath``, too.
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
        self._texts: list[str] = []  # what was written since the last line end
        self._length = 0  # of these texts
        self._is_finished = self._is_forwarding = False
        self._lock = threading.RLock()  # A finalizer that prints may run inside write().
        self._encoding = "utf-8"
        self._errors = "backslashreplace" if is_error else "strict"
        self._buffer: _ByteStream | None = None
        self._child: _ChildStream | None = None
        self.line_buffering, self.write_through = True, False

    @property
    def name(self) -> str:
        """The name that Python gives to the standard stream."""
        return "<stderr>" if self._is_error else "<stdout>"

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the bytes that are written to :attr:`buffer`."""
        return self._encoding

    @property
    def errors(self) -> str:  # type: ignore[override]
        """The name of the error handler of the encoding."""
        return self._errors

    @property
    def buffer(self) -> io.BufferedIOBase:
        """The stream for bytes; they are decoded with this stream's encoding."""
        if self._buffer is None:
            self._buffer = _ByteStream(self)
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
        """Change the settings of the stream as far as Python does. ``newline`` has no effect."""
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
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the stream below, for code that writes past Python."""
        return self._beneath.fileno()

    def write(self, text: str) -> int:
        """Hand on the lines that this text finishes; return its length."""
        if os.getpid() != self._process:
            return self._in_child().write(text)
        if self._is_finished:
            return self._forward(text)
        if self._tee:
            self._beneath.write(text)
        with self._lock:
            self._texts.append(text)
            self._length += len(text)
            lines = self._take_lines() if self._has_lines(text) else []
        # Outside the lock, since handing on may wait for the driver.
        for line in lines:
            self._hand_on(_last_state(line))
        return len(text)

    def flush(self) -> None:
        """Flush what is written past this stream. A line that has no end yet waits."""
        if os.getpid() != self._process:
            self._in_child().flush()
        elif self._tee:
            self._beneath.flush()

    def finish(self) -> None:
        """Hand on a last line that has no line end."""
        with self._lock:
            line = "".join(self._texts)
            self._texts, self._length = [], 0
            self._is_finished = True
        if line := _last_state(line):
            self._hand_on(line)

    def _has_lines(self, text: str) -> bool:
        """Return whether to look for lines after this text was added. The caller holds the lock."""
        return (
            "\n" in text
            or "\r" in text
            or self._length > MAX_LINE_LENGTH
            or len(self._texts) >= TEXTS_AT_ONCE
        )

    def _take_lines(self) -> list[str]:
        """Return the finished lines, and keep the rest. The caller holds the lock."""
        # Taken before anything else: a finalizer that prints may run at any point below.
        texts, self._texts, self._length = self._texts, [], 0
        *lines, rest = "".join(texts).split("\n")
        if "\r" in rest:  # Only the newest state can still become a line.
            head, _, newest = rest.rpartition("\r")
            rest = newest or head.rstrip("\r").rpartition("\r")[2] + "\r"
        if len(rest) > MAX_LINE_LENGTH:
            *pieces, rest = _pieces(rest)
            lines += pieces
        if rest:
            self._texts.insert(0, rest)
            self._length += len(rest)
        return lines

    def _hand_on(self, line: str) -> None:
        if len(line) <= MAX_LINE_LENGTH:
            self._emit(line)
            return
        for piece in _pieces(line):
            self._emit(piece)

    def _forward(self, text: str) -> int:
        in_force = sys.stderr if self._is_error else sys.stdout
        # The stream in force may lead back here. Then the text goes to the stream below.
        stream = self._beneath if self._is_forwarding else in_force
        self._is_forwarding = True
        try:
            return stream.write(text)
        finally:
            self._is_forwarding = False

    def _in_child(self) -> _ChildStream:
        """Return the stream of the forked child that this process is."""
        if self._child is None or self._child.process != os.getpid():
            self._child = _ChildStream(self._beneath, self._is_error, self._relay)
        return self._child


class _ChildStream:
    """Hand on in a forked child what is printed, at the end of each line and at each flush.

    It shares nothing with the parent's stream: the parent's last line does not belong to the
    child, and a thread of the parent may have held the lock during the fork.
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
            if "\n" in text or len(self._pending) > CHILD_CHARACTERS:
                self.flush()
        return len(text)

    def flush(self) -> None:
        with self._lock:
            text, self._pending = self._pending, ""
        if not text or (self._relay is not None and self._relay.send(self._is_error, text)):
            return
        # Not through the stream: that would write a second time what the parent had not flushed
        # when it forked.
        with contextlib.suppress(OSError, ValueError):
            os.write(self._beneath.fileno(), text.encode("utf-8", "backslashreplace"))


class _ByteStream(io.BufferedIOBase):
    """The ``buffer`` of a :class:`LineWriter`.

    ``close`` only flushes, since a wrapper that is garbage collected closes it.
    """

    mode = "wb"

    def __init__(self, text: LineWriter) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder(text.encoding)("replace")

    @property
    def name(self) -> str:
        return self._text.name

    @property
    def raw(self) -> _ByteStream:
        return self

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()

    def write(self, data: ReadableBuffer) -> int:
        plain = memoryview(data).tobytes()
        self._text.write(self._decoder.decode(plain))
        return len(plain)

    def flush(self) -> None:
        self._text.flush()

    def close(self) -> None:
        self.flush()


def _last_state(line: str) -> str:
    """Return what a terminal shows of a line in the end, without colours."""
    states = [state for state in line.split("\r") if state]
    return _TERMINAL_CODES.sub("", states[-1]) if states else ""


def _pieces(line: str) -> list[str]:
    starts = range(0, len(line), MAX_LINE_LENGTH)
    return [line[start : start + MAX_LINE_LENGTH] for start in starts]
