"""What forked children print, on its way to the process that runs the trial. It knows text, not trials."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

from maggy.core.executors.capture import LineWriter, StandardStreams

__all__ = ["ForkedOutput"]

CHARACTERS_PER_MESSAGE = 500
"""Of four bytes at most: some systems pass on no more than 2,048 bytes at once."""


class ForkedOutput:
    """Brings what forked children print to the streams of the process that made this.

    A child inherits the sending end of a socket. What it prints arrives whole and in its order; while no trial runs it
    goes to the process's own streams. A pool of processes that outlives its trial so prints into the trial that runs.

    Args:
        streams: The process's own streams.
    """

    def __init__(self, streams: StandardStreams) -> None:
        self._streams = streams
        self._process = os.getpid()
        # Datagrams keep the texts of several children apart, and each is written whole or not at all.
        self._receiving, self._sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._make_writer: Callable[[bool], LineWriter] | None = None
        self._writers: dict[tuple[int, bool], LineWriter] = {}
        self._lock = threading.RLock()
        self._is_closed = False
        self._thread = threading.Thread(
            target=self._receive, name="maggy-forked-output", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread. Children that still print write to the file beneath."""
        self._is_closed = True
        self._sending.send(b"")
        self._thread.join()
        self._receiving.shutdown(socket.SHUT_RD)  # also for children that have a copy of it
        self._receiving.close()
        self._sending.close()

    def send(self, is_error: bool, text: str) -> bool:
        """Send the text, from a child; returns whether it could be sent."""
        self._receiving.close()  # or this copy of it would let a child wait for a parent that is gone
        process = os.getpid()
        try:
            for at in range(0, len(text), CHARACTERS_PER_MESSAGE):
                piece = text[at : at + CHARACTERS_PER_MESSAGE]
                self._sending.send(
                    f"{process} {int(is_error)} {piece}".encode("utf-8", "backslashreplace")
                )
        except OSError:
            return False
        return True

    def begin(self, make_writer: Callable[[bool], LineWriter]) -> None:
        """Have what arrives from now on written to writers made by this, one for each child and stream."""
        with self._lock:
            self._collect()  # what was printed since the last trial is not this one's
            self._make_writer = make_writer

    def end(self) -> None:
        """Write what has arrived so far, and have what comes later written to the process's own streams."""
        with self._lock:
            self._collect()
            self._make_writer = None
            if self._writers:
                writers, self._writers = list(self._writers.values()), {}
                for writer in writers:
                    writer.finish()

    def _receive(self) -> None:
        while not self._is_closed:
            self._receiving.recv(1, socket.MSG_PEEK)  # waits
            with self._lock:
                self._collect()

    def _collect(self) -> None:
        """Write all that has arrived; only with the lock, so that nothing is under way when it is released."""
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
