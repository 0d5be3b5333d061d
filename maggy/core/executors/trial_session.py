"""Define what a trial needs of a session, with the driver or with the Spark task."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from maggy.common.types import Json
from maggy.core.messages import Assign, Check, Checked, Done
from maggy.core.reporter import Reporter

__all__ = ["PROBE_SECONDS", "Answer", "Checkpointing", "TrialSession"]

PROBE_SECONDS = 60.0
"""How long the check may take to build one component. A slower one is left to its own trial."""

Answer = Assign | Check | Done
"""What a worker does next."""


class TrialSession(Protocol):
    """A session to which a trial, or the check of a study, reports."""

    @property
    def reporter(self) -> Reporter:
        """The reporter of the current run."""

    def begin(self) -> None:
        """Watch the time from now on: the training function is about to be called."""

    def function_returned(self) -> None:
        """Watch the time no longer: the training function has returned."""

    def final(
        self,
        metric: int | float | None,
        outputs: dict[str, Json],
        early: bool,
        *,
        paused: bool = False,
    ) -> Answer:
        """Report that the run ended well; return what to do next.

        Args:
            metric: The trial's metric; None for a function that is run once.
            outputs: The values that the function returned, by name.
            early: Whether the trial was stopped early.
            paused: Whether a checkpoint has ended the run, and the trial may go on.
        """

    def failed(self, reason: str, traceback: str, mistake: str = "", location: str = "") -> Answer:
        """Report that the run failed; return what to do next.

        The arguments are fields of :class:`~maggy.core.messages.Failed`.
        """

    def begin_check(self, seconds: float, last_word: Checked) -> None:
        """Watch the time from now on: the check is about to build a component.

        Args:
            seconds: When they are over, the component is interrupted.
            last_word: What to report if it cannot be interrupted.
        """


class Checkpointing(Protocol):
    """What gives the runs of trials in this process their checkpoints."""

    def run(self, assignment: Assign, reporter: Reporter) -> AbstractContextManager[None]:
        """Let the reporter of a run save and restore checkpoints while the block runs."""

    def wait(self) -> None:
        """Wait until the checkpoints of the run are safe, or given up."""
