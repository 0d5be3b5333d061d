"""What a Spark task, its template process and a trial's child process say to each other, and the socket it goes over.

All are processes of one machine, made by the Spark task; nobody else can open the socket.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress
from typing import Any

import msgspec

from maggy.core.messages import Assign, Checked, Line, Message, Point, Stop, encode

__all__ = [
    "Answered",
    "Channel",
    "ChannelClosed",
    "Ended",
    "Interrupt",
    "Kill",
    "Prepare",
    "Prepared",
    "Probing",
    "ProcessMessage",
    "Reported",
    "Run",
    "Value",
]

PIECE_BYTES = 100_000
"""Longer messages go in pieces. A line of output is always shorter, so it arrives whole or not at all."""
_CLOSED = {errno.EBADF, errno.ENOTSOCK, errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}
_MORE, _LAST = b"\1", b"\0"
# Packets keep messages apart, so that an exception raised by a signal's handler leaves no half of one behind.
_KIND = socket.SOCK_SEQPACKET if sys.platform.startswith("linux") else socket.SOCK_DGRAM


# What the Spark task says to the template.


class Prepare(Message):
    """Load the function. ``state`` is what pyspark keeps for user code, pickled; ``ahead``: now, else in each child."""

    state: bytes
    payload: bytes
    ahead: bool


class Run(Message):
    """Fork a child for this trial, or (None) for the check of the study. Three descriptors come along.

    ``probe``: the check also builds the study's components.
    """

    assignment: Assign | None
    probe: bool = False


class Kill(Message):
    """End the child at once."""


# What the template says.


class Prepared(Message):
    """The template has done what :class:`Prepare` asked for.

    Attributes:
        error: Why the function cannot be loaded; None if it can.
        threads: How many threads loading it has started. With any, the process must not fork.
    """

    error: str | None
    threads: int


class Ended(Message):
    """The child has ended, and so have all its descendants. ``status``: its exit code, or a signal's number below 0."""

    status: int


# What the Spark task says to the child: Stop, and this.


class Interrupt(Message):
    """Interrupt the training function."""

    reason: str


# What the child says.


class Reported(Message):
    """What the training function has broadcast, printed or logged."""

    points: list[Point]
    lines: list[Line]


class Probing(Message):
    """In the check, the next component is about to be built.

    ``last_word`` is the check's outcome if that takes too long: the component stands last in ``slow``.
    """

    last_word: Checked


class Value(Message):
    """What a function that is run once has returned, pickled."""

    data: bytes


class Answered(Message):
    """The child is done. ``method`` and ``details``: how its end is to be reported to the driver."""

    method: str
    details: list[Any]


ProcessMessage = (
    Prepare
    | Run
    | Kill
    | Prepared
    | Ended
    | Interrupt
    | Probing
    | Value
    | Answered
    | Reported
    | Stop
)

_decode = msgspec.msgpack.Decoder(ProcessMessage).decode


class ChannelClosed(Exception):
    """A message cannot be sent any more."""


class Channel:
    """One end of a pair of connected sockets that carries whole messages. Any thread may send; one receives."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._pieces: list[bytes] = []

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Return two connected ends."""
        ends = socket.socketpair(socket.AF_UNIX, _KIND)
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * PIECE_BYTES)
        return cls(ends[0]), cls(ends[1])

    @classmethod
    def inherited(cls, descriptor: int) -> Channel:
        """Return the end that has this file descriptor, which was made by another process."""
        os.set_inheritable(descriptor, False)
        return cls(socket.socket(fileno=descriptor))

    def fileno(self) -> int:
        """Return the file descriptor, to wait for messages by."""
        return self._socket.fileno()

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send a message, and copies of file descriptors with it.

        Raises:
            ChannelClosed: One of the two ends is closed.
        """
        data = memoryview(encode(message))
        try:
            while len(data) > PIECE_BYTES:
                self._socket.sendmsg([_MORE, data[:PIECE_BYTES]])
                data = data[PIECE_BYTES:]
            if descriptors:
                socket.send_fds(self._socket, [_LAST, data], descriptors)
            else:
                self._socket.sendmsg([_LAST, data])
        except OSError as error:
            # Others come from a signal's handler of the user's, such as the TimeoutError of an alarm.
            if error.errno in _CLOSED:
                raise ChannelClosed from error
            raise

    def receive(self, wait: bool = True) -> tuple[ProcessMessage | None, list[int]]:
        """Return the next message and the file descriptors that came with it; None when the other end is closed.

        Raises:
            BlockingIOError: No whole message is there, and ``wait`` is false.
            msgspec.DecodeError: The message cannot be understood.
            RecursionError: A value in it is nested too deeply.
        """
        while True:
            flags = 0 if wait else socket.MSG_DONTWAIT
            try:
                piece, descriptors, *_ = socket.recv_fds(self._socket, PIECE_BYTES + 1, 3, flags)
            except ConnectionError:
                return None, []
            if not piece:
                return None, []
            self._pieces.append(piece[1:])
            if piece[:1] == _LAST:
                data = b"".join(self._pieces)
                self._pieces.clear()
                for descriptor in descriptors:
                    os.set_inheritable(descriptor, False)
                return _decode(data), list(descriptors)

    def finish(self, seconds: float) -> None:
        """Close this end, after the other one, for which it waits so many seconds at most."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)  # which the other end sees as the end
            self._socket.settimeout(seconds)
            while self._socket.recv(PIECE_BYTES + 1):
                pass
        self.close()

    def close(self) -> None:
        """Close this end."""
        self._socket.close()
