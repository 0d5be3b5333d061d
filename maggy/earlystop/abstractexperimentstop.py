"""The contract of a rule that ends a whole experiment: one decision each time a trial has ended."""

from __future__ import annotations

from abc import ABC, abstractmethod

from maggy.trial import Trial

__all__ = ["AbstractExperimentStop"]


class AbstractExperimentStop(ABC):
    """Decides whether an experiment has run long enough; derive from it to write your own rule.

    It is given as ``es_policy``, alone or in a list with a rule for single trials, as in
    ``es_policy=["median", Patience(20)]``. When it says stop, no further trial begins; those that are running are
    stopped at their next report and keep their metric. The experiment ends in good order with the trials that it has.

    Example:
        >>> class Enough(AbstractExperimentStop):
        ...     def experiment_check(self, finalized_trials, direction):
        ...         return "there are three" if len(finalized_trials) >= 3 else None
    """

    @abstractmethod
    def experiment_check(self, finalized_trials: list[Trial], direction: str) -> str | None:
        """Whether to end the experiment now. A rule reads the trials and changes none.

        Args:
            finalized_trials: The trials that ended with a metric, in the order in which they ended; in a resumed
                experiment the earlier ones come first.
            direction: ``"max"`` or ``"min"``.

        Returns:
            The reason, which is shown to the user, or None to go on.
        """
