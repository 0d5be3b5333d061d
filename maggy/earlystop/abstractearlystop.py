"""The contract of an early stopping rule: one decision about one running trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import ClassVar

from maggy.trial import Trial

__all__ = ["AbstractEarlyStop"]


class AbstractEarlyStop(ABC):
    """Decides whether a running trial should be stopped; derive from it to write your own rule.

    The driver asks when a running trial has reported a step that the experiment's ``es_interval`` selects, once more
    than ``es_min`` trials are final. A trial that is stopped keeps its metric and may still be the best.

    Example:
        >>> class BelowZero(AbstractEarlyStop):
        ...     @staticmethod
        ...     def earlystop_check(to_check, finalized_trials, direction):
        ...         return to_check.trial_id if to_check.metric_history[-1] < 0 else None
    """

    waits_for_finals: ClassVar[bool] = True
    """Whether the rule is asked only once more than ``es_min`` trials are final."""

    @staticmethod
    @abstractmethod
    def earlystop_check(
        to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """Whether to stop ``to_check`` now. A rule reads the trials and changes none.

        Args:
            to_check: The running trial.
            finalized_trials: The trials that ended with a metric.
            direction: ``"max"`` or ``"min"``.

        Returns:
            The id of ``to_check`` to stop it, None to let it go on.
        """

    def check_running(
        self,
        to_check: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str | None:
        """What the driver calls; a rule that also looks at the other running trials overrides this.

        Args:
            to_check: The running trial.
            finalized_trials: The trials that ended with a metric.
            running_trials: All running trials, ``to_check`` among them.
            direction: ``"max"`` or ``"min"``.
        """
        return self.earlystop_check(to_check, finalized_trials, direction)
