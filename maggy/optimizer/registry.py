"""The optimizers that have a name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from maggy.core.exceptions import BadArgumentsError
from maggy.core.plain import closest
from maggy.core.registry import resolve
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.asha import Asha
from maggy.optimizer.bayes import GP, TPE
from maggy.optimizer.gridsearch import GridSearch
from maggy.optimizer.hyperband import Hyperband
from maggy.optimizer.optunasearch import OptunaSearch
from maggy.optimizer.randomsearch import RandomSearch
from maggy.optimizer.samplers import NSGAII, QMC, CmaEs
from maggy.optimizer.singlerun import SingleRun

__all__ = ["optimizer_by_name", "pruner_by_name", "sampler_of_configurations"]


def optimizer_by_name(optimizer: Any, argument: str = "optimizer") -> AbstractOptimizer:
    """The optimizer that is meant.

    Example:
        >>> optimizer_by_name("RandomSearch").name()
        'RandomSearch'

    Args:
        optimizer: An instance, which is returned itself, or in its pruner if it has one; a sampler of Optuna's; or one
            of the names ``"asha"``, ``"cmaes"``, ``"gp"``, ``"gridsearch"``, ``"hyperband"``, ``"nsgaii"``, ``"qmc"``,
            ``"randomsearch"``, ``"tpe"`` and ``"none"``, in any case. None is ``"none"``: the same run ``num_trials``
            times.
        argument: What the user calls it, for the error.

    Raises:
        BadArgumentsError: A ``ValueError``: there is no optimizer of this name.
        MissingDependencyError: It needs something that is not installed.
        TypeError: It is a class or something else.
    """
    known: dict[str, Callable[[], AbstractOptimizer]] = {
        "asha": Asha,
        "cmaes": CmaEs,
        "gp": GP,
        "gridsearch": GridSearch,
        "hyperband": Hyperband,
        "none": SingleRun,
        "nsgaii": NSGAII,
        "qmc": QMC,
        "randomsearch": RandomSearch,
        "tpe": TPE,
    }
    if is_optuna("samplers", "BaseSampler", optimizer):
        return OptunaSearch(optimizer)
    if isinstance(optimizer, type) and optimizer.__module__.startswith("optuna."):
        name = optimizer.__name__
        raise TypeError(f"{argument} must be an instance, but got the class {name}. Write {name}().")
    if is_optuna("pruners", "BasePruner", optimizer):
        raise TypeError(f"{argument} must suggest trials, but got the pruner {optimizer!r:.80}. Pass it as es_policy.")
    found = resolve(optimizer, argument, AbstractOptimizer, known)  # type: ignore[type-abstract]
    return found if found.pruner is None else found.pruner


def pruner_by_name(
    pruner: str | None, pruner_kwargs: dict[str, Any] | None, sampler: AbstractOptimizer
) -> AbstractOptimizer | None:
    """The pruner that runs a sampler's configurations; None for None.

    Raises:
        BadArgumentsError: There is no pruner of this name, or it does not take the arguments.
    """
    if pruner is None or (isinstance(pruner, str) and pruner.lower() == "none"):
        return None
    if not isinstance(pruner, str) or pruner.lower() != "hyperband":
        hint = closest(pruner, ["hyperband"]) if isinstance(pruner, str) else ""
        raise BadArgumentsError(f"pruner must be 'hyperband' or None, but got {pruner!r:.80}.{hint}")
    try:
        return Hyperband(sampler=sampler, **(pruner_kwargs or {}))
    except TypeError as error:
        raise BadArgumentsError(
            "pruner_kwargs must be a dict with some of eta, resource_min and resource_max (in release 1.1: min_budget "
            f"and max_budget) and n_iterations, but got {pruner_kwargs!r:.80} ({error})."
        ) from None


def sampler_of_configurations(sampler: Any) -> AbstractOptimizer:
    """The optimizer whose configurations a pruner is to run; random search for None.

    Raises:
        BadArgumentsError: There is no optimizer of this name, or it suggests no configurations without a budget.
        MissingDependencyError: It needs something that is not installed.
        TypeError: It is a class or something else.
    """
    found = optimizer_by_name("randomsearch" if sampler is None else sampler, "sampler")
    if isinstance(found, (Asha, Hyperband, SingleRun)):
        raise BadArgumentsError(
            f"sampler must suggest configurations and leave the budget to its pruner, but got {sampler!r:.80}, which "
            "does not. Use for example 'randomsearch' or 'tpe'."
        )
    return found


def is_optuna(module: str, base: str, candidate: Any) -> bool:
    """Whether this is an instance of one of Optuna's classes. Whoever has one has loaded Optuna; we do not."""
    optuna = sys.modules.get("optuna")
    return optuna is not None and isinstance(candidate, getattr(getattr(optuna, module), base))
