"""Hold the arguments of Hyperband as data: an optimizer carries its pruner without importing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, closest
from maggy.optimizer.release1 import prefer_old_value
from maggy.optimizer.rungs import check_budgets

__all__ = ["HyperbandSettings", "PrunerArguments", "pruner_settings"]


class PrunerArguments(TypedDict, total=False):
    """The arguments of :class:`~maggy.optimizer.Hyperband`, without its sampler."""

    eta: int
    resource_min: float
    resource_max: float
    min_budget: float | None
    max_budget: float | None
    n_iterations: int | None


@dataclass(frozen=True)
class HyperbandSettings:
    """The budgets and brackets of Hyperband; see :class:`~maggy.optimizer.Hyperband`.

    Attributes:
        eta: One in ``eta`` configurations of a rung is promoted.
        resource_min: The smallest budget.
        resource_max: The full budget.
        brackets: The number of brackets; None if it follows from the number of trials.
    """

    eta: int
    resource_min: float
    resource_max: float
    brackets: int | None

    @classmethod
    def from_arguments(
        cls,
        eta: int = 3,
        resource_min: float = 1,
        resource_max: float = 9,
        *,
        min_budget: float | None = None,
        max_budget: float | None = None,
        n_iterations: int | None = None,
    ) -> HyperbandSettings:
        """Check the arguments, also under their names of release 1.1, and return them as settings.

        Raises:
            BadArgumentsError: If an argument breaks its rule.
        """
        resource_min = prefer_old_value("resource_min", resource_min, 1, "min_budget", min_budget)
        resource_max = prefer_old_value("resource_max", resource_max, 9, "max_budget", max_budget)
        check_budgets("eta", eta, resource_min, resource_max)
        brackets = as_number(n_iterations)
        if n_iterations is not None and (not isinstance(brackets, int) or brackets < 1):
            raise BadArgumentsError(
                f"n_iterations must be a whole number of at least 1, but got {n_iterations!r:.80}."
            )
        return cls(eta, resource_min, resource_max, n_iterations)


def pruner_settings(
    pruner: str | None, pruner_kwargs: PrunerArguments | None
) -> HyperbandSettings | None:
    """Return the settings of the pruner with this name, or None without a pruner.

    Raises:
        BadArgumentsError: If no pruner has this name, or if it does not take these arguments.
    """
    if pruner is None or (isinstance(pruner, str) and pruner.lower() == "none"):
        return None
    if not isinstance(pruner, str) or pruner.lower() != "hyperband":
        hint = closest(pruner, ["hyperband"]) if isinstance(pruner, str) else ""
        raise BadArgumentsError(
            f"pruner must be 'hyperband' or None, but got {pruner!r:.80}.{hint}"
        )
    try:
        return HyperbandSettings.from_arguments(**(pruner_kwargs or {}))
    except TypeError as error:
        # Python itself reports an unknown name, or a value that is not a dict.
        raise BadArgumentsError(
            "pruner_kwargs must be a dict with some of eta, resource_min and resource_max "
            "(in release 1.1: min_budget and max_budget) and n_iterations, "
            f"but got {pruner_kwargs!r:.80} ({error})."
        ) from None
