"""The trial rules that have a name, and the other values of ``es_policy``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from maggy.common.by_name import resolve, with_names
from maggy.common.entry_points import FactoryTable
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.abstractexperimentstop import AbstractExperimentStop
from maggy.earlystop.medianrule import MedianStoppingRule
from maggy.earlystop.nostop import NoStoppingRule
from maggy.earlystop.optunapruner import OptunaPruner
from maggy.earlystop.other_names import OTHER_STOP_RULES
from maggy.earlystop.percentilerule import PercentileStoppingRule
from maggy.earlystop.successivehalving import SuccessiveHalvingRule

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

__all__ = ["STOP_RULES", "StopRule", "earlystop_by_name", "stop_rules"]

STOP_RULES: Mapping[str, Callable[[], AbstractEarlyStop]] = {
    "median": MedianStoppingRule,
    "none": NoStoppingRule,
    "percentile": PercentileStoppingRule,
    "successivehalving": SuccessiveHalvingRule,
}
"""The trial rules by name. Errors and docstrings list these names."""

ENTRY_POINTS = "maggy.stop_rules"
"""The group of entry points with which other distributions register trial rules."""

TrialRule: TypeAlias = "str | AbstractEarlyStop | BasePruner | None"
"""A value of ``es_policy`` that stands for a trial rule."""

StopRule: TypeAlias = "TrialRule | AbstractExperimentStop"
"""A value of ``es_policy``, or an item of it if it is a list."""


@with_names(STOP_RULES)
def earlystop_by_name(rule: TrialRule) -> AbstractEarlyStop:
    """Return the trial rule that the user means.

    Example:
        >>> type(earlystop_by_name("median")).__name__
        'MedianStoppingRule'

    Args:
        rule: A rule, which is returned itself; a pruner of Optuna; or a name in upper or lower
            case: {names}, or one that another distribution registers as an entry point of the
            group ``maggy.stop_rules``. None means ``"none"``.

    Raises:
        BadArgumentsError: If no rule has this name.
        TypeError: If the value is a class or anything else.
    """
    # A user who has a pruner has imported Optuna. The import takes a second, so we do without it.
    optuna = sys.modules.get("optuna")
    if optuna is not None and isinstance(rule, optuna.pruners.BasePruner):
        return OptunaPruner(rule)
    if isinstance(rule, type) and (
        rule.__module__.startswith("optuna.") or issubclass(rule, AbstractExperimentStop)
    ):
        name = rule.__name__
        raise TypeError(
            f"es_policy must be an instance, but got the class {name}. Write {name}(...)."
        )
    if optuna is not None and isinstance(rule, optuna.samplers.BaseSampler):
        raise TypeError(
            f"es_policy must stop trials, but got the sampler {rule!r:.80}. Pass it as optimizer."
        )
    # A new table every time, since a package may be installed while a notebook runs.
    table = FactoryTable(STOP_RULES, ENTRY_POINTS)
    return resolve(rule, "es_policy", AbstractEarlyStop, table, OTHER_STOP_RULES)


def stop_rules(
    rules: StopRule | Sequence[StopRule],
) -> tuple[list[AbstractEarlyStop], list[AbstractExperimentStop]]:
    """Return the trial rules and the experiment rules in ``es_policy``.

    Example:
        >>> from maggy.earlystop import Patience
        >>> trial_rules, experiment_rules = stop_rules(["median", Patience(20)])
        >>> len(trial_rules), len(experiment_rules)
        (1, 1)

    Args:
        rules: A value that :func:`earlystop_by_name` takes, an :class:`AbstractExperimentStop`, or
            a list of these.

    Raises:
        BadArgumentsError: If no rule has one of the names.
        TypeError: If an item is a class or anything else.
    """
    # A name is a sequence too, of letters.
    items = [rules] if isinstance(rules, str) or not isinstance(rules, Sequence) else rules
    trial_rules: list[AbstractEarlyStop] = []
    experiment_rules: list[AbstractExperimentStop] = []
    for item in items:
        if isinstance(item, AbstractExperimentStop):
            experiment_rules.append(item)
        else:
            trial_rules.append(earlystop_by_name(item))
    return trial_rules, experiment_rules
