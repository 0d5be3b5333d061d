"""The early stopping rules that have a name, and what else a user may give as ``es_policy``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from maggy.common.by_name import resolve
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.abstractexperimentstop import AbstractExperimentStop
from maggy.earlystop.medianrule import MedianStoppingRule
from maggy.earlystop.nostop import NoStoppingRule
from maggy.earlystop.optunapruner import OptunaPruner
from maggy.earlystop.percentilerule import PercentileStoppingRule
from maggy.earlystop.successivehalving import SuccessiveHalvingRule

__all__ = ["earlystop_by_name", "stop_rules"]


def earlystop_by_name(policy: Any) -> AbstractEarlyStop:
    """The early stopping rule that is meant.

    Example:
        >>> type(earlystop_by_name("median")).__name__
        'MedianStoppingRule'

    Args:
        policy: An instance, which is returned itself, or a new one if it is an :class:`OptunaPruner`; a pruner of
            Optuna's; or ``"median"``, ``"percentile"``, ``"successivehalving"`` or ``"none"``, in any case. None is
            ``"none"``.

    Raises:
        BadArgumentsError: A ``ValueError``: there is no rule of this name.
        TypeError: It is a class or something else.
    """
    known: dict[str, Callable[[], AbstractEarlyStop]] = {
        "median": MedianStoppingRule,
        "none": NoStoppingRule,
        "percentile": PercentileStoppingRule,
        "successivehalving": SuccessiveHalvingRule,
    }
    # Whoever has a pruner of Optuna's has loaded Optuna; we do not.
    optuna = sys.modules.get("optuna")
    if optuna is not None and isinstance(policy, optuna.pruners.BasePruner):
        return OptunaPruner(policy)
    if isinstance(policy, OptunaPruner):
        return policy.for_an_experiment()
    if isinstance(policy, type) and (
        policy.__module__.startswith("optuna.") or issubclass(policy, AbstractExperimentStop)
    ):
        name = policy.__name__
        raise TypeError(
            f"es_policy must be an instance, but got the class {name}. Write {name}(...)."
        )
    if optuna is not None and isinstance(policy, optuna.samplers.BaseSampler):
        raise TypeError(
            f"es_policy must stop trials, but got the sampler {policy!r:.80}. Pass it as optimizer."
        )
    return resolve(policy, "es_policy", AbstractEarlyStop, known)  # type: ignore[type-abstract]


def stop_rules(policy: Any) -> tuple[list[AbstractEarlyStop], list[AbstractExperimentStop]]:
    """The rules for single trials and those for the whole experiment that ``es_policy`` stands for.

    Example:
        >>> from maggy.earlystop import Patience
        >>> trial_rules, experiment_rules = stop_rules(["median", Patience(20)])
        >>> len(trial_rules), len(experiment_rules)
        (1, 1)

    Args:
        policy: What ``earlystop_by_name`` takes, an :class:`AbstractExperimentStop`, or a list of these.

    Raises:
        BadArgumentsError: A ``ValueError``: there is no rule of one of the names.
        TypeError: Something in it is a class or something else.
    """
    given: Sequence[Any] = policy if isinstance(policy, (list, tuple)) else [policy]
    whole = [each for each in given if isinstance(each, AbstractExperimentStop)]
    return [
        earlystop_by_name(each) for each in given if not isinstance(each, AbstractExperimentStop)
    ], whole
