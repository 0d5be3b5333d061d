"""No search: the same empty configuration again and again."""

from __future__ import annotations

from collections.abc import Collection

from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.trial import Trial

__all__ = ["SingleRun"]


class SingleRun(AbstractOptimizer):
    """Suggests ``num_trials`` trials without hyperparameters, whatever the search space.

    With ``num_trials=1`` that is one run of the training function; with more, it shows how much the metric varies
    by itself.

    Example:
        >>> optimizer = SingleRun()
        >>> optimizer.num_trials = 1
        >>> optimizer.initialize()
        >>> optimizer.get_suggestion().params
        {}
    """

    independent = True

    def __init__(self) -> None:
        super().__init__()
        self._suggested = 0

    def initialize(self) -> None:
        """Start at the first trial."""
        self._suggested = 0

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """A trial without parameters, or None after ``num_trials`` of them."""
        if self._suggested >= self.num_trials:
            return None
        self._suggested += 1
        return Trial({})

    def total_trials(self) -> int:
        """``num_trials``."""
        return self.num_trials

    def parameters(self, asked: Collection[str]) -> list[str]:
        """None at all."""
        return []
