"""Random search: independent draws from the search space."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.untried import Untried
from maggy.trial import Trial

__all__ = ["RandomSearch"]


class RandomSearch(AbstractOptimizer):
    """Draws ``num_trials`` configurations from the search space, independently of all results.

    All workers are always busy. In a space of at most 1,000,000 configurations none comes up again while others are
    left, unless the config allows repeats.

    Example:
        >>> from maggy.experiment_config import OptimizationConfig
        >>> from maggy import Searchspace
        >>> space = Searchspace(lr=("DOUBLE", [1e-5, 1e-1], "log"))
        >>> config = OptimizationConfig(num_trials=20, optimizer=RandomSearch(), searchspace=space)

    Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13 (2012).
    """

    independent = True

    def __init__(
        self, pruner: str | None = None, pruner_kwargs: dict[str, Any] | None = None
    ) -> None:
        super().__init__(pruner, pruner_kwargs)
        self._suggested = 0

    def initialize(self) -> None:
        """Start at the first suggestion.

        Raises:
            BadArgumentsError: There is no search space, or it has no parameters.
        """
        self._check_space()
        self._suggested = 0
        self._untried = Untried(self.searchspace, self.allow_repeats)

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """The next draw, or None after ``num_trials`` of them; ``trial`` is not looked at."""
        if self._suggested >= self.num_trials:
            return None
        self._suggested += 1
        return Trial(
            self._untried.choose(lambda: self.searchspace.get_random_parameter_values(1)[0])
        )

    def initial_trial(self, params: dict[str, Any]) -> Trial:
        """A trial of these parameters, which counts among the ``num_trials``."""
        self._suggested += 1
        trial = Trial(params)
        self._untried.add(trial.params)
        return trial

    def restore(self, trials: list[Trial]) -> bool:
        """Note the initial trials among those that are recorded; the others will be drawn again in their order."""
        for trial in trials:
            if "initial" in trial.info_dict:
                self._untried.add(trial.params)
        return False

    def total_trials(self) -> int:
        """``num_trials``."""
        return self.num_trials

    def parameters(self, asked: Collection[str]) -> list[str]:
        """Those of the search space.

        Raises:
            BadArgumentsError: There is no search space, or it has no parameters.
        """
        self._check_space()
        return self.searchspace.keys()

    def _check_space(self) -> None:
        space = getattr(self, "searchspace", None)
        if space is None or len(space) == 0:
            raise BadArgumentsError(
                f"Random search needs a search space with at least one hyperparameter, but got {space!r}. "
                "Add one, or use optimizer='none' to run the same function num_trials times."
            )
