"""Bring the output of forked children to the process that runs the trial. It knows no trials."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

from maggy.core.executors.capture import StandardStreams
from maggy.core.executors.line_writer import LineWriter

__all__ = ["ForkedOutput"]

CHARACTERS_PER_MESSAGE = 500
"""Four bytes a character at most: some systems pass on no more than 2,048 bytes at once."""


class ForkedOutput:
    """Write what forked children print to the streams of the process that made this.

    A child inherits the sending end of a socket. What it prints arrives whole and in its order.
    While no trial runs, it goes to the process's own streams. So a pool of processes that outlives
    its trial prints into the trial that runs.

    Args:
        streams: The process's own streams.
    """

    def __init__(self, streams: StandardStreams) -> None:
        self._streams = streams
        self._process = os.getpid()
        # Datagrams keep the texts of several children apart. Each arrives whole or not at all.
        self._receiving, self._sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._make_writer: Callable[[bool], LineWriter] | None = None
        self._writers: dict[tuple[int, bool], LineWriter] = {}
        self._lock = threading.RLock()
        self._is_closed = False
        self._thread = threading.Thread(
            target=self._receive, name="maggy-forked-output", daemon=True
        )

    def start(self) -> None:
        """Start the thread that receives what children print."""
        self._thread.start()

    def close(self) -> None:
        """End the thread. Children that still print write to the file below."""
        self._is_closed = True
        self._sending.send(b"")
        self._thread.join()
        self._receiving.shutdown(socket.SHUT_RD)  # Also for children, which have a copy of it.
        self._receiving.close()
        self._sending.close()

    def send(self, is_error: bool, text: str) -> bool:
        """Send text from a child; return whether it could be sent.

        Args:
            is_error: Whether the text goes to standard error.
            text: The text, with the ends of its lines.
        """
        # With this copy of it open, a child would wait for a parent that has ended.
        self._receiving.close()
        process = os.getpid()
        try:
            for start in range(0, len(text), CHARACTERS_PER_MESSAGE):
                piece = text[start : start + CHARACTERS_PER_MESSAGE]
                self._sending.send(
                    f"{process} {int(is_error)} {piece}".encode("utf-8", "backslashreplace")
                )
        except OSError:
            return False
        return True

    def begin(self, make_writer: Callable[[bool], LineWriter]) -> None:
        """Write to new writers what arrives from now on.

        Args:
            make_writer: Makes a writer, one for each child and stream. It is called with whether
                the stream is standard error.
        """
        with self._lock:
            # What was printed since the last trial does not belong to this one.
            self._collect()
            self._make_writer = make_writer

    def end(self) -> None:
        """Write what has arrived so far; what comes later goes to the process's own streams."""
        with self._lock:
            self._collect()
            self._make_writer = None
            if self._writers:
                writers, self._writers = list(self._writers.values()), {}
                for writer in writers:
                    writer.finish()

    def _receive(self) -> None:
        while not self._is_closed:
            # It only waits: a message that it took would be under way without the lock.
            self._receiving.recv(1, socket.MSG_PEEK)
            with self._lock:
                self._collect()

    def _collect(self) -> None:
        """Write all that has arrived. The caller holds the lock."""
        while True:
            try:
                message = self._receiving.recv(8192, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if message:
                process, kind, text = message.decode("utf-8", "replace").split(" ", 2)
                self._write(int(process), kind == "1", text)

    def _write(self, process: int, is_error: bool, text: str) -> None:
        if self._make_writer is None:
            stream = self._streams.stderr if is_error else self._streams.stdout
            stream.write(text)
            stream.flush()
            return
        key = process, is_error
        writer = self._writers.get(key)
        if writer is None:
            writer = self._writers[key] = self._make_writer(is_error)
        writer.write(text)
