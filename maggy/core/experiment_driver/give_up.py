"""When an experiment is hopeless: its first trials all end with one programming error."""

from __future__ import annotations

from typing import NamedTuple

from maggy.trial import Trial

__all__ = ["GiveUp", "Mistake", "explanation"]


class Mistake(NamedTuple):
    """A programming error: the exception's class, empty for other errors, and its line of code."""

    kind: str
    place: str


class GiveUp:
    """Recognizes that the first trials to end all made the same mistake.

    Any other end, good or bad, shows that it is worth going on: after it the answer is always no.

    Example:
        >>> from maggy.core.experiment_driver.give_up import GiveUp, Mistake
        >>> give_up, mistake = GiveUp(after=2), Mistake("KeyError", "train.py, line 7")
        >>> give_up.ended(mistake), give_up.ended(mistake)
        (False, True)

    Args:
        after: How many trials have to make the mistake; None to never give up.
    """

    def __init__(self, after: int | None) -> None:
        self._missing = after
        self._mistake: Mistake | None = None

    def ended(self, mistake: Mistake | None) -> bool:
        """Take the end of a trial into account; return whether the experiment is hopeless.

        Args:
            mistake: The programming error that ended it; None if it ended in any other way.
        """
        if self._missing is None:
            return False
        if mistake is None or not mistake.kind or self._mistake not in (None, mistake):
            self._missing = None
            return False
        self._mistake = mistake
        self._missing -= 1
        return self._missing <= 0


def explanation(mistake: Mistake, ended: list[Trial], left: int | None) -> str:
    """Return why the experiment was given up, with the first trial's error.

    Args:
        mistake: What all the trials have in common.
        ended: The trials of this call, in the order in which they ended.
        left: How many trials were not run to their end; None if nobody knows.
    """
    first = ended[0]
    count = "The first trial" if len(ended) == 1 else f"All {len(ended)} trials that ended"
    rest = "the trials that were left" if left is None else f"{left} trials that were left"
    return (
        f"{count} failed with the same {mistake.kind} {mistake.place}, "
        f"so the experiment was given up with {rest} (give_up_after={len(ended)}; with None they would have been run). "
        f"The first one, {first.trial_id} with {first.params!s:.1000}:\n{first.error}"
    )
