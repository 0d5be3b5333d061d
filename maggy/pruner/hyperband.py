"""Hyperband as release 1.1 called it. Everything but the order of the arguments is :mod:`maggy.optimizer.hyperband`."""

from __future__ import annotations

from typing import Any

from maggy import optimizer
from maggy.optimizer.release1 import warn_of_options

__all__ = ["Hyperband"]


class Hyperband(optimizer.Hyperband):
    """Hyperband with the arguments of release 1.1.

    Example:
        >>> Hyperband(min_budget=1, max_budget=9, eta=3, n_iterations=2).name()
        'Hyperband(RandomSearch)'

    Args:
        min_budget: No budget is smaller.
        max_budget: The full budget.
        eta: The share of a rung that goes on is one in so many.
        n_iterations: How many brackets are run.
        sampler: What suggests the configurations; None for random search.
        options: What release 1.1 took besides; named in a warning.
    """

    def __init__(
        self,
        min_budget: float,
        max_budget: float,
        eta: int,
        n_iterations: int,
        sampler: Any = None,
        **options: Any,
    ) -> None:
        warn_of_options("Hyperband", options)
        super().__init__(
            eta,
            sampler=sampler,
            min_budget=min_budget,
            max_budget=max_budget,
            n_iterations=n_iterations,
        )
