"""The contract of an optimizer: it suggests trials, and the driver runs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["AbstractOptimizer"]


class AbstractOptimizer(ABC):
    """Suggests the trials of an experiment; derive from it to write your own.

    The driver sets the attributes below before it calls ``initialize``, then asks ``get_suggestion`` whenever a
    worker is free, one call at a time, and calls ``finalize_experiment`` at the end. A constructor is free to take
    what it likes, and should check it.

    The search space is a copy seeded with the experiment's seed: an optimizer that draws from it alone, or from a
    generator of its own with a fixed seed, gives the same suggestions in every run.

    Example:
        >>> class Twice(AbstractOptimizer):
        ...     def initialize(self):
        ...         self.left = 2
        ...     def get_suggestion(self, trial=None):
        ...         self.left -= 1
        ...         return Trial(self.searchspace.get_random_parameter_values(1)[0]) if self.left >= 0 else None

    Attributes:
        num_trials: How many trials the user asked for.
        searchspace: What to draw from.
        trial_store: The trials that are running, by id.
        final_store: The trials that have ended with a metric, in the order in which they ended.
        direction: ``"max"`` or ``"min"``.
    """

    num_trials: int
    searchspace: Searchspace
    trial_store: dict[str, Trial]
    final_store: list[Trial]
    direction: str

    def initialize(self) -> None:  # noqa: B027 (most need it, but not all)
        """Prepare for an experiment; called once, before the first suggestion."""

    @abstractmethod
    def get_suggestion(self, trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """The next trial to run.

        Equal parameters may be suggested again: the driver tells the trials apart.

        Args:
            trial: A trial that has just ended with a metric; each is given once. None when there is none, as at the
                beginning and after a trial that failed: a failed trial is in neither store.

        Returns:
            A new trial; ``"IDLE"`` if there is none now but may be once another trial has ended; or None if there
            will be no more, after which every further call returns None.
        """

    def finalize_experiment(self, trials: list[Trial]) -> None:  # noqa: B027
        """Called once after the last trial.

        Args:
            trials: All trials that ended with a metric.
        """

    def name(self) -> str:
        """The name in the printed results; default is that of the class."""
        return type(self).__name__
