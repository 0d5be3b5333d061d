"""Prepare and drive optimizers, also those that add a budget to their trials."""

from __future__ import annotations

from maggy.searchspace import Searchspace
from maggy.testing import SimulatedDriver

SPACE = Searchspace(x=("DOUBLE", [0, 1]))


def prepare(optimizer, num_trials, direction="max", space=SPACE, function_parameters=()):
    optimizer.num_trials, optimizer.searchspace, optimizer.direction = (
        num_trials,
        space.seeded(3),
        direction,
    )
    optimizer.trial_store, optimizer.final_store = {}, []
    optimizer.parameters(function_parameters)
    optimizer.initialize()
    return optimizer


def drive(optimizer, score, in_flight=1, kind=SimulatedDriver, **options):
    return kind(
        optimizer,
        optimizer.get_suggestion,
        score,
        in_flight,
        optimizer.final_store,
        optimizer.trial_store,
        **options,
    )


def budgets(experiment, name="budget"):
    return [trial.params[name] for trial in experiment.suggestions]
