"""Run the same empty configuration again and again, without a search."""

from __future__ import annotations

from collections.abc import Collection

from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.trial import Trial

__all__ = ["SingleRun"]


class SingleRun(AbstractOptimizer):
    """Suggest ``num_trials`` trials without hyperparameters, whatever the search space is.

    With ``num_trials=1`` the training function runs once. More trials show how much the metric
    varies by itself.

    Example:
        >>> optimizer = SingleRun()
        >>> optimizer.num_trials = 1
        >>> optimizer.initialize()
        >>> optimizer.get_suggestion().params
        {}
    """

    independent = True
    can_be_sampler = False

    def __init__(self) -> None:
        super().__init__()
        self._num_suggestions = 0

    def initialize(self) -> None:
        """Start at the first trial."""
        self._num_suggestions = 0

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """Return a trial without parameters, or None after ``num_trials`` of them."""
        if self._num_suggestions >= self.num_trials:
            return None
        self._num_suggestions += 1
        return Trial({})

    def total_trials(self) -> int:
        """Return ``num_trials``."""
        return self.num_trials

    def parameters(self, function_parameters: Collection[str]) -> list[str]:
        """Return an empty list: the trials have no hyperparameters."""
        return []
