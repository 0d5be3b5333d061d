"""The percentile stopping rule. The median rule is the special case of 50 %."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from maggy.common.direction import Direction
from maggy.common.ended_trials import means_at_same_step
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.decision import Decision
from maggy.earlystop.explanations import compare
from maggy.trial import Trial

__all__ = ["PercentileStoppingRule"]


class PercentileStoppingRule(AbstractEarlyStop):
    """Stop a trial whose best value is worse than the best ``percentile`` % of the others' means.

    Let s be the last step of the running trial. For each ended trial that reached step s, compute
    the mean of its values up to s. The trial is stopped when its best value so far is worse than
    the mean at the given percentile, counted from the best. Between two means the rule
    interpolates. A trial that is as good as the percentile goes on.

    A percentile of 50 is the median rule. A smaller percentile stops more trials. NaN and infinite
    values are treated as in the median rule.

    Example:
        >>> others = [Trial({"x": x}) for x in range(5)]
        >>> for trial, value in zip(others, [0.1, 0.2, 0.3, 0.4, 0.5]):
        ...     _ = trial.append_metric({"step": 1, "value": value})
        >>> trial = Trial({"x": 9})
        >>> trial.append_metric({"step": 1, "value": 0.35})
        1
        >>> PercentileStoppingRule(25).decide(trial, others, [trial], "max")
        <Decision.STOP: 'stop'>
        >>> PercentileStoppingRule(50).decide(trial, others, [trial], "max")
        <Decision.CONTINUE: 'continue'>

    Args:
        percentile: The share of the others that counts as good enough, in percent: above 0 and
            below 100.

    Raises:
        BadArgumentsError: If the percentile is not such a number.
    """

    def __init__(self, percentile: float = 25.0) -> None:
        number = as_number(percentile)
        if number is None or not 0 < number < 100:
            raise BadArgumentsError(
                f"percentile must be a number above 0 and below 100, but got {percentile!r:.80}."
            )
        self._percentile = number

    def decide(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> Decision:
        """Return STOP if the trial is worse than the percentile. The class describes the rule.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        sense = Direction.parse(direction)
        means = means_at_same_step(trial, finalized_trials)
        if not means:
            return Decision.CONTINUE
        # None if the trial has reported nothing but NaN, which is worse than any value.
        best = trial.best(sense)
        if best is None or sense.is_better(
            _percentile_from_best(means, self._percentile, sense), than=best
        ):
            return Decision.STOP
        return Decision.CONTINUE

    def explain(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str:
        """Return the two values that were compared."""
        sense = Direction.parse(direction)
        means = means_at_same_step(trial, finalized_trials)
        return compare(
            trial.best(sense),
            sense,
            _percentile_from_best(means, self._percentile, sense),
            lambda limit: (
                f"{limit}, which the best {self._percentile:g} % of {len(means)} trials reach"
            ),
        )


def _percentile_from_best(
    ascending: Sequence[float], percentile: float, direction: Direction
) -> float:
    last = len(ascending) - 1
    # The position counts from the best value, which is the last one for ``"max"``.
    position = last * percentile / 100
    rank = int(position)
    share = position - rank
    first, step = (last - rank, -1) if direction is Direction.MAX else (rank, 1)
    if share == 0:
        return ascending[first]
    # A weighted sum, since the difference of two values may be too large for a float.
    return ascending[first] * (1 - share) + ascending[first + step] * share
