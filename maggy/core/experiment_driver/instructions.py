"""Define the instructions of the ledger to the driver. Values only.

Each instruction is a class of its own, and instructions of different classes are never equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from maggy.checkpoints.saved import SavedCheckpoint
from maggy.core.experiment_driver.give_up import Mistake
from maggy.core.messages import ComponentFailure, DriverMessage, Final, Line, Point, WorkerId

__all__ = [
    "Ask",
    "Began",
    "CheckFailed",
    "Continued",
    "DecisionWanted",
    "DriverInstruction",
    "Ended",
    "Finished",
    "GivenBack",
    "GivenUp",
    "Instruction",
    "Kill",
    "Launch",
    "Lines",
    "Lost",
    "Mistaken",
    "Paused",
    "Points",
    "Preempted",
    "Probed",
    "Refused",
    "Saved",
    "Send",
    "TrialEvent",
]


class Send(msgspec.Struct, frozen=True, gc=False):
    """Send a message to a worker."""

    worker: WorkerId
    message: DriverMessage


# What concerns trials and the policy.


class Ask(msgspec.Struct, frozen=True, gc=False):
    """Get one more suggestion from the policy."""


class Began(msgspec.Struct, frozen=True, gc=False):
    """Note that a trial begins on a worker.

    Attributes:
        at: When the worker was told, in seconds since the epoch. The ledger has no clock, so the
            dispatcher fills it in.
    """

    trial_id: str
    worker: WorkerId
    at: float = 0.0


class Points(msgspec.Struct, frozen=True, gc=False):
    """Append new points to the history of a trial.

    Attributes:
        last: The points came with the end of the trial, so it cannot be stopped any more.
        times: For each point when it was reported, in seconds since the epoch by the driver's
            clock; empty if nobody knows.
    """

    trial_id: str
    points: list[Point]
    last: bool = False
    times: list[float] = []


class DecisionWanted(msgspec.Struct, frozen=True, gc=False):
    """Tell a worker when the stop rules have seen the points of its run that came before.

    It comes back as a notice when they have. If they stop the run, that notice comes before.

    Attributes:
        run: The number of the run.
        points: Number of points of the run that have arrived.
    """

    trial_id: str
    run: int
    points: int


class Continued(msgspec.Struct, frozen=True, gc=False):
    """Note that the run of a trial goes on from the checkpoint that it was handed.

    Attributes:
        step: The step of the checkpoint.
    """

    trial_id: str
    step: int


class Saved(msgspec.Struct, frozen=True, gc=False):
    """Note that checkpoints of a trial are on the store, the newest one last."""

    trial_id: str
    checkpoints: list[SavedCheckpoint]


class Ended(msgspec.Struct, frozen=True, gc=False):
    """End a trial for good.

    Attributes:
        report: How the run ended; None if it failed, or if no worker could end it.
        reason: Why the trial failed; empty if it did not.
        traceback: The traceback of the failure; empty if there is none.
        model: What is recorded about the model of an ablation's trial; empty if there is nothing.
    """

    trial_id: str
    report: Final | None
    reason: str
    traceback: str
    model: Mapping[str, Any] = {}


class Paused(msgspec.Struct, frozen=True, gc=False):
    """Take note that a trial has left its worker after a checkpoint. It may go on later.

    Attributes:
        report: How the run ended.
    """

    trial_id: str
    report: Final


class GivenBack(msgspec.Struct, frozen=True, gc=False):
    """Take back a trial that lost its worker. It will run again."""

    trial_id: str
    reason: str


class Probed(msgspec.Struct, frozen=True, gc=False):
    """Take note of the components that the check tried to build.

    Attributes:
        failures: The components that cannot be built. Their trials fail before they begin.
        slow: The labels of components that took longer than the check may take. Their trials build
            them again.
    """

    failures: list[ComponentFailure]
    slow: list[str]


class Mistaken(msgspec.Struct, frozen=True, gc=False):
    """End the experiment: its first trials all ended with the same programming error."""

    mistake: Mistake


class Finished(msgspec.Struct, frozen=True, gc=False):
    """End the experiment: every trial has ended."""


# What concerns workers, Spark and the user.


class Lines(msgspec.Struct, frozen=True, gc=False):
    """Record and show lines of a trial's output."""

    trial_id: str
    worker: WorkerId
    lines: list[Line]


class Lost(msgspec.Struct, frozen=True, gc=False):
    """Note in the log that a worker was lost."""

    worker: WorkerId
    reason: str


class Preempted(msgspec.Struct, frozen=True, gc=False):
    """Note in the log that the executor of a worker will be taken away."""

    worker: WorkerId


class Kill(msgspec.Struct, frozen=True, gc=False):
    """Have Spark kill the task of a worker that does not answer. A new worker takes its place."""

    worker: WorkerId
    task: int


class Launch(msgspec.Struct, frozen=True, gc=False):
    """Start a new Spark job with a task for each of these partitions."""

    partitions: list[int]


class CheckFailed(msgspec.Struct, frozen=True, gc=False):
    """End the experiment: the study cannot be run.

    Attributes:
        error: Why, in a sentence.
        error_type: The name of the exception's class.
    """

    error: str
    error_type: str


class GivenUp(msgspec.Struct, frozen=True, gc=False):
    """End the experiment: Spark cannot run it."""

    reason: str


class Refused(msgspec.Struct, frozen=True, gc=False):
    """End the experiment: a worker has a release of Maggy that speaks another protocol."""

    reason: str


TrialEvent = (
    Ask
    | Began
    | Points
    | DecisionWanted
    | Continued
    | Saved
    | Ended
    | Paused
    | GivenBack
    | Probed
    | Mistaken
    | Finished
)
"""The instructions that the policy thread carries out."""

DriverInstruction = Lines | Lost | Preempted | Kill | Launch | CheckFailed | GivenUp | Refused
"""The instructions that the driver carries out."""

Instruction = Send | TrialEvent | DriverInstruction
"""An instruction of the ledger. The dispatcher carries :class:`Send` out itself."""
