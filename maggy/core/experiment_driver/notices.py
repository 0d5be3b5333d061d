"""Define the notices of the trial book: its decisions, on which the driver acts. Values only."""

from __future__ import annotations

import msgspec

from maggy.checkpoints.saved import Handover
from maggy.common.types import Params
from maggy.core.experiment_driver.checkpoint_book import Saving
from maggy.core.experiment_driver.give_up import Mistake
from maggy.core.experiment_driver.instructions import DecisionWanted, Points
from maggy.trial import Trial

__all__ = [
    "AllTrialsEnded",
    "CheckpointsSaved",
    "ExperimentEnds",
    "Notice",
    "Remark",
    "RuleFailed",
    "SameMistake",
    "SuggestionsExhausted",
    "TrialBegan",
    "TrialContinued",
    "TrialEnded",
    "TrialGivenBack",
    "TrialPaused",
    "TrialPausing",
    "TrialStopped",
    "TrialSuggested",
]


class TrialSuggested(msgspec.Struct, frozen=True):
    """The policy has suggested a trial; ``params`` can be sent to a worker.

    Attributes:
        handover: The checkpoint from which the trial may go on; None if there is none.
    """

    trial: Trial
    params: Params
    handover: Handover | None = None


class SuggestionsExhausted(msgspec.Struct, frozen=True):
    """There will be no more suggestions."""


class TrialBegan(msgspec.Struct, frozen=True):
    """A trial runs on a worker."""

    trial: Trial


class TrialContinued(msgspec.Struct, frozen=True):
    """A trial goes on from a checkpoint, with the points up to there."""

    points: Points


class CheckpointsSaved(msgspec.Struct, frozen=True):
    """A trial has saved checkpoints."""

    saving: Saving


class TrialStopped(msgspec.Struct, frozen=True):
    """A running trial is to be stopped early."""

    trial_id: str


class TrialPausing(msgspec.Struct, frozen=True):
    """A running trial is to leave its worker after its next checkpoint."""

    trial_id: str


class TrialPaused(msgspec.Struct, frozen=True):
    """A trial has left its worker after a checkpoint, and may go on later.

    Attributes:
        saving: What is to be recorded of its checkpoints; None if none has arrived.
    """

    trial: Trial
    saving: Saving | None


class TrialGivenBack(msgspec.Struct, frozen=True):
    """A trial lost its worker and will run again."""

    trial: Trial
    reason: str


class TrialEnded(msgspec.Struct, frozen=True):
    """A trial has ended for good."""

    trial: Trial


class AllTrialsEnded(msgspec.Struct, frozen=True):
    """Every trial of the experiment has ended."""


class SameMistake(msgspec.Struct, frozen=True):
    """The first trials all ended with the same programming error."""

    mistake: Mistake


class ExperimentEnds(msgspec.Struct, frozen=True):
    """A rule has ended the experiment."""

    reason: str


class RuleFailed(msgspec.Struct, frozen=True):
    """A stop rule has raised an exception. It is reported once."""

    error: Exception


class Remark(msgspec.Struct, frozen=True):
    """The user should read this text."""

    text: str


Notice = (
    TrialSuggested
    | SuggestionsExhausted
    | TrialBegan
    | TrialContinued
    | CheckpointsSaved
    | TrialStopped
    | DecisionWanted
    | TrialPausing
    | TrialPaused
    | TrialGivenBack
    | TrialEnded
    | AllTrialsEnded
    | SameMistake
    | ExperimentEnds
    | RuleFailed
    | Remark
)
"""A notice of the trial book."""
