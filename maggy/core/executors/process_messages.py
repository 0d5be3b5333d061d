"""Define the messages between a Spark task, its template process and a trial's process."""

from __future__ import annotations

from typing import Any

from maggy.checkpoints.run import RunPlace
from maggy.checkpoints.uploader import Upload
from maggy.core.messages import Assign, Checked, Line, Message, Order, Point

__all__ = [
    "CheckpointRestored",
    "CheckpointWritten",
    "ChildAnswer",
    "ChildCommand",
    "ChildReport",
    "DecisionWanted",
    "Ended",
    "Interrupt",
    "Kill",
    "Prepare",
    "Prepared",
    "Probing",
    "Reported",
    "Run",
    "TemplateCommand",
    "TemplateReply",
    "TrialFailed",
    "TrialFinal",
    "Value",
]


# What the Spark task says to the template.


class Prepare(Message):
    """Load the function.

    Attributes:
        state: What pyspark keeps for user code, pickled.
        payload: The pickled workload.
        ahead: Whether to load it now; otherwise each child loads it.
    """

    state: bytes
    payload: bytes
    ahead: bool


class Run(Message):
    """Fork a child. Three file descriptors come along: its channel, its output and its errors.

    Attributes:
        assignment: The trial; None for the check of the study.
        probe: Whether the check also builds the study's components.
        run_place: Where the trial saves its checkpoints; None for the check.
    """

    assignment: Assign | None
    probe: bool = False
    run_place: RunPlace | None = None


class Kill(Message):
    """End the child at once."""


# What the template says.


class Prepared(Message):
    """Say that :class:`Prepare` is done.

    Attributes:
        error: Why the function cannot be loaded; None if it can.
        threads: How many threads the loading has started. With any, the process must not fork.
    """

    error: str | None
    threads: int


class Ended(Message):
    """Say that the child has ended, with all its descendants.

    Attributes:
        status: Its exit code; if a signal ended it, the signal's number below 0.
    """

    status: int


# What the Spark task says to the child: the orders of the driver, and this.


class Interrupt(Message):
    """Interrupt the training function."""

    reason: str


# What the child says: Checked, and these.


class Reported(Message):
    """Hand on what the training function has broadcast, printed or logged.

    Attributes:
        points: The points.
        lines: The lines.
        times: For each point the time at which it was reported, in seconds since the epoch.
    """

    points: list[Point]
    lines: list[Line]
    times: list[float] = []


class CheckpointWritten(Message):
    """Hand over a checkpoint on this machine's disk, which the Spark task uploads."""

    upload: Upload


class CheckpointRestored(Message):
    """Say that the training function goes on from the checkpoint that its run was handed."""


class DecisionWanted(Message):
    """Say that the training function waits until the stop rules have seen its points."""


class Probing(Message):
    """Say that the check is about to build the next component.

    Attributes:
        last_word: The outcome if that takes too long; the component is the last in ``slow``.
    """

    last_word: Checked


class Value(Message):
    """Hand over what a function that is run once has returned, pickled."""

    data: bytes


class TrialFinal(Message):
    """Say that the trial ended well.

    The fields are those of :class:`~maggy.core.messages.Final`.
    """

    metric: int | float | None
    outputs: dict[str, Any]
    early: bool
    model: dict[str, Any] = {}
    paused: bool = False


class TrialFailed(Message):
    """Say that the trial failed.

    The fields are those of :class:`~maggy.core.messages.Failed`.
    """

    reason: str
    traceback: str
    mistake: str = ""
    location: str = ""
    model: dict[str, Any] = {}


TemplateCommand = Prepare | Run | Kill
TemplateReply = Prepared | Ended
ChildCommand = Order | Interrupt
ChildAnswer = TrialFinal | TrialFailed | Checked
"""What a child says last: how its end is to be reported to the driver."""
_News = Reported | DecisionWanted | CheckpointWritten | CheckpointRestored | Probing | Value
ChildReport = _News | ChildAnswer
