"""The optimizers that have a name."""

from __future__ import annotations

from maggy.core.registry import resolve
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.randomsearch import RandomSearch
from maggy.optimizer.singlerun import SingleRun

__all__ = ["optimizer_by_name"]


def optimizer_by_name(optimizer: str | AbstractOptimizer | None) -> AbstractOptimizer:
    """The optimizer that is meant.

    Example:
        >>> optimizer_by_name("RandomSearch").name()
        'RandomSearch'

    Args:
        optimizer: An instance, which is returned itself; or ``"randomsearch"`` or ``"none"``, in any case. None is
            ``"none"``: the same run ``num_trials`` times.

    Raises:
        BadArgumentsError: A ``ValueError``: there is no optimizer of this name.
        TypeError: It is a class or something else.
    """
    known = {"none": SingleRun, "randomsearch": RandomSearch}
    return resolve(optimizer, "optimizer", AbstractOptimizer, known)  # type: ignore[type-abstract]
