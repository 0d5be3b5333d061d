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


def check_parents(experiment):
    """Check that each promotion continues the trial of its configuration at the rung below.

    Returns:
        The number of promotions among the ended trials.
    """
    trials = {trial.trial_id: trial for trial in experiment.ended_trials}
    promotions = [trial for trial in experiment.ended_trials if trial.rung > 0]
    assert [trial.parent for trial in trials.values() if trial.rung == 0] == [None] * (
        len(trials) - len(promotions)
    )
    for trial in promotions:
        parent = trials[trial.parent]
        assert (parent.configuration, parent.rung) == (trial.configuration, trial.rung - 1)
        assert parent.params["x"] == trial.params["x"]
        assert parent.final_metric is not None
    return len(promotions)


def budgets(experiment, name="budget"):
    return [trial.params[name] for trial in experiment.suggestions]
