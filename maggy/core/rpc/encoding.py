"""Make bytes of the messages between worker and driver, and messages of the bytes."""

from __future__ import annotations

import math
import re

import msgspec

from maggy.core.messages import Assign, DriverMessage, Failed, Message, WorkerMessage

__all__ = [
    "MAX_MESSAGE_BYTES",
    "decode_driver_message",
    "decode_worker_message",
    "encode",
    "failure_of",
]

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""The receiving socket refuses longer messages. A sender checks the length before it sends."""

_encode = msgspec.msgpack.Encoder().encode
decode_worker_message = msgspec.msgpack.Decoder(WorkerMessage).decode
decode_driver_message = msgspec.msgpack.Decoder(DriverMessage).decode


def encode(message: Message) -> bytes:
    """Return the message as bytes.

    MessagePack cannot hold every value that a worker reports. A trial must not fail for that
    reason, so text that is no valid Unicode is escaped, and an integer beyond 64 bits becomes a
    float. Parameters are never changed.

    Raises:
        OverflowError: If a parameter of an :class:`Assign` is an integer beyond 64 bits.
        UnicodeEncodeError: If a parameter of an :class:`Assign` is text that is no valid Unicode.
    """
    try:
        return _encode(message)
    except (OverflowError, UnicodeEncodeError):
        if isinstance(message, Assign):
            logdir = str(_sendable(message.logdir))
            return _encode(msgspec.structs.replace(message, logdir=logdir))
        return _encode(type(message)(*map(_sendable, msgspec.structs.astuple(message))))


def failure_of(data: bytes, error: Exception) -> Failed | None:
    """Return the failure of the run whose assignment or end cannot be decoded; else None.

    The failure ends the run. Without it, both sides would repeat their messages forever.
    """
    head = _HEAD.match(data)
    if head is None:
        return None
    run = msgspec.msgpack.decode(head[2], type=int)
    subject = "Its parameters" if head[1] == b"Assign" else "What it returned"
    reason = f"{subject} cannot be read after they were sent ({type(error).__name__}: {error})"
    return Failed(run, 0, [], 0, [], reason, "")


# An array of up to 15 items that begins with a class's name and a positive integer.
_HEAD = re.compile(
    rb"[\x90-\x9f][\xa0-\xbf](Assign|Final|Failed)([\x00-\x7f]|\xcc.|\xcd..|\xce.{4}|\xcf.{8})",
    re.DOTALL,
)


def _sendable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, (list, tuple)):
        return [_sendable(item) for item in value]
    if isinstance(value, dict):
        return {_sendable(name): _sendable(item) for name, item in value.items()}
    return value
