"""Hyperband under its name and with the order of arguments of release 1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maggy import optimizer
from maggy.optimizer.release1 import warn_about_options

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["Hyperband"]


class Hyperband(optimizer.Hyperband):
    """Run :class:`~maggy.optimizer.Hyperband` with the arguments of release 1.1.

    Example:
        >>> Hyperband(min_budget=1, max_budget=9, eta=3, n_iterations=2).name()
        'Hyperband(RandomSearch)'

    Args:
        min_budget: The smallest budget.
        max_budget: The full budget.
        eta: One in ``eta`` configurations of a rung is promoted.
        n_iterations: The number of brackets.
        sampler: Suggests the configurations; None for random search.
        options: Other arguments of release 1.1. A warning names them; they have no effect.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """

    def __init__(
        self,
        min_budget: float,
        max_budget: float,
        eta: int,
        n_iterations: int,
        sampler: optimizer.AbstractOptimizer | BaseSampler | str | None = None,
        **options: object,
    ) -> None:
        warn_about_options("Hyperband", options)
        super().__init__(
            eta,
            sampler=sampler,
            min_budget=min_budget,
            max_budget=max_budget,
            n_iterations=n_iterations,
        )
