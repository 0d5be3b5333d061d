"""Define the protocol between a worker and the driver: every message, and nothing else.

A worker speaks first and may repeat anything. Each message names the *run* that it is about: one
assignment of one trial to one worker, numbered by the driver. Points and lines carry their position
in the history of the run. So a repeated message changes nothing, and the next message makes up for
a lost one.

    worker                              driver
    Register                   ->       Assign | Check | Wait | Done
    Checked                    ->       Assign | Wait | Done
    Heartbeat                  ->       Ack, and Stop, Pause, Preempt, Decided or Abandon where
                                        they apply
    Final | Failed             ->       Assign | Wait | Done
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from maggy.checkpoints.saved import CheckpointNews, Handover
from maggy.common.types import Params
from maggy.version import PROTOCOL, __version__

__all__ = [
    "MAX_LINE_LENGTH",
    "MISMATCH",
    "REMARK",
    "Abandon",
    "Ack",
    "Assign",
    "Check",
    "Checked",
    "ComponentFailure",
    "Decided",
    "Done",
    "DriverMessage",
    "Failed",
    "Final",
    "Heartbeat",
    "Line",
    "Message",
    "Order",
    "Pause",
    "Point",
    "Preempt",
    "Register",
    "Report",
    "Stop",
    "Wait",
    "WorkerId",
    "WorkerMessage",
    "protocol_mismatch",
]

Point = tuple[int | float, int | float]
"""A training step and the metric there."""

MAX_LINE_LENGTH = 2**20
"""Maximum number of characters of a line; a longer one becomes several lines."""

Line = tuple[bool, str]
"""Whether the user sees the line in the notebook, and its text."""

ComponentFailure = tuple[str, str, str]
"""The label of a component that cannot be built, the reason in one sentence, and the traceback."""

REMARK = "Maggy: "
"""How a line of the library itself begins. The user sees it once, however many trials write it."""


class WorkerId(NamedTuple):
    """The identity of a worker: one attempt of one task of one Spark job."""

    job: int
    partition: int
    attempt: int

    def encode(self) -> bytes:
        """Return the routing id of the worker's socket."""
        return f"{self.job}.{self.partition}.{self.attempt}".encode()

    @classmethod
    def decode(cls, identity: bytes) -> WorkerId | None:
        """Return the worker with this routing id, or None if no worker of ours can have it."""
        parts = identity.split(b".")
        is_ours = len(parts) == 3 and all(part.isdigit() for part in parts)
        return cls(*map(int, parts)) if is_ours else None


class Message(msgspec.Struct, array_like=True, tag=True, gc=False):
    """Base class of all messages: a MessagePack array that begins with the name of the class."""


# Messages of a worker.


class Register(Message):
    """Announce a worker that wants a trial.

    Attributes:
        host: The name of its machine.
        pid: The id of its process.
        task: The id that Spark gave to its task, with which Spark can kill the task.
        protocol: The number of the protocol that it speaks; 0 for releases that sent none.
        version: Its version of Maggy; empty for releases that sent none.
        clock: The seconds since the epoch by its clock; 0 for releases that sent none.
    """

    host: str
    pid: int
    task: int = 0
    protocol: int = 0
    version: str = ""
    clock: float = 0.0

    @classmethod
    def of_this_release(cls, host: str, pid: int, task: int = 0) -> Register:
        """Return a registration with the protocol and the version of the installed release."""
        return cls(host, pid, task, PROTOCOL, __version__)


class Checked(Message):
    """Report the result of trying the study out once in this worker.

    Attributes:
        error: Why no trial can run; None if trials can run.
        error_type: The name of the exception's class.
        failures: The components that cannot be built. The trial of each fails, and all others run.
        slow: The labels of components that took too long to build. Their trials run.
        leaving: The process of the worker ends itself, since building the last of these cannot be
            interrupted.
    """

    error: str | None
    error_type: str
    failures: list[ComponentFailure] = []
    slow: list[str] = []
    leaving: bool = False


class Report(Message):
    """Report the points and lines of a run since the last acknowledged report.

    All kinds have two more fields. ``times`` is when each point was reported, in seconds since the
    epoch by the worker's clock; empty for releases that sent none. ``checkpoints`` is what the
    driver has to know of the run's checkpoints; None if there is nothing new.

    Attributes:
        run: The number of the worker's newest run; 0 before its first.
        first_point: The position of ``points[0]`` in the history of the run, counted from 0.
        points: The points from there on.
        first_line: The position of ``lines[0]`` in the output of the run, counted from 0.
        lines: The lines from there on.
    """

    run: int
    first_point: int
    points: list[Point]
    first_line: int
    lines: list[Line]


class Heartbeat(Report):
    """Report that the worker lives.

    Attributes:
        waiting: The worker has no trial and waits for the answer to its last request.
        asks: The training function waits until the stop rules have seen these points.
    """

    waiting: bool
    times: list[float] = []
    checkpoints: CheckpointNews | None = None
    asks: bool = False


class Final(Report):
    """Report that the run ended well, and ask for the next trial.

    Attributes:
        metric: The final metric; None if the function runs only for its return value.
        outputs: The dict that the function returned, as JSON values.
        early: The run was stopped early.
        paused: The run has paused after a checkpoint, and the trial may go on later.
        model: What is recorded about the model of an ablation's trial; empty if there is nothing.
    """

    metric: int | float | None
    outputs: dict[str, Any]
    early: bool
    model: dict[str, Any] = {}
    times: list[float] = []
    checkpoints: CheckpointNews | None = None
    paused: bool = False


class Failed(Report):
    """Report that the run failed, and ask for the next trial.

    Attributes:
        reason: Why it failed, in one sentence.
        traceback: The traceback as Python prints it; empty if there is none.
        leaving: The process of the worker ends itself, since the training function cannot be
            interrupted.
        mistake: The name of the exception's class if it is a programming error, else empty.
        location: The line of code that raised it.
        died: The trial had its own process, which was killed or ended without an answer. It counts
            as the loss of a worker, although the worker lives.
        model: As in :class:`Final`.
    """

    reason: str
    traceback: str
    leaving: bool = False
    mistake: str = ""
    location: str = ""
    died: bool = False
    model: dict[str, Any] = {}
    times: list[float] = []
    checkpoints: CheckpointNews | None = None


# Messages of the driver.


class Assign(Message):
    """Run a trial with these parameters.

    Attributes:
        run: The number of the run, counted over the experiment.
        handover: The checkpoint from which the run may go on; None if there is none.
    """

    run: int
    trial_id: str
    params: Params
    logdir: str
    handover: Handover | None = None


class Wait(Message):
    """Wait: the driver has the request and answers it when there is a trial."""


class Ack(Message):
    """Acknowledge the number of points, lines and checkpoints of the run that have arrived."""

    run: int
    points: int
    lines: int
    checkpoints: int = 0


class Stop(Message):
    """Stop the run at its next broadcast, since a stop rule decided so."""

    run: int


class Pause(Message):
    """End the run after its next checkpoint, so that the trial can go on later."""

    run: int


class Preempt(Message):
    """Let the run save a checkpoint soon, since the executor of its worker will be taken away."""

    run: int


class Decided(Message):
    """Let the run go on, if no other order came before: the stop rules have seen its points.

    Attributes:
        points: Number of points that they have seen.
    """

    run: int
    points: int


class Abandon(Message):
    """Interrupt the run now: its result is not needed any more."""

    run: int


class Check(Message):
    """Try the study out before any trial runs.

    Attributes:
        probe: Also build each component that can be built alone.
    """

    probe: bool = True


class Done(Message):
    """Drop the current run and leave: there is nothing left to do."""


WorkerMessage = Register | Checked | Heartbeat | Final | Failed
Order = Stop | Pause | Preempt | Decided
"""What the training function of a run hears from the driver through its reporter."""

DriverMessage = Assign | Wait | Ack | Order | Abandon | Check | Done

MISMATCH = "Driver and executors must have releases of Maggy with the same protocol"
"""The rule that :func:`protocol_mismatch` begins with."""


def protocol_mismatch(host: str, version: str, protocol: int | str) -> str:
    """Return why a worker is refused whose release speaks another protocol than this one.

    Args:
        host: The machine of the worker.
        version: The version of Maggy there; empty if it is unknown.
        protocol: The number of its protocol; 0 if it has none.
    """
    return (
        f"{MISMATCH}, but the driver has {__version__} (protocol {PROTOCOL}), and {host} has "
        f"{version or 'an unknown release'} (protocol {protocol}). Install the driver's release "
        "on the executors."
    )
