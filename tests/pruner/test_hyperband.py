"""Hyperband under its name and with the arguments of release 1.1."""

from __future__ import annotations

import warnings

import pytest
from budgets import budgets, drive, started
from conformance import OptimizerContract

from maggy import optimizer, pruner
from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import RandomSearch, resolve_optimizer
from maggy.pruner import Hyperband


class TestHyperbandOfRelease1(OptimizerContract):
    extra_params = ("budget",)
    exact = False

    def make(self):
        return Hyperband(1, 4, 2, 2)


def of_release_1(**pruner_kwargs):
    return resolve_optimizer(RandomSearch(pruner="hyperband", pruner_kwargs=pruner_kwargs))


@pytest.mark.parametrize("num_trials", [None, 1, 100])
def test_so_many_brackets_run_whatever_the_number_of_trials_is(num_trials):
    def run(made):
        return budgets(drive(started(made, num_trials), lambda trial: trial.params["x"]))

    whole = [1] * 9 + [3] * 3 + [9] + [3] * 5 + [9] + [9] * 3
    for iterations, runs in ((1, whole[:13]), (2, whole[:19]), (3, whole), (4, whole + whole[:13])):
        arguments = {"min_budget": 1, "max_budget": 9, "eta": 3, "n_iterations": iterations}
        for made in (
            Hyperband(**arguments),
            Hyperband(1, 9, 3, iterations),
            of_release_1(**arguments),
        ):
            assert started(made, num_trials).total_trials() == len(runs)
            assert run(made) == runs


def test_without_a_number_of_brackets_the_number_of_trials_counts():
    made = of_release_1(min_budget=1, max_budget=9, eta=3)
    assert started(made, 20).total_trials() == 20
    assert made.name() == "Hyperband(RandomSearch)"
    assert (made._settings.resource_min, made._settings.resource_max, made._settings.brackets) == (
        1,
        9,
        None,
    )


def test_it_is_the_hyperband_of_the_optimizers():
    made = pruner.Hyperband(
        min_budget=1, max_budget=9, eta=3, n_iterations=1, sampler=RandomSearch()
    )
    assert isinstance(made, optimizer.Hyperband)
    assert made.name() == "Hyperband(RandomSearch)"


def test_what_it_does_not_take_is_named_in_one_warning():
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
def test_what_makes_no_brackets_is_refused(pruner_kwargs, rule):
    with pytest.raises(BadArgumentsError, match=rule):
        of_release_1(**pruner_kwargs)
