"""Turn the trials of a result into a study of Optuna, for its plots, dashboard and analyses.

It runs no trial.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from maggy.common.direction import Direction
from maggy.common.json_values import as_number
from maggy.common.types import ParameterValue
from maggy.optuna_bridge.tools import quiet, require
from maggy.searchspace.parameter import DOUBLE, INTEGER, Parameter
from maggy.searchspace.parameter_rules import WrittenSpec

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution, CategoricalChoiceType
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["to_study"]


def to_study(
    rows: Sequence[Mapping[str, Any]],
    specs: Mapping[str, WrittenSpec],
    direction: str,
    metric: str,
    storage: str | BaseStorage | None = None,
    study_name: str | None = None,
) -> Study:
    """Return an ``optuna.Study`` with the trials of a result.

    Args:
        rows: The trials as :class:`~maggy.result.ExperimentResult` holds them.
        specs: The search space as a dict. A parameter that is not in it, such as a budget, gets a
            distribution from its values.
        direction: ``"max"`` or ``"min"``.
        metric: The name of the metric.
        storage: Where Optuna keeps the study, as ``optuna.create_study`` takes it; None for memory.
        study_name: The name of the study; None for one that Optuna chooses.

    Raises:
        MissingDependencyError: If Optuna is not installed.
    """
    require("to_optuna_study()", ["optuna"], "optuna")
    import optuna

    # A dict and not a set, so that the parameters keep their order in plots.
    names = dict.fromkeys(name for row in rows for name in row["params"])
    distributions = {
        name: (
            _distribution_of_spec(name, specs[name])
            if name in specs
            else _distribution_of_values(
                [row["params"][name] for row in rows if name in row["params"]]
            )
        )
        for name in names
    }
    is_max = Direction.parse(direction) is Direction.MAX
    with quiet():
        study = optuna.create_study(
            direction="maximize" if is_max else "minimize",
            storage=storage,
            study_name=study_name,
        )
        study.set_metric_names([metric])
        for row in rows:
            study.add_trial(_freeze(row, distributions))
    return study


def _freeze(row: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    """Return one trial of a result as a trial of Optuna."""
    from optuna.trial import TrialState, create_trial

    params, metric, error = row["params"], row["metric"], row["error"]
    if metric is None:
        state = TrialState.FAIL
    else:
        state = TrialState.PRUNED if row["early_stop"] else TrialState.COMPLETE
    trial = create_trial(
        state=state,
        value=metric,
        params={name: _encode(value, distributions[name]) for name, value in params.items()},
        distributions={name: distributions[name] for name in params},
        intermediate_values={
            # Optuna has no negative steps, and a result holds None for NaN.
            int(step): math.nan if value is None else float(value)
            for step, value in zip(row["steps"], row["history"], strict=True)
            if step >= 0
        },
        user_attrs={
            "trial_id": row["trial_id"],
            **({} if error is None else {"error": error}),
        },
    )
    if row["start"] is not None:
        duration = timedelta(milliseconds=row["duration"] or 0)
        trial.datetime_start = datetime.fromtimestamp(row["start"])
        trial.datetime_complete = trial.datetime_start + duration
    return trial


def _distribution_of_spec(name: str, spec: WrittenSpec) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    parameter = Parameter.parse(name, spec)
    if parameter.type not in (DOUBLE, INTEGER):
        return CategoricalDistribution([_to_scalar(value) for value in parameter.values])
    # The ends are on steps. Optuna would lower a bound that is on no step, with a warning.
    low, high = parameter.ends
    if parameter.type == DOUBLE:
        return FloatDistribution(low, high, log=parameter.log, step=parameter.step)
    return IntDistribution(low, high, log=parameter.log, step=int(parameter.step or 1))


def _distribution_of_values(values: Sequence[ParameterValue]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [number for value in values if (number := as_number(value)) is not None]
    if len(numbers) < len(values):
        choices: list[CategoricalChoiceType] = []
        for choice in map(_to_scalar, values):
            # A list, not a dict, because Optuna also compares choices with ==.
            if choice not in choices:
                choices.append(choice)
        return CategoricalDistribution(choices)
    low, high = min(numbers), max(numbers)
    if all(isinstance(number, int) for number in numbers):
        return IntDistribution(int(low), int(high))
    return FloatDistribution(low, high)


def _encode(value: ParameterValue, distribution: BaseDistribution) -> CategoricalChoiceType:
    from optuna.distributions import CategoricalDistribution

    if isinstance(distribution, CategoricalDistribution):
        return _to_scalar(value)
    number: int | float = value
    return number


def _to_scalar(value: ParameterValue) -> CategoricalChoiceType:
    """Return a choice as Optuna holds it: a scalar. Lists and dicts become JSON."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return json.dumps(value, sort_keys=True)
