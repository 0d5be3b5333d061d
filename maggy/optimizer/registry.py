"""List the optimizers that have a name, and find the one that a user means."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeGuard

from maggy.common.by_name import resolve, with_names
from maggy.common.entry_points import FactoryTable
from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.asha import Asha
from maggy.optimizer.bayes import GP, TPE
from maggy.optimizer.gridsearch import GridSearch
from maggy.optimizer.hyperband import Hyperband
from maggy.optimizer.optuna.samplers import NSGAII, QMC, CmaEs
from maggy.optimizer.optuna.search import OptunaSearch
from maggy.optimizer.other_names import OTHER_OPTIMIZERS
from maggy.optimizer.pbt import PBT
from maggy.optimizer.randomsearch import RandomSearch
from maggy.optimizer.singlerun import SingleRun

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["ENTRY_POINT_GROUP", "OPTIMIZERS", "resolve_optimizer"]

OPTIMIZERS: Mapping[str, Callable[[], AbstractOptimizer]] = {
    "asha": Asha,
    "cmaes": CmaEs,
    "gp": GP,
    "gridsearch": GridSearch,
    "hyperband": Hyperband,
    "none": SingleRun,
    "nsgaii": NSGAII,
    "pbt": PBT,
    "qmc": QMC,
    "randomsearch": RandomSearch,
    "tpe": TPE,
}
"""The optimizers of this library by name. A new optimizer takes one line here."""

ENTRY_POINT_GROUP = "maggy.optimizers"
"""The group of entry points by which other distributions register optimizers."""


@with_names(OPTIMIZERS)
def resolve_optimizer(optimizer: object, argument: str = "optimizer") -> AbstractOptimizer:
    """Return the optimizer that the user means.

    Example:
        >>> resolve_optimizer("RandomSearch").name()
        'RandomSearch'

    Args:
        optimizer: An instance, which is returned itself, or inside its pruner if it has one; a
            sampler of Optuna's; one of the names {names} in upper or lower case; or a name that
            another distribution has registered in the entry point group ``maggy.optimizers``. None
            means ``'none'``: ``num_trials`` trials with the same empty configuration.
        argument: The name of the user's argument, for the error text.

    Raises:
        BadArgumentsError: If no optimizer has this name.
        MissingDependencyError: If a package that the optimizer needs is not installed.
        TypeError: If the value is a class or anything else.
    """
    if _is_optuna_sampler(optimizer):
        return OptunaSearch(optimizer)
    _refuse_optuna_object(optimizer, argument)
    table = FactoryTable(OPTIMIZERS, ENTRY_POINT_GROUP)
    policy = resolve(
        optimizer,
        argument,
        # mypy refuses an abstract class as type[T], because T() would fail. Nothing calls it here.
        AbstractOptimizer,  # type: ignore[type-abstract]
        table,
        OTHER_OPTIMIZERS,
    )
    if policy.pruner is not None:
        _check_sampler(policy, policy)
        return Hyperband.from_settings(policy.pruner, policy)
    if isinstance(policy, Hyperband) and not policy.was_named_by_sampler:
        sampler = resolve_optimizer(policy.sampler, "sampler")
        _check_sampler(sampler, policy.sampler)
        policy.sampler = sampler
    return policy


def _check_sampler(sampler: AbstractOptimizer, value: object) -> None:
    """Refuse an optimizer whose configurations a pruner cannot run.

    Args:
        sampler: The optimizer.
        value: The user's value that stands for it, for the error text.

    Raises:
        BadArgumentsError: If the optimizer does not suggest configurations without a budget.
    """
    if not sampler.can_be_sampler:
        raise BadArgumentsError(
            "sampler must suggest configurations and leave the budget to its pruner, "
            f"but got {value!r:.80}, which does not. Use for example 'randomsearch' or 'tpe'."
        )


def _is_optuna_sampler(candidate: object) -> TypeGuard[BaseSampler]:
    # Whoever has an instance has loaded Optuna, so this module need not import it.
    optuna = sys.modules.get("optuna")
    return optuna is not None and isinstance(candidate, optuna.samplers.BaseSampler)


def _refuse_optuna_object(candidate: object, argument: str) -> None:
    """Refuse one of Optuna's classes or pruners, with the remedy.

    Raises:
        TypeError: If the value is one of these.
    """
    if isinstance(candidate, type) and candidate.__module__.startswith("optuna."):
        name = candidate.__name__
        raise TypeError(
            f"{argument} must be an instance, but got the class {name}. Write {name}()."
        )
    optuna = sys.modules.get("optuna")
    if optuna is not None and isinstance(candidate, optuna.pruners.BasePruner):
        raise TypeError(
            f"{argument} must suggest trials, but got the pruner {candidate!r:.80}. "
            "Pass it as es_policy."
        )
