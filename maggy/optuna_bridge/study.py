"""Turn the trials of a result into a study of Optuna, for its plots, dashboard and analyses.

It runs no trial.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from maggy.common.direction import Direction
from maggy.common.json_values import as_number
from maggy.common.types import ParameterValue
from maggy.optuna_bridge.tools import quiet, require
from maggy.searchspace.parameter import DOUBLE, INTEGER, Parameter
from maggy.searchspace.parameter_rules import WrittenSpec
from maggy.trial import Trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution, CategoricalChoiceType
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, TrialState

__all__ = ["distributions_of", "freeze", "to_study"]


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

    distributions = distributions_of(rows, specs)
    is_max = Direction.parse(direction) is Direction.MAX
    with quiet():
        study = optuna.create_study(
            direction="maximize" if is_max else "minimize",
            storage=storage,
            study_name=study_name,
        )
        study.set_metric_names([metric])
        for row in rows:
            study.add_trial(freeze(row, distributions))
    return study


def distributions_of(
    rows: Iterable[Mapping[str, Any]], specs: Mapping[str, WrittenSpec]
) -> dict[str, BaseDistribution]:
    """Return the distribution of each parameter that a row has.

    Args:
        rows: The trials.
        specs: The search space as a dict. A parameter that is not in it gets a distribution from
            its values.
    """
    # Dicts and not sets, so that the parameters keep their order in plots.
    values: dict[str, list[ParameterValue]] = {}
    for row in rows:
        for name, value in row["params"].items():
            values.setdefault(name, []).append(value)
    return {
        name: (
            _distribution_of_spec(name, specs[name])
            if name in specs
            else _distribution_of_values(values[name])
        )
        for name in values
    }


def freeze(row: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    """Return a trial of a result, or one that runs, as a trial of Optuna.

    A record that somebody else wrote may have parameters outside the search space. Optuna refuses
    those, so they become a text among the trial's attributes.

    Args:
        row: The trial.
        distributions: The distribution of each of its parameters.
    """
    from optuna.trial import create_trial

    attributes = {
        "trial_id": row["trial_id"],
        **{
            name: row[name]
            for name in ("number", "stop_reason", "error")
            if row.get(name) is not None
        },
    }
    options: dict[str, Any] = {
        "state": _state_of(row),
        "value": row["metric"],
        "intermediate_values": {
            # Optuna has no negative steps, and a result holds None for NaN.
            int(step): math.nan if value is None else float(value)
            for step, value in zip(row["steps"], row["history"], strict=True)
            if step >= 0
        },
    }
    params = row["params"]
    try:
        trial = create_trial(
            params={name: _encode(value, distributions[name]) for name, value in params.items()},
            distributions={name: distributions[name] for name in params},
            user_attrs=attributes,
            **options,
        )
    except (ValueError, TypeError):
        trial = create_trial(user_attrs={**attributes, "params": json.dumps(params)}, **options)
    start = _time_of(row["start"])
    if start is not None:
        trial.datetime_start = start
        if trial.state.is_finished():
            trial.datetime_complete = _time_of(row["start"] + (row["duration"] or 0) / 1000)
            trial.datetime_complete = trial.datetime_complete or start
    return trial


def _state_of(row: Mapping[str, Any]) -> TrialState:
    from optuna.trial import TrialState

    if row["status"] == Trial.RUNNING:
        return TrialState.RUNNING
    if row["metric"] is None:
        return TrialState.FAIL
    return TrialState.PRUNED if row["early_stop"] else TrialState.COMPLETE


def _time_of(seconds: float | None) -> datetime | None:
    """Return a time as Optuna has it; None if it is unknown or beyond calendars."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds)
    except (OverflowError, ValueError, OSError):
        return None


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
