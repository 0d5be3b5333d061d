"""The trials of a result as a study of Optuna's, for its plots, its dashboard and its analyses. It runs no trial."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from maggy.common.json_values import as_number
from maggy.optuna_bridge.tools import quiet, require
from maggy.searchspace.parameter import DOUBLE, INTEGER, Parameter

__all__ = ["to_study"]


def to_study(
    rows: Sequence[Mapping[str, Any]],
    specs: Mapping[str, Any],
    direction: str,
    metric: str,
    storage: Any = None,
    study_name: str | None = None,
) -> Any:
    """An ``optuna.Study`` with these trials.

    Args:
        rows: The trials as :class:`~maggy.result.ExperimentResult` has them.
        specs: The search space as a dict. Parameters that are not in it, as a budget, get a distribution from their
            values.
        direction: ``"max"`` or ``"min"``.
        metric: The metric's name.
        storage: Where the study is kept, as ``optuna.create_study`` takes it; None for memory.
        study_name: Its name; None for one that Optuna makes up.

    Raises:
        MissingDependencyError: Optuna is not installed.
    """
    require("to_optuna_study()", ["optuna"], "optuna")
    import optuna

    names = dict.fromkeys(name for row in rows for name in row["params"])
    distributions = {
        name: _declared(specs[name], name) if name in specs else _observed(rows, name)
        for name in names
    }
    with quiet():
        study = optuna.create_study(
            direction="maximize" if direction == "max" else "minimize",
            storage=storage,
            study_name=study_name,
        )
        study.set_metric_names([metric])
        for row in rows:
            study.add_trial(_frozen(row, distributions))
    return study


def _frozen(row: Mapping[str, Any], distributions: Mapping[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    metric = row["metric"]
    state = (
        TrialState.FAIL
        if metric is None
        else TrialState.PRUNED
        if row["early_stop"]
        else TrialState.COMPLETE
    )
    points = {
        int(step): _number(value)
        for step, value in zip(row["steps"], row["history"], strict=True)
        if step >= 0
    }
    frozen = create_trial(
        state=state,
        value=None if state == TrialState.FAIL else metric,
        params={name: _choice(value, distributions[name]) for name, value in row["params"].items()},
        distributions={name: distributions[name] for name in row["params"]},
        intermediate_values=points,
        user_attrs={
            "trial_id": row["trial_id"],
            **({} if row["error"] is None else {"error": row["error"]}),
        },
    )
    if row["start"] is not None:
        frozen.datetime_start = datetime.fromtimestamp(row["start"])
        frozen.datetime_complete = frozen.datetime_start + timedelta(
            milliseconds=row["duration"] or 0
        )
    return frozen


def _declared(spec: Any, name: str) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    parameter = Parameter.parse(name, spec)
    if parameter.type not in (DOUBLE, INTEGER):
        return CategoricalDistribution([_scalar(value) for value in parameter.values])
    low, high = (
        parameter.ends
    )  # Optuna lowers a bound that is on no step, but not without a warning
    if parameter.type == DOUBLE:
        return FloatDistribution(low, high, log=parameter.log, step=parameter.step)
    return IntDistribution(low, high, log=parameter.log, step=int(parameter.step or 1))


def _observed(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    values = [row["params"][name] for row in rows if name in row["params"]]
    numbers = [as_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    if len(known) < len(values):
        choices: list[Any] = []
        for value in map(_scalar, values):
            if value not in choices:
                choices.append(value)
        return CategoricalDistribution(choices)
    if all(isinstance(number, int) for number in known):
        return IntDistribution(int(min(known)), int(max(known)))
    return FloatDistribution(min(known), max(known))


def _choice(value: Any, distribution: Any) -> Any:
    from optuna.distributions import CategoricalDistribution

    return _scalar(value) if isinstance(distribution, CategoricalDistribution) else value


def _scalar(value: Any) -> Any:
    """Optuna's categories are scalars; lists and dicts are shown as JSON."""
    return (
        value
        if value is None or isinstance(value, (bool, int, float, str))
        else json.dumps(value, sort_keys=True)
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
