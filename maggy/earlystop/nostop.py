"""The rule that never stops a trial."""

from __future__ import annotations

from collections.abc import Collection

from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.decision import Decision
from maggy.trial import Trial

__all__ = ["NoStoppingRule"]


class NoStoppingRule(AbstractEarlyStop):
    """Let every trial run to its end.

    Example:
        >>> trial = Trial({})
        >>> NoStoppingRule().decide(trial, [], [trial], "max")
        <Decision.CONTINUE: 'continue'>
    """

    def decide(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> Decision:
        """Return that the trial goes on."""
        return Decision.CONTINUE

    @staticmethod
    def earlystop_check(
        to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """Return None: no trial is stopped."""
        return None
