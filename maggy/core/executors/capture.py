"""Capture what a trial prints, also through logging handlers that write to a standard stream."""

from __future__ import annotations

import builtins
import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Protocol, TextIO
from weakref import ReferenceType

from maggy.core.executors.line_writer import STDERR_MARK, LineWriter, Relay

__all__ = ["StandardStreams", "capture_output"]


class _StreamHandler(Protocol):
    """A handler of logging that writes to a stream; it need not derive from logging's own class."""

    stream: TextIO | LineWriter


class StandardStreams:
    """Remember a process's standard streams, and the logging handlers that write to them."""

    def __init__(self) -> None:
        self.stdout = sys.stdout
        self.stderr = sys.stderr
        self._print = builtins.print
        self._references: list[ReferenceType[_StreamHandler]] = []
        self._handlers: list[tuple[_StreamHandler, TextIO | LineWriter, bool]] = []

    def replace(self, stdout: LineWriter, stderr: LineWriter) -> None:
        """Make these the standard streams, also in handlers that exist already.

        Args:
            stdout: The new standard output.
            stderr: The new standard error.
        """
        sys.stdout, sys.stderr = stdout, stderr
        # Logging lists all its handlers here, by weak references. To compare the lists costs less
        # than to look at every handler before each trial.
        references: list[ReferenceType[_StreamHandler]]
        references = logging._handlerList  # type: ignore[attr-defined]
        if references != self._references:
            self._references = list(references)
            self._handlers = list(self._find_handlers())
        for handler, _, is_error in self._handlers:
            handler.stream = stderr if is_error else stdout

    def restore(self) -> None:
        """Set ``print``, the streams and the handlers to what they were."""
        builtins.print = self._print
        sys.stdout, sys.stderr = self.stdout, self.stderr
        for handler, stream, _ in self._handlers:
            handler.stream = stream

    def _find_handlers(self) -> Iterator[tuple[_StreamHandler, TextIO | LineWriter, bool]]:
        """Yield each handler that writes to a standard stream.

        With it comes the stream, and whether that is standard error.
        """
        for reference in self._references:
            handler = reference()
            if handler is None or getattr(handler, "stream", None) is None:
                continue
            stream = handler.stream
            if any(stream is own for own in (self.stderr, sys.__stderr__)):
                yield handler, stream, True
            elif any(stream is own for own in (self.stdout, sys.__stdout__)):
                yield handler, stream, False


@contextlib.contextmanager
def capture_output(
    emit: Callable[[str], None],
    *,
    tee: bool = False,
    streams: StandardStreams | None = None,
    relay: Relay | None = None,
) -> Iterator[None]:
    """Hand on what is printed inside. Mark the lines of standard error.

    This includes handlers of logging that write to either stream, also those made before. No
    handler is added, and those that write to files are not touched.

    Args:
        emit: Called with each line that is printed.
        tee: Whether to print as before, too.
        streams: The streams as they were before; the current ones if None.
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
        # The streams first: from here on nobody prints to the writers that are finished below.
        before.restore()
        stdout.finish()
        stderr.finish()
        if relay is not None:
            relay.end()
