"""Decide to give up an experiment whose first trials all make the same mistake."""

from __future__ import annotations

from dataclasses import dataclass

from maggy.trial import Trial

__all__ = ["GiveUp", "Mistake", "explanation"]


@dataclass(frozen=True)
class Mistake:
    """A programming error in the training function.

    Attributes:
        error_type: The name of the exception's class; empty if the error is no programming error.
        location: The line of code that raised it.
    """

    error_type: str
    location: str


class GiveUp:
    """Recognize that the first trials all ended with the same mistake.

    As soon as one trial ends in any other way, good or bad, the answer is always no.

    Example:
        >>> from maggy.core.experiment_driver.give_up import GiveUp, Mistake
        >>> give_up, mistake = GiveUp(after=2), Mistake("KeyError", "train.py, line 7")
        >>> give_up.ended(mistake), give_up.ended(mistake)
        (False, True)

    Args:
        after: Number of trials that must make the mistake; None to never give up.
    """

    def __init__(self, after: int | None) -> None:
        self._remaining = after  # None once the experiment cannot be hopeless any more
        self._mistake: Mistake | None = None

    def ended(self, mistake: Mistake | None) -> bool:
        """Take the end of a trial into account, and return whether the experiment is hopeless.

        Args:
            mistake: The programming error that ended it; None if it ended in any other way.
        """
        if self._remaining is None:
            return False
        if mistake is None or not mistake.error_type or self._mistake not in (None, mistake):
            self._remaining = None
            return False
        self._mistake = mistake
        self._remaining -= 1
        return self._remaining <= 0


def explanation(mistake: Mistake, trials: list[Trial], left: int | None) -> str:
    """Return why the experiment was given up, with the error of the first trial.

    Args:
        mistake: The mistake that all trials made.
        trials: The trials of this call, in the order in which they ended.
        left: Number of trials that did not run to their end; None if it is unknown.
    """
    first = trials[0]
    count = "The first trial" if len(trials) == 1 else f"All {len(trials)} trials that ended"
    rest = "the trials that were left" if left is None else f"{left} trials that were left"
    return (
        f"{count} failed with the same {mistake.error_type} {mistake.location}, "
        f"so the experiment was given up with {rest} (give_up_after={len(trials)}; with None they "
        f"would have been run). The first one, {first.trial_id} with "
        f"{first.params!s:.1000}:\n{first.error}"
    )
