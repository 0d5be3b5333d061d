"""Compute the budgets of successive halving, and hold what was measured on each."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection
from heapq import heappop, heappush
from typing import Generic, TypeVar

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.common.types import ParameterValue, Params

__all__ = ["BUDGET_NAMES", "Rung", "budget_name", "check_budgets", "rung_budgets", "split_budget"]

Candidate = TypeVar("Candidate")

BUDGET_NAMES = ("budget", "resource")
"""The names that the budget may have among the parameters of a training function."""

_MIN_FACTOR = 2
# msgpack, which encodes what is sent to a worker, has no larger integers.
_BUDGET_LIMIT = 2**64
# The largest relative error that rounding leaves after multiplying up to the highest rung.
_ROUNDING = 1e-9


def budget_name(function_parameters: Collection[str]) -> str:
    """Return the name of the parameter that holds the budget.

    Args:
        function_parameters: The names of the training function's parameters.
    """
    wants_resource = "resource" in function_parameters and "budget" not in function_parameters
    return "resource" if wants_resource else "budget"


def split_budget(params: Params, hyperparameters: Collection[str]) -> tuple[Params, ParameterValue]:
    """Return a recorded trial's parameters without the budget, and the budget.

    The training function may have called its budget by the other name when the trial was recorded.

    Args:
        params: The parameters of the trial.
        hyperparameters: The names of the search space.

    Returns:
        The parameters that are in the search space, and the budget, or None if there is none.
    """
    names = [name for name in BUDGET_NAMES if name in params and name not in hyperparameters]
    budget = params[names[0]] if names else None
    return {name: value for name, value in params.items() if name not in names}, budget


def check_budgets(factor_name: str, factor: int, resource_min: float, resource_max: float) -> None:
    """Refuse arguments from which no rungs follow.

    Args:
        factor_name: The name of the argument ``factor``, for the error text.
        factor: The ratio of the budgets of neighbouring rungs.
        resource_min: The smallest budget.
        resource_max: The largest budget.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """
    whole_factor = as_number(factor)
    if not isinstance(whole_factor, int) or whole_factor < _MIN_FACTOR:
        raise BadArgumentsError(
            f"{factor_name} must be a whole number of at least 2, but got {factor!r:.80}."
        )
    for name, value in (("resource_min", resource_min), ("resource_max", resource_max)):
        number = as_number(value)
        if number is None or not 0 < number < _BUDGET_LIMIT:
            raise BadArgumentsError(
                f"{name} must be a number above 0 and below 2**64, but got {value!r:.80}."
            )
    if resource_max < resource_min:
        raise BadArgumentsError(
            "resource_max must be at least resource_min, "
            f"but got {resource_max!r} and {resource_min!r}."
        )


def rung_budgets(resource_min: float, resource_max: float, factor: int) -> list[float]:
    """Return the budgets from the smallest up.

    Each budget is ``factor`` times the one before it, and none is above ``resource_max``.

    Example:
        >>> rung_budgets(1, 1000, 10)
        [1, 10, 100, 1000]
    """
    budgets = [resource_min]
    # Budgets are multiplied up: a quotient of logarithms may fall just short of a whole number, and
    # the highest rung would be lost. A product that rounding lifts above ``resource_max`` is cut
    # back to it, since a share of the data must not be more than all of it.
    while (following := budgets[-1] * factor) <= resource_max * (1 + _ROUNDING):
        budgets.append(min(following, resource_max))
    return budgets


_Rank = tuple[float, int]
"""A sort key that puts the best result first: the minimized metric, then the order of ending."""


class Rung(Generic[Candidate]):
    """Hold the results at one rung. The time of a promotion hardly grows with their number.

    Example:
        >>> rung = Rung()
        >>> for name, loss in (("a", 0.3), ("b", 0.1)):
        ...     rung.add(name, loss)
        >>> rung.promote(2), rung.promote(2)
        ('b', None)
    """

    def __init__(self) -> None:
        # The ranks of all results in ascending order, and a heap of those without a promotion.
        # Ranks never tie, so the heap never compares two candidates.
        self._ranks: list[_Rank] = []
        self._candidates: list[tuple[_Rank, Candidate]] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, candidate: Candidate, minimized_metric: float, is_promoted: bool = False) -> None:
        """Add a result. The earlier one of two equal results is better."""
        rank = (minimized_metric, len(self._ranks))
        insort(self._ranks, rank)
        if not is_promoted:
            heappush(self._candidates, (rank, candidate))

    def would_promote(self, minimized_metric: float, factor: int) -> bool:
        """Return whether a new result would be in the best ``1 / factor``."""
        count = len(self._ranks)
        return bisect_left(self._ranks, (minimized_metric, count)) < (count + 1) // factor

    def promote(self, factor: int) -> Candidate | None:
        """Take out the best candidate without a promotion, if it is in the best ``1 / factor``."""
        if not self._candidates:
            return None
        best_rank, _ = self._candidates[0]
        if bisect_left(self._ranks, best_rank) >= len(self._ranks) // factor:
            return None
        return heappop(self._candidates)[1]
