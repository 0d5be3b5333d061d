"""The percentile stopping rule, of which the median rule is the middle."""

from __future__ import annotations

from collections.abc import Sequence

from maggy.common.ended_trials import means_at_same_step
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.trial import Trial

__all__ = ["PercentileStoppingRule"]


class PercentileStoppingRule(AbstractEarlyStop):
    """Lets a trial go on only while its best value is as good as what the best ``percentile`` % of the others had.

    Let s be the running trial's last step. Of each final trial that went at least to step s, take the mean of its
    values up to s. The trial is stopped when its best value so far is worse than the mean at the given percentile,
    counted from the best; between two means it is interpolated. A tie goes on. With 50 this is the median rule; a
    smaller percentile stops more. NaN and infinite values are treated as there.

    Example:
        >>> others = [Trial({"x": x}) for x in range(5)]
        >>> for trial, value in zip(others, [0.1, 0.2, 0.3, 0.4, 0.5]):
        ...     _ = trial.append_metric({"step": 1, "value": value})
        >>> trial = Trial({"x": 9})
        >>> trial.append_metric({"step": 1, "value": 0.35})
        1
        >>> PercentileStoppingRule(25).earlystop_check(trial, others, "max") == trial.trial_id
        True
        >>> PercentileStoppingRule(50).earlystop_check(trial, others, "max") is None
        True

    Args:
        percentile: Which share of the others is good enough, in percent: above 0 and below 100.

    Raises:
        BadArgumentsError: The percentile is not such a number.
    """

    def __init__(self, percentile: float = 25.0) -> None:
        number = as_number(percentile)
        if number is None or not 0 < number < 100:
            raise BadArgumentsError(
                f"percentile must be a number above 0 and below 100, but got {percentile!r:.80}."
            )
        self._percentile = number

    def earlystop_check(  # type: ignore[override]
        self, to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """The id of ``to_check`` if it is worse than the percentile, else None; see the class for the rule.

        Raises:
            BadArgumentsError: The direction is neither ``"max"`` nor ``"min"``.
        """
        best = to_check.best(direction)
        means = means_at_same_step(to_check, finalized_trials)
        if not means:
            return None
        if best is None:
            return to_check.trial_id
        bar = _from_the_best(means, self._percentile, direction)
        is_worse = best < bar if direction == "max" else best > bar
        return to_check.trial_id if is_worse else None


def _from_the_best(ascending: Sequence[float], percentile: float, direction: str) -> float:
    last = len(ascending) - 1
    place = last * percentile / 100
    below = int(place)
    share = place - below
    at = (lambda rank: ascending[last - rank]) if direction == "max" else ascending.__getitem__
    if share == 0:
        return at(below)
    # A weighted sum, since the difference of two values may be too large for a float.
    return at(below) * (1 - share) + at(below + 1) * share
