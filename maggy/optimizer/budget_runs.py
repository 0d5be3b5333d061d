"""Merge the runs of a configuration on several budgets into the one trial that a sampler sees."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeAlias

from maggy.common.json_values import as_number, json_key
from maggy.optimizer.rungs import split_budget
from maggy.trial import Trial

__all__ = ["NamedRun", "merge_runs", "name_by_number", "name_by_params"]

NamedRun: TypeAlias = tuple[Hashable, Trial]
"""What names a configuration, and a trial that ran it on a budget."""


def name_by_number(trials: Mapping[tuple[int, int], Trial]) -> list[NamedRun]:
    """Return runs as :func:`merge_runs` takes them, sorted by the number of the configuration.

    Args:
        trials: The runs by the number of their configuration and their rung.
    """
    return [(number, trial) for (number, _), trial in sorted(trials.items(), key=_key)]


def name_by_params(trials: Sequence[Trial], hyperparameters: Collection[str]) -> list[NamedRun]:
    """Return runs as :func:`merge_runs` takes them, where equal parameters are one configuration.

    Args:
        trials: The runs, in any order.
        hyperparameters: The names of the search space.
    """
    runs = [(split_budget(trial.params, hyperparameters), trial) for trial in trials]
    runs.sort(key=lambda run: as_number(run[0][1]) or 0)
    return [(json_key(params), trial) for (params, _), trial in runs]


def merge_runs(
    runs: Iterable[NamedRun], hyperparameters: Collection[str], full_budget: float
) -> list[Trial]:
    """Return a trial for each configuration, with the metric of each budget as a point.

    Args:
        runs: The runs. Of one configuration those on larger budgets come last.
        hyperparameters: The names of the search space.
        full_budget: The largest budget. A configuration without it counts as stopped early.
    """
    trials: dict[Hashable, Trial] = {}
    for name, run in runs:
        params, budget = split_budget(run.params, hyperparameters)
        trial = trials.setdefault(name, Trial(params))
        trial.source_experiment = run.source_experiment
        if run.initial_number is not None:
            trial.initial_number = run.initial_number
        if run.final_metric is None or not isinstance(budget, int | float):
            continue
        trial.append_metric({"step": budget, "value": run.final_metric})
        # The largest budget comes last, so it decides.
        trial.final_metric, trial.status = run.final_metric, Trial.FINALIZED
        trial.early_stop = budget < full_budget
    return list(trials.values())


def _key(item: tuple[tuple[int, int], Trial]) -> tuple[int, int]:
    return item[0]
