"""The median stopping rule."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from maggy.common.direction import Direction
from maggy.common.ended_trials import means_at_same_step
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.decision import Decision
from maggy.earlystop.explanations import compare
from maggy.trial import Trial

__all__ = ["MedianStoppingRule"]


class MedianStoppingRule(AbstractEarlyStop):
    """Stop a trial whose best value so far is worse than the median of the others' means.

    Let s be the last step of the running trial. For each ended trial that reached step s, compute
    the mean of its values up to s. Let m be the median of these means. For ``"max"`` the trial is
    stopped when its best value so far is below m, for ``"min"`` when it is above m. A trial that is
    as good as m goes on.

    The means ignore NaN and infinite values. A trial that has reported nothing but NaN is worse
    than any median. A trial without a report goes on, and so does one without an ended trial to
    compare with. The time of a check does not grow with the number of points. If the trials report
    at the same steps, it does not grow with the number of trials either.

    Example:
        >>> good, bad = Trial({"x": 1}), Trial({"x": 2})
        >>> for trial, value in ((good, 0.9), (bad, 0.2)):
        ...     _ = trial.append_metric({"step": 1, "value": value})
        >>> MedianStoppingRule().decide(bad, [good], [bad], "max")
        <Decision.STOP: 'stop'>
        >>> MedianStoppingRule().decide(bad, [good], [bad], "min")
        <Decision.CONTINUE: 'continue'>

    Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.
    """

    def decide(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> Decision:
        """Return STOP if the trial is worse than the median. The class describes the rule.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        sense = Direction.parse(direction)
        means = means_at_same_step(trial, finalized_trials)
        if not means:
            return Decision.CONTINUE
        # None if the trial has reported nothing but NaN, which is worse than any value.
        best = trial.best(sense)
        if best is None or sense.is_better(_median(means), than=best):
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
            _median(means),
            lambda median: f"the median {median} of {len(means)} trials",
        )

    @staticmethod
    def earlystop_check(
        to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """Return the id of ``to_check`` if it is worse than the median, else None.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        return MedianStoppingRule().check_running(to_check, finalized_trials, [to_check], direction)


def _median(ascending: Sequence[float]) -> float:
    half, is_odd = divmod(len(ascending), 2)
    return ascending[half] if is_odd else (ascending[half - 1] + ascending[half]) / 2
