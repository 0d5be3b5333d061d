"""Hyperband under its name and with the arguments of release 1.1."""

from __future__ import annotations

import warnings

import pytest
from helpers.budgets import budgets, drive, prepare

from maggy import optimizer, pruner
from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import RandomSearch, resolve_optimizer
from maggy.pruner import Hyperband
from maggy.testing import OptimizerContract


class TestHyperbandOfRelease1(OptimizerContract):
    extra_params = ("budget",)
    runs_num_trials = False

    def make(self):
        return Hyperband(1, 4, 2, 2)


def resolve_with_arguments(**pruner_kwargs):
    return resolve_optimizer(RandomSearch(pruner="hyperband", pruner_kwargs=pruner_kwargs))


@pytest.mark.parametrize("num_trials", [None, 1, 100])
def test_n_iterations_brackets_run_whatever_the_number_of_trials_is(num_trials):
    def run(hyperband):
        return budgets(drive(prepare(hyperband, num_trials), lambda trial: trial.params["x"]))

    whole = [1] * 9 + [3] * 3 + [9] + [3] * 5 + [9] + [9] * 3
    for iterations, runs in ((1, whole[:13]), (2, whole[:19]), (3, whole), (4, whole + whole[:13])):
        arguments = {"min_budget": 1, "max_budget": 9, "eta": 3, "n_iterations": iterations}
        for hyperband in (
            Hyperband(**arguments),
            Hyperband(1, 9, 3, iterations),
            resolve_with_arguments(**arguments),
        ):
            assert prepare(hyperband, num_trials).total_trials() == len(runs)
            assert run(hyperband) == runs


def test_without_a_number_of_brackets_the_number_of_trials_decides():
    hyperband = resolve_with_arguments(min_budget=1, max_budget=9, eta=3)
    assert prepare(hyperband, 20).total_trials() == 20
    assert hyperband.name() == "Hyperband(RandomSearch)"
    assert (
        hyperband._settings.resource_min,
        hyperband._settings.resource_max,
        hyperband._settings.brackets,
    ) == (
        1,
        9,
        None,
    )


def test_the_pruner_is_the_hyperband_of_the_optimizers():
    hyperband = pruner.Hyperband(
        min_budget=1, max_budget=9, eta=3, n_iterations=1, sampler=RandomSearch()
    )
    assert isinstance(hyperband, optimizer.Hyperband)
    assert hyperband.name() == "Hyperband(RandomSearch)"


def test_one_warning_names_all_options_without_effect():
    with pytest.warns(
        UserWarning, match="Hyperband has no counterpart .* trial_metric_getter, other"
    ) as caught:
        Hyperband(1, 9, 3, 1, trial_metric_getter=print, other=1)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Hyperband(1, 9, 3, 1)


@pytest.mark.parametrize(
    ("pruner_kwargs", "rule"),
    [
        (
            {"min_budget": 1, "resource_min": 2},
            "resource_min is what release 1.1 called min_budget",
        ),
        (
            {"max_budget": 1, "resource_max": 2},
            "resource_max is what release 1.1 called max_budget",
        ),
        ({"min_budget": 5, "max_budget": 2}, "resource_max must be at least resource_min"),
        ({"n_iterations": 0}, "n_iterations must be a whole number of at least 1, but got 0"),
        ({"n_iterations": 1.5}, "n_iterations must be a whole number"),
        (
            {"iterations": 1},
            "pruner_kwargs must be a dict with some of .*min_budget and max_budget.* n_iterations",
        ),
    ],
)
def test_arguments_without_brackets_are_refused(pruner_kwargs, rule):
    with pytest.raises(BadArgumentsError, match=rule):
        resolve_with_arguments(**pruner_kwargs)
