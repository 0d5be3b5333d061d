"""The random trials that a model begins with, counted when they are suggested and not when they have ended."""

from __future__ import annotations

from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.optimizer.optuna.named_sampler import NamedSampler

__all__ = ["WarmedUp"]

_LEAST_ENDED = 4
"""Of the warm-up so many must have ended with a metric, or there is nothing to model."""


class WarmedUp(NamedSampler):
    """A sampler with a model, which is used once ``num_warmup_trials`` trials were suggested and a few have ended.

    Optuna counts those that have ended, so that with many workers almost as many more trials as there are workers are
    drawn at random. With one worker there is no difference.

    Args:
        sampler_name: Its class in ``optuna.samplers``.
        num_warmup_trials: The first so many trials are drawn at random.
        options: The sampler's arguments.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.

    Raises:
        MissingDependencyError: Something that it needs is not installed.
        BadArgumentsError: An argument breaks its rule.
    """

    def __init__(
        self,
        sampler_name: str,
        num_warmup_trials: int,
        options: dict[str, Any],
        pruner: str | None,
        pruner_kwargs: dict[str, Any] | None,
    ) -> None:
        count = as_number(num_warmup_trials)
        if not isinstance(count, int) or count < 0:
            raise BadArgumentsError(
                f"num_warmup_trials must be a whole number of at least 0, but got {num_warmup_trials!r:.80}."
            )
        if "n_startup_trials" in options:
            raise BadArgumentsError(
                f"{type(self).__name__} must be told the number of random trials as num_warmup_trials, but got "
                f"n_startup_trials={options['n_startup_trials']!r:.80}. Rename it."
            )
        super().__init__(sampler_name, options, pruner, pruner_kwargs)
        self._warmup = count

    def defaults(self, seed: int, restored: list[Any]) -> dict[str, Any]:
        """The seed. The warm-up is ours, since the sampler's own would draw the same configurations once more."""
        return {"seed": seed, "n_startup_trials": 0}

    def make_sampler(self, seed: int, restored: list[Any]) -> Any:
        """A new sampler, and a random one for the warm-up."""
        from optuna.samplers import RandomSampler

        self._random = RandomSampler(seed=seed)
        return super().make_sampler(seed, restored)

    def choose_sampler(self, sampler: Any, suggested: int) -> Any:
        """The random one for the first ``num_warmup_trials`` trials, and until the model has something to go by."""
        is_warm = suggested >= self._warmup and len(self.final_store) >= min(
            self._warmup, _LEAST_ENDED
        )
        return sampler if is_warm else self._random
