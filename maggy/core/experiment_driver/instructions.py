"""What the ledger tells the driver to do, and the name of a worker. Values only."""

from __future__ import annotations

from typing import NamedTuple

from maggy.core.experiment_driver.give_up import Mistake
from maggy.core.messages import ComponentFailure, DriverMessage, Final, Line, Point

__all__ = [
    "Ask",
    "Began",
    "CheckFailed",
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
    "Points",
    "Probed",
    "Send",
    "WorkerId",
]


class WorkerId(NamedTuple):
    """One attempt of one task of one Spark job."""

    job: int
    partition: int
    attempt: int

    def encode(self) -> bytes:
        """The worker's routing id."""
        return f"{self.job}.{self.partition}.{self.attempt}".encode()

    @classmethod
    def decode(cls, identity: bytes) -> WorkerId | None:
        """The worker that a routing id stands for; None if it is not one of ours."""
        parts = identity.split(b".")
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            return None
        return cls(*(int(part) for part in parts))


# Instructions: what the driver is to do.


class Send(NamedTuple):
    worker: WorkerId
    message: DriverMessage


class Ask(NamedTuple):
    """Get one more suggestion."""


class Began(NamedTuple):
    trial_id: str
    worker: WorkerId


class Points(NamedTuple):
    """New points of a trial. ``last``: they came with its end, so there is nothing left to stop."""

    trial_id: str
    points: list[Point]
    last: bool = False


class Lines(NamedTuple):
    trial_id: str
    worker: WorkerId
    lines: list[Line]


class Ended(NamedTuple):
    """A trial is final. ``report`` is None when no worker could end it; ``reason`` says why it failed."""

    trial_id: str
    report: Final | None
    reason: str
    traceback: str


class Mistaken(NamedTuple):
    """The first trials all ended with the same programming error; the others are not run."""

    mistake: Mistake


class GivenBack(NamedTuple):
    """A trial lost its worker and will run again, from a clean history."""

    trial_id: str
    reason: str


class Lost(NamedTuple):
    worker: WorkerId
    reason: str


class Kill(NamedTuple):
    """Have Spark end the task of a worker that does not answer. Its place goes to a new one."""

    worker: WorkerId
    task: int


class Launch(NamedTuple):
    """Start a new Spark job for these partitions."""

    partitions: list[int]


class CheckFailed(NamedTuple):
    error: str
    error_type: str


class Probed(NamedTuple):
    """What building single components in the check has shown.

    Attributes:
        failures: They cannot be built: their trials have failed before they begin.
        slow: Labels of those that took longer than the check may take; their trials build them again.
    """

    failures: list[ComponentFailure]
    slow: list[str]


class GivenUp(NamedTuple):
    """Spark cannot run the experiment."""

    reason: str


class Finished(NamedTuple):
    """Every trial is final."""


Instruction = (
    Send
    | Ask
    | Began
    | Points
    | Lines
    | Ended
    | Mistaken
    | GivenBack
    | Lost
    | Kill
    | Launch
    | CheckFailed
    | Probed
    | GivenUp
    | Finished
)
