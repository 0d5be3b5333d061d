"""The contract of an experiment rule: whether to end the experiment, after each ended trial."""

from __future__ import annotations

from abc import ABC, abstractmethod

from maggy.trial import Trial

__all__ = ["AbstractExperimentStop"]


class AbstractExperimentStop(ABC):
    """Decide when an experiment ends. Derive from this class to write your own rule.

    Pass it as ``es_policy``, alone or in a list with trial rules, as in
    ``es_policy=["median", Patience(20)]``. Once it returns a reason, no further trial begins. The
    running trials end at their next report and keep their metric. The experiment then returns its
    result as usual.

    Example:
        >>> class Enough(AbstractExperimentStop):
        ...     def experiment_check(self, finalized_trials, direction):
        ...         return "there are three" if len(finalized_trials) >= 3 else None
    """

    def start(self) -> None:  # noqa: B027 (a rule without memory has nothing to forget)
        """Forget what the rule has learned from an earlier experiment.

        The driver calls this method once before the first trial of each experiment, so one rule
        can serve several experiments. A rule that remembers nothing needs no such method.
        """

    @abstractmethod
    def experiment_check(self, finalized_trials: list[Trial], direction: str) -> str | None:
        """Return why the experiment ends now. A rule reads the trials and changes none.

        Args:
            finalized_trials: The trials that ended with a metric, in the order in which they
                ended. In a resumed experiment the earlier ones come first.
            direction: ``"max"`` or ``"min"``.

        Returns:
            The reason, which is shown to the user, or None to go on.
        """
