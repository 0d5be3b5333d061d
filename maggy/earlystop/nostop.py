"""The rule that never stops a trial."""

from __future__ import annotations

from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.trial import Trial

__all__ = ["NoStoppingRule"]


class NoStoppingRule(AbstractEarlyStop):
    """Lets every trial run to its end.

    Example:
        >>> NoStoppingRule.earlystop_check(Trial({}), [], "max") is None
        True
    """

    @staticmethod
    def earlystop_check(
        to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """Always None."""
        return None
