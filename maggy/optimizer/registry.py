"""The optimizers that have a name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from maggy.common.by_name import resolve
from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.asha import Asha
from maggy.optimizer.bayes import GP, TPE
from maggy.optimizer.gridsearch import GridSearch
from maggy.optimizer.hyperband import Hyperband
from maggy.optimizer.optuna.samplers import NSGAII, QMC, CmaEs
from maggy.optimizer.optuna.search import OptunaSearch
from maggy.optimizer.randomsearch import RandomSearch
from maggy.optimizer.singlerun import SingleRun

__all__ = ["optimizer_by_name"]


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
        raise TypeError(
            f"{argument} must be an instance, but got the class {name}. Write {name}()."
        )
    if is_optuna("pruners", "BasePruner", optimizer):
        raise TypeError(
            f"{argument} must suggest trials, but got the pruner {optimizer!r:.80}. Pass it as es_policy."
        )
    found = resolve(optimizer, argument, AbstractOptimizer, known)  # type: ignore[type-abstract]
    if found.pruner is not None:
        return Hyperband.from_settings(found.pruner, found)
    if isinstance(found, Hyperband) and not found.was_named_by_sampler:
        found.sampler = _sampler_of_configurations(found.sampler)
    return found


def _sampler_of_configurations(sampler: Any) -> AbstractOptimizer:
    """Return the optimizer whose configurations a pruner runs.

    Raises:
        BadArgumentsError: There is no optimizer of this name, or it suggests no configurations without a budget.
        MissingDependencyError: It needs something that is not installed.
        TypeError: It is a class or something else.
    """
    found = optimizer_by_name(sampler, "sampler")
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
