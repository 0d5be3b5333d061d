"""The budgets of successive halving. Counted with exact arithmetic; what is run at them is decided elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number

__all__ = ["BUDGET_NAMES", "budget_name", "check_budgets", "rung_budgets"]

BUDGET_NAMES = ("budget", "resource")
"""Under which name a training function may ask for its budget."""


def budget_name(asked: Collection[str]) -> str:
    """The name of the parameter that holds the budget, given those that a training function asks for."""
    return "resource" if "resource" in asked and "budget" not in asked else "budget"


def check_budgets(
    reduction_name: str, reduction: Any, resource_min: Any, resource_max: Any
) -> None:
    """Refuse what makes no ladder of budgets."""
    factor = as_number(reduction)
    if not isinstance(factor, int) or factor < 2:
        raise BadArgumentsError(
            f"{reduction_name} must be a whole number of at least 2, but got {reduction!r:.80}."
        )
    for name, value in (("resource_min", resource_min), ("resource_max", resource_max)):
        number = as_number(value)
        if (
            number is None or not 0 < number < 2**64
        ):  # larger integers could not be sent to a worker
            raise BadArgumentsError(
                f"{name} must be a number above 0 and below 2**64, but got {value!r:.80}."
            )
    if resource_max < resource_min:
        raise BadArgumentsError(
            f"resource_max must be at least resource_min, but got {resource_max!r} and {resource_min!r}."
        )


def rung_budgets(resource_min: float, resource_max: float, factor: int) -> list[float]:
    """The budgets from the smallest up, each ``factor`` times the one before, none above ``resource_max``.

    Multiplied up and not from logarithms, whose quotient may fall just short of a whole number. What rounding brings
    above ``resource_max`` is ``resource_max``: a share of the data must not be more than all of it.

    Example:
        >>> rung_budgets(1, 1000, 10)
        [1, 10, 100, 1000]
    """
    budgets = [resource_min]
    while (following := budgets[-1] * factor) <= resource_max * (1 + 1e-9):
        budgets.append(min(following, resource_max))
    return budgets
