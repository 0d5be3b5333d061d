"""Connect a Spark task, its template process and a trial's process by sockets.

All are processes of one machine, which the Spark task has made. Nobody else can open the sockets.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import sys
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import msgspec

from maggy.core.executors.process_messages import (
    ChildCommand,
    ChildReport,
    TemplateCommand,
    TemplateReply,
)
from maggy.core.messages import Message
from maggy.core.rpc.encoding import encode

__all__ = [
    "Channel",
    "ChannelClosed",
    "ChildChannel",
    "TemplateChannel",
    "child_channel",
    "child_end",
    "template_channel",
    "template_end",
]

PIECE_BYTES = 100_000
"""Longer messages go in pieces of this size."""
MAX_DESCRIPTORS = 3
"""Maximum number of file descriptors that come with a message."""
_CLOSED = {errno.EBADF, errno.ENOTSOCK, errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}
# How a packet begins: with a whole message, or with a piece and the number of its message. The
# receiver drops a message if the handler of a signal has broken off its sending.
_WHOLE, _MORE, _LAST, _DROP = b"\0", b"\1", b"\2", b"\3"
_NUMBER_BYTES = 8
# Packets keep messages apart: an exception that a signal's handler raises leaves no half of one.
_KIND = socket.SOCK_SEQPACKET if sys.platform.startswith("linux") else socket.SOCK_DGRAM

_decode_template_command: Callable[[bytes], TemplateCommand]
_decode_template_command = msgspec.msgpack.Decoder(TemplateCommand).decode
_decode_template_reply: Callable[[bytes], TemplateReply]
_decode_template_reply = msgspec.msgpack.Decoder(TemplateReply).decode
_decode_child_command: Callable[[bytes], ChildCommand]
_decode_child_command = msgspec.msgpack.Decoder(ChildCommand).decode
_decode_child_report: Callable[[bytes], ChildReport]
_decode_child_report = msgspec.msgpack.Decoder(ChildReport).decode

Incoming = TypeVar("Incoming")
Outgoing = TypeVar("Outgoing", bound=Message)


class ChannelClosed(Exception):
    """Raised when a message cannot be sent any more."""


class Channel(Generic[Incoming, Outgoing]):
    """Send and receive whole messages over one of two connected sockets.

    Any thread may send; only one receives. A message arrives whole or not at all, whatever other
    threads send meanwhile and whatever a signal's handler raises.

    Args:
        end: The socket.
        decode: Makes a message of bytes. A message that it does not know is an error.
    """

    def __init__(self, end: socket.socket, decode: Callable[[bytes], Incoming]) -> None:
        self._socket = end
        self._decode = decode
        self._numbers = itertools.count()
        self._pieces: dict[bytes, list[bytes]] = {}  # by the number of their message

    def fileno(self) -> int:
        """Return the file descriptor, to wait for messages by."""
        return self._socket.fileno()

    def send(self, message: Outgoing, descriptors: tuple[int, ...] = ()) -> None:
        """Send a message.

        Args:
            message: The message.
            descriptors: File descriptors of which the other end gets copies.

        Raises:
            ChannelClosed: If one of the two ends is closed.
        """
        data = memoryview(encode(message))
        try:
            if len(data) > PIECE_BYTES:
                self._send_pieces(data, descriptors)
            else:
                self._send_packet([_WHOLE, data], descriptors)
        except OSError as error:
            # Others come from a signal's handler of the user, such as the TimeoutError of an alarm.
            if error.errno in _CLOSED:
                raise ChannelClosed from error
            raise

    def _send_packet(
        self, buffers: list[bytes | memoryview], descriptors: tuple[int, ...] = ()
    ) -> None:
        if descriptors:
            socket.send_fds(self._socket, buffers, descriptors)
        else:
            self._socket.sendmsg(buffers)

    def _send_pieces(self, data: memoryview, descriptors: tuple[int, ...]) -> None:
        number = next(self._numbers).to_bytes(_NUMBER_BYTES, "big")
        try:
            while len(data) > PIECE_BYTES:
                self._send_packet([_MORE, number, data[:PIECE_BYTES]])
                data = data[PIECE_BYTES:]
            self._send_packet([_LAST, number, data], descriptors)
        except BaseException:
            with suppress(OSError):
                self._send_packet([_DROP, number])
            raise

    def receive(self, wait: bool = True) -> tuple[Incoming | None, list[int]]:
        """Return the next message and the file descriptors that came with it.

        Args:
            wait: Whether to wait until a message comes.

        Returns:
            None instead of a message if the other end is closed.

        Raises:
            BlockingIOError: If ``wait`` is false and no whole message is there.
            msgspec.DecodeError: If the message cannot be understood, also one of an unknown kind.
            RecursionError: If a value in it is nested too deeply.
        """
        while True:
            flags = 0 if wait else socket.MSG_DONTWAIT
            try:
                piece, descriptors = self._receive_piece(flags)
            except ConnectionError:
                return None, []
            if not piece:
                return None, []
            data = self._whole(piece)
            if data is not None:
                for descriptor in descriptors:
                    os.set_inheritable(descriptor, False)
                return self._decode(data), descriptors

    def _whole(self, packet: bytes) -> bytes | None:
        """Return the message that this packet completes, or None if it completes none."""
        kind = packet[:1]
        if kind == _WHOLE:
            return packet[1:]
        end = 1 + _NUMBER_BYTES
        number, piece = packet[1:end], packet[end:]
        if kind == _MORE:
            self._pieces.setdefault(number, []).append(piece)
            return None
        pieces = self._pieces.pop(number, [])
        return b"".join([*pieces, piece]) if kind == _LAST else None

    def _receive_piece(self, flags: int) -> tuple[bytes, list[int]]:
        # Not socket.recv_fds: it ignores its flags before Python 3.12 and would wait.
        size = array("i").itemsize
        piece, ancillary, _, _ = self._socket.recvmsg(
            1 + _NUMBER_BYTES + PIECE_BYTES, socket.CMSG_SPACE(MAX_DESCRIPTORS * size), flags
        )
        descriptors = array("i")
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(data[: len(data) - len(data) % size])
        return piece, list(descriptors)

    def finish(self, seconds: float) -> None:
        """Close this end after the other one.

        Args:
            seconds: How long to wait for the other end.
        """
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)  # The other end sees it as the end.
            self._socket.settimeout(seconds)
            while self._socket.recv(1 + _NUMBER_BYTES + PIECE_BYTES):
                pass
        self.close()

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


TemplateChannel = Channel[TemplateReply, TemplateCommand]
"""The Spark task's end of its channel to the template."""

ChildChannel = Channel[ChildReport, ChildCommand]
"""The Spark task's end of its channel to a trial's process."""


def template_channel() -> tuple[TemplateChannel, socket.socket]:
    """Return a channel to a template, and the socket that the template gets."""
    near, far = _connected_sockets()
    return Channel(near, _decode_template_reply), far


def template_end(descriptor: int) -> Channel[TemplateCommand, TemplateReply]:
    """Return the template's end of a channel, by the file descriptor that it inherited."""
    return Channel(_inherited_socket(descriptor), _decode_template_command)


def child_channel() -> tuple[ChildChannel, socket.socket]:
    """Return a channel to a trial's process, and the socket that the process gets."""
    near, far = _connected_sockets()
    return Channel(near, _decode_child_report), far


def child_end(descriptor: int) -> Channel[ChildCommand, ChildReport]:
    """Return the end of a trial's process, by the file descriptor that it inherited."""
    return Channel(_inherited_socket(descriptor), _decode_child_command)


def _connected_sockets() -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair(socket.AF_UNIX, _KIND)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * PIECE_BYTES)
    return ends


def _inherited_socket(descriptor: int) -> socket.socket:
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)
