"""Make one of Optuna's samplers by name, once the seed and the search space are known."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.hyperband_settings import PrunerArguments
from maggy.optimizer.optuna.options import SamplerOptions
from maggy.optimizer.optuna.search import OptunaSearch
from maggy.optuna_bridge.tools import quiet

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

__all__ = ["NamedSampler"]


class NamedSampler(OptunaSearch):
    """Search with one of Optuna's samplers, which is named by its class.

    Args:
        sampler_name: The sampler's class in ``optuna.samplers``.
        options: The arguments of its constructor. They win over ``defaults``.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.

    Raises:
        MissingDependencyError: If a package that the sampler needs is not installed.
        BadArgumentsError: If Optuna refuses the options.
    """

    def __init__(
        self,
        sampler_name: str,
        options: SamplerOptions,
        pruner: str | None,
        pruner_kwargs: PrunerArguments | None,
    ) -> None:
        super().__init__(None, pruner, pruner_kwargs)
        self._sampler_name = sampler_name
        self._options = options
        # This sampler is thrown away. A wrong option must be refused here, not in the experiment.
        self._make_sampler(options)

    @abstractmethod
    def defaults(self, seed: int, history: list[FrozenTrial]) -> SamplerOptions:
        """Return the options that follow from the experiment.

        Args:
            seed: The seed of the sampler's generator.
            history: The restored trials, also those of another experiment; empty without any.
        """

    def make_sampler(self, seed: int, history: list[FrozenTrial]) -> BaseSampler:
        """Return a new sampler with the options of the experiment and of the user."""
        return self._make_sampler({**self.defaults(seed, history), **self._options})

    def _sampler_type(self) -> type[BaseSampler]:
        import optuna

        sampler_type: type[BaseSampler] = getattr(optuna.samplers, self._sampler_name)
        return sampler_type

    def _make_sampler(self, options: SamplerOptions) -> BaseSampler:
        import optuna

        try:
            with quiet():
                sampler: BaseSampler = getattr(optuna.samplers, self._sampler_name)(**options)
        except (TypeError, ValueError) as error:
            raise BadArgumentsError(
                f"{self.name()} must have options that optuna.samplers.{self._sampler_name} takes, "
                f"but got {options}: {error}"
            ) from error
        return sampler
