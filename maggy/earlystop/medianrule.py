"""The median stopping rule."""

from __future__ import annotations

from collections.abc import Sequence

from maggy.common.ended_trials import means_at_same_step
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.trial import Trial

__all__ = ["MedianStoppingRule"]


class MedianStoppingRule(AbstractEarlyStop):
    """Stops a trial whose best value so far is worse than what the others had, on average, by the same step.

    Let s be the running trial's last step. Of each final trial that went at least to step s, take the mean of its
    values up to s; m is the median of these means. For ``"max"`` the trial is stopped when its best value so far is
    below m, for ``"min"`` when it is above; a tie goes on.

    NaN and infinite values are left out of the means. A trial that has reported nothing but NaN is worse than any
    median. Without a point to judge, or a final trial to compare with, there is no stop. The time of a check
    grows neither with the number of points nor, when trials report at the same steps, with the number of trials.

    Example:
        >>> good, bad = Trial({"x": 1}), Trial({"x": 2})
        >>> good.append_metric({"step": 1, "value": 0.9}), bad.append_metric({"step": 1, "value": 0.2})
        (1, 1)
        >>> MedianStoppingRule.earlystop_check(bad, [good], "max") == bad.trial_id
        True
        >>> MedianStoppingRule.earlystop_check(bad, [good], "min") is None
        True

    Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.
    """

    @staticmethod
    def earlystop_check(
        to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """The id of ``to_check`` if it is worse than the median, else None; see the class for the rule.

        Raises:
            BadArgumentsError: The direction is neither ``"max"`` nor ``"min"``.
        """
        best = to_check.best(direction)
        means = means_at_same_step(to_check, finalized_trials)
        if not means:
            return None
        if best is None:
            return to_check.trial_id
        middle = _median(means)
        is_worse = best < middle if direction == "max" else best > middle
        return to_check.trial_id if is_worse else None


def _median(ascending: Sequence[float]) -> float:
    half, odd = divmod(len(ascending), 2)
    return ascending[half] if odd else (ascending[half - 1] + ascending[half]) / 2
