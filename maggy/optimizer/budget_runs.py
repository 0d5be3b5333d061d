"""Merge the runs of a configuration on several budgets into the one trial that a sampler sees."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence

from maggy.common.json_values import as_number, json_key
from maggy.optimizer.rungs import split_budget
from maggy.trial import Trial

__all__ = ["group_by_params", "merge_runs"]


def group_by_params(
    trials: Sequence[Trial], hyperparameters: Collection[str]
) -> list[tuple[Hashable, Trial]]:
    """Return runs as :func:`merge_runs` takes them, where equal parameters are one configuration.

    Args:
        trials: The runs, in any order.
        hyperparameters: The names of the search space.
    """
    runs = [(split_budget(trial.params, hyperparameters), trial) for trial in trials]
    runs.sort(key=lambda run: as_number(run[0][1]) or 0)
    return [(json_key(params), trial) for (params, _), trial in runs]


def merge_runs(
    runs: Iterable[tuple[Hashable, Trial]], hyperparameters: Collection[str], full_budget: float
) -> list[Trial]:
    """Return a trial for each configuration, with the metric of each budget as a point.

    Args:
        runs: The runs, each with the name of its configuration. Of one configuration those on
            larger budgets come last.
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
