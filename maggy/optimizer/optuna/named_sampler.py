"""An optimizer that makes its Optuna sampler itself, when the seed and the search space are known."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.optuna.search import OptunaSearch
from maggy.optuna_bridge.tools import quiet

__all__ = ["NamedSampler"]


class NamedSampler(OptunaSearch):
    """One of Optuna's samplers by name.

    Args:
        sampler_name: Its class in ``optuna.samplers``.
        options: Its arguments; they win over ``defaults``.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.

    Raises:
        MissingDependencyError: Something that it needs is not installed.
        BadArgumentsError: Optuna refuses the options.
    """

    def __init__(
        self,
        sampler_name: str,
        options: dict[str, Any],
        pruner: str | None,
        pruner_kwargs: dict[str, Any] | None,
    ) -> None:
        super().__init__(None, pruner, pruner_kwargs)
        self._sampler_name = sampler_name
        self._options = options
        self._make(options)  # so that a wrong option is said at once

    @abstractmethod
    def defaults(self, seed: int, restored: list[Any]) -> dict[str, Any]:
        """The arguments that follow from the experiment."""

    def make_sampler(self, seed: int, restored: list[Any]) -> Any:
        """A new sampler."""
        return self._make({**self.defaults(seed, restored), **self._options})

    def _make(self, options: dict[str, Any]) -> Any:
        import optuna

        try:
            with quiet():
                return getattr(optuna.samplers, self._sampler_name)(**options)
        except (TypeError, ValueError) as error:
            raise BadArgumentsError(
                f"{self.name()} must have options that optuna.samplers.{self._sampler_name} takes, but got {options}: "
                f"{error}"
            ) from error
