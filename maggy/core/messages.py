"""The whole protocol between a worker and the driver: every message, and nothing but messages.

A worker speaks first and may repeat anything: each message says which *run* (one assignment of one trial to one
worker, numbered by the driver) it is about and where in that run's history its points begin, so a repeated message
changes nothing and a lost one is made good by the next.

    worker                              driver
    Register                   ->       Assign | Check | Wait | Done
    Checked                    ->       Assign | Wait | Done
    Heartbeat                  ->       Ack, and Stop or Abandon where they apply
    Final | Failed             ->       Assign | Wait | Done
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

__all__ = [
    "MAX_MESSAGE_BYTES",
    "REMARK",
    "Abandon",
    "Ack",
    "Assign",
    "Check",
    "Checked",
    "ComponentFailure",
    "Done",
    "DriverMessage",
    "Failed",
    "Final",
    "Heartbeat",
    "Line",
    "Message",
    "Point",
    "Register",
    "Report",
    "Stop",
    "Wait",
    "WorkerMessage",
    "decode_driver_message",
    "decode_worker_message",
    "encode",
    "failure_of",
]

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Longer messages are refused by the receiving socket; a sender checks before it sends."""

Point = tuple[int | float, int | float]
"""A training step and the metric there."""

Line = tuple[bool, str]
"""Whether the user sees it in the notebook, and one line of text."""

ComponentFailure = tuple[str, str, str]
"""The label of a component that cannot be built, the reason in one sentence, and the traceback."""

REMARK = "Maggy: "
"""What a line of the library itself begins with; the user sees it once, however many trials say it."""


class Message(msgspec.Struct, array_like=True, tag=True, gc=False):
    """Base of all messages: a MessagePack array that begins with the class's name."""


# What a worker says.


class Register(Message):
    """A worker is there and wants a trial. ``task`` is what Spark calls its task, to have it killed by."""

    host: str
    pid: int
    task: int = 0


class Checked(Message):
    """The study was tried out once in this worker; ``error`` is None when it holds.

    Attributes:
        error: Why no trial can be run.
        error_type: The name of the exception's class.
        failures: The components that cannot be built; each one's trial fails, and all others run.
        slow: The labels of components that took too long to build; their trials run.
        leaving: Building the last of these cannot be interrupted, so the worker's process ends itself.
    """

    error: str | None
    error_type: str
    failures: list[ComponentFailure] = []
    slow: list[str] = []
    leaving: bool = False


class Report(Message):
    """What a run has brought since the last acknowledged report.

    Attributes:
        run: Number of the worker's newest run; 0 before its first.
        first_point: Position of ``points[0]`` in the run's history, from 0.
        points: The points from there on.
        first_line: Position of ``lines[0]`` in the run's output, from 0.
        lines: The lines from there on.
    """

    run: int
    first_point: int
    points: list[Point]
    first_line: int
    lines: list[Line]


class Heartbeat(Report):
    """The worker lives. ``waiting``: it has no trial at hand and waits for an answer to its last request."""

    waiting: bool


class Final(Report):
    """The run ended well. The answer is the next trial."""

    metric: int | float | None
    outputs: dict[str, Any]
    early: bool


class Failed(Report):
    """The run ended badly: ``reason`` in one sentence, ``traceback`` as Python prints it (empty if there is none).

    ``leaving``: the training function cannot be interrupted, so the worker's process ends itself.
    ``mistake``: the exception's class if it is a programming error, else empty; ``place``: its line.
    ``died``: the trial had a process of its own, which was killed or has ended without an answer. That counts as the
    loss of a worker, though the worker is well.
    """

    reason: str
    traceback: str
    leaving: bool = False
    mistake: str = ""
    place: str = ""
    died: bool = False


# What the driver says.


class Assign(Message):
    """Train with these parameters."""

    run: int
    trial_id: str
    params: dict[str, Any]
    logdir: str


class Wait(Message):
    """The request is noted; the answer comes when there is one."""


class Ack(Message):
    """So many points and lines of the run have arrived."""

    run: int
    points: int
    lines: int


class Stop(Message):
    """Stop the run at its next broadcast: it does worse than others did."""

    run: int


class Abandon(Message):
    """Drop the run at once; nobody waits for its result any more."""

    run: int


class Check(Message):
    """Try the study out before any trial is spent. ``probe``: also build each component that can be built alone."""

    probe: bool = True


class Done(Message):
    """There is nothing left to do; drop what is running and leave."""


WorkerMessage = Register | Checked | Heartbeat | Final | Failed
DriverMessage = Assign | Wait | Ack | Stop | Abandon | Check | Done

_encode = msgspec.msgpack.Encoder().encode
decode_worker_message = msgspec.msgpack.Decoder(WorkerMessage).decode
decode_driver_message = msgspec.msgpack.Decoder(DriverMessage).decode


def encode(message: Message) -> bytes:
    """The message as bytes.

    What a worker reports and MessagePack cannot hold is sent as near to it as can be, since a trial must not be lost
    for it: text that is no Unicode with escapes, an integer beyond 64 bits as a float. Parameters are never changed.

    Raises:
        OverflowError: A parameter of an :class:`Assign` is an integer beyond 64 bits.
        UnicodeEncodeError: A parameter of an :class:`Assign` is text that is no Unicode.
    """
    try:
        return _encode(message)
    except (OverflowError, UnicodeEncodeError):
        if isinstance(message, Assign):
            logdir = _sendable(message.logdir)
            return _encode(Assign(message.run, message.trial_id, message.params, logdir))
        return _encode(type(message)(*map(_sendable, msgspec.structs.astuple(message))))


def failure_of(data: bytes, error: Exception) -> Failed | None:
    """Return the failure of the run whose assignment or end cannot be decoded; None for other data.

    Without it, both sides would repeat themselves for ever: what is not understood has no answer.
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


def _sendable(value: Any) -> Any:
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
