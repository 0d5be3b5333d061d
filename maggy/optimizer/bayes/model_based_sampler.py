"""Begin a model-based search with random trials, which count when they are suggested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.optimizer.hyperband_settings import PrunerArguments
from maggy.optimizer.optuna.named_sampler import NamedSampler
from maggy.optimizer.optuna.options import SamplerOptions

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

__all__ = ["ModelBasedSampler"]

_MIN_FINAL_TRIALS = 4
"""The number of warm-up trials that must end with a metric before there is anything to model."""


class ModelBasedSampler(NamedSampler):
    """Draw the first trials at random, and then let a sampler with a model suggest the others.

    The model takes over once ``num_warmup_trials`` trials were suggested and a few of them have
    ended. Optuna itself counts ended trials, so that many workers would draw almost one more random
    trial each. With one worker there is no difference.

    Args:
        sampler_name: The sampler's class in ``optuna.samplers``.
        num_warmup_trials: The number of trials to draw at random first.
        options: The arguments of the sampler's constructor.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.

    Raises:
        MissingDependencyError: If a package that the sampler needs is not installed.
        BadArgumentsError: If an argument breaks its rule.
    """

    def __init__(
        self,
        sampler_name: str,
        num_warmup_trials: int,
        options: SamplerOptions,
        pruner: str | None,
        pruner_kwargs: PrunerArguments | None,
    ) -> None:
        count = as_number(num_warmup_trials)
        if not isinstance(count, int) or count < 0:
            raise BadArgumentsError(
                "num_warmup_trials must be a whole number of at least 0, "
                f"but got {num_warmup_trials!r:.80}."
            )
        if "n_startup_trials" in options:
            raise BadArgumentsError(
                f"{type(self).__name__} takes the number of random trials as num_warmup_trials, "
                f"but got n_startup_trials={options['n_startup_trials']!r:.80}. Rename it."
            )
        super().__init__(sampler_name, options, pruner, pruner_kwargs)
        self._num_warmup_trials = count

    def defaults(self, seed: int, history: list[FrozenTrial]) -> SamplerOptions:
        """Return the seed, and switch off the sampler's own warm-up."""
        # The sampler's own warm-up would draw the configurations of ours once more.
        return {"seed": seed, "n_startup_trials": 0}

    def make_sampler(self, seed: int, history: list[FrozenTrial]) -> BaseSampler:
        """Return a new sampler, and make a random one for the warm-up."""
        from optuna.samplers import RandomSampler

        # The same seed as the sampler's own warm-up would have, so that one worker gets exactly the
        # trials that Optuna alone suggests.
        self._random_sampler = RandomSampler(seed=seed)
        return super().make_sampler(seed, history)

    def choose_sampler(self, sampler: BaseSampler, num_suggestions: int) -> BaseSampler:
        """Return the random sampler during the warm-up, and then the sampler with the model."""
        min_final_trials = min(self._num_warmup_trials, _MIN_FINAL_TRIALS)
        has_data = len(self.final_store) >= min_final_trials
        return (
            sampler
            if num_suggestions >= self._num_warmup_trials and has_data
            else self._random_sampler
        )
