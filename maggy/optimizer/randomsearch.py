"""Search at random: draw configurations independently from the search space."""

from __future__ import annotations

from collections.abc import Collection

from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import Params
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.hyperband_settings import PrunerArguments
from maggy.optimizer.untried import UntriedConfigurations
from maggy.trial import Trial

__all__ = ["RandomSearch"]


class RandomSearch(AbstractOptimizer):
    """Draw ``num_trials`` configurations from the search space, independently of all results.

    All workers are always busy. In a space of at most 1,000,000 configurations no configuration is
    repeated while others remain, unless the config allows repeats.

    Example:
        >>> from maggy.experiment_config import OptimizationConfig
        >>> from maggy import Searchspace
        >>> space = Searchspace(lr=("DOUBLE", [1e-5, 1e-1], "log"))
        >>> config = OptimizationConfig(num_trials=20, optimizer=RandomSearch(), searchspace=space)

    Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13 (2012).

    Args:
        pruner: ``"hyperband"``, or None to run each configuration once.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
    """

    independent = True

    def __init__(
        self, pruner: str | None = None, pruner_kwargs: PrunerArguments | None = None
    ) -> None:
        super().__init__(pruner, pruner_kwargs)
        self._num_suggestions = 0

    def initialize(self) -> None:
        """Start at the first suggestion.

        Raises:
            BadArgumentsError: If there is no search space, or if it has no parameters.
        """
        self._check_space()
        self._num_suggestions = 0
        self._untried = UntriedConfigurations(self.searchspace, self.allow_repeats)

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """Return the next draw, or None after ``num_trials`` of them. Ignore ``trial``."""
        if self._num_suggestions >= self.num_trials:
            return None
        self._num_suggestions += 1
        return Trial(
            self._untried.choose(lambda: self.searchspace.get_random_parameter_values(1)[0])
        )

    def initial_trial(self, params: Params) -> Trial:
        """Return a trial with these parameters. It counts among the ``num_trials``."""
        self._num_suggestions += 1
        trial = Trial(params)
        self._untried.add(trial.params)
        return trial

    def restore(self, trials: list[Trial]) -> bool:
        """Remember the initial trials among the records. The others will be drawn again.

        Those of another experiment are not. For each of them a draw is skipped, since a search with
        the seed of that experiment would run its configurations once more.
        """
        for trial in trials:
            if trial.source_experiment is not None:
                self.searchspace.get_random_parameter_values(1)
                self._untried.add(trial.params)
            elif trial.initial_number is not None:
                self._untried.add(trial.params)
        return False

    def total_trials(self) -> int:
        """Return ``num_trials``."""
        return self.num_trials

    def parameters(self, function_parameters: Collection[str]) -> list[str]:
        """Return the names of the search space.

        Raises:
            BadArgumentsError: If there is no search space, or if it has no parameters.
        """
        self._check_space()
        return self.searchspace.keys()

    def _check_space(self) -> None:
        # The attribute is missing until the driver, or a user's own code, has set it.
        space = getattr(self, "searchspace", None)
        if space is None or len(space) == 0:
            raise BadArgumentsError(
                "Random search needs a search space with at least one hyperparameter, "
                f"but got {space!r}. "
                "Add one, or use optimizer='none' to run the same function num_trials times."
            )
