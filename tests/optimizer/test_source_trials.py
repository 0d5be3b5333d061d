"""The trials of another experiment: which fit a search space, and how an optimizer is told them."""

from __future__ import annotations

import re

import pytest
from helpers.results import ended_trial

from maggy import Searchspace, Trial
from maggy.optimizer import PBT, AbstractOptimizer, Asha, Hyperband, RandomSearch, resolve_optimizer
from maggy.optimizer.source_trials import SourceTrials, num_trials_with, tell

SPACE = Searchspace(
    x=("DOUBLE", [0, 1]),
    kind=("CATEGORICAL", ["a", "b"]),
    n=("INTEGER", [1, 4], {"when": {"kind": "b"}}),
    epochs=("CONSTANT", [3]),
)
FIT = {"x": 0.5, "kind": "a", "epochs": 3}


def reason(params, names=("x", "kind", "epochs")):
    found = SourceTrials.of([ended_trial(params, 0.5)], SPACE, names)
    assert not found.fits
    (misfit,) = found.misfits
    return misfit.reason


def test_a_trial_that_fits_gets_the_values_of_the_space_and_keeps_its_id_and_metric():
    trial = ended_trial({"epochs": 3.0, "kind": "b", "n": 2.0, "x": 1}, 0.75)
    trial.initial_number = 2
    (fit,) = SourceTrials.of([trial], SPACE, None).fits
    assert fit.params == {"x": 1.0, "kind": "b", "n": 2, "epochs": 3}
    assert list(fit.params) == ["x", "kind", "n", "epochs"]
    assert [type(value) for value in fit.params.values()] == [float, str, int, int]
    assert (fit.trial_id, fit.final_metric) == (trial.trial_id, 0.75)
    # An initial trial of that experiment is none of this one.
    assert (fit.initial_number, trial.initial_number) == (None, 2)
    assert trial.params["n"] == 2.0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"x": 2}, "x must be a number from 0 to 1, but got 2"),
        ({"x": "big"}, "x must be a number from 0 to 1, but got 'big'"),
        ({"kind": "c"}, r"kind must be one of \['a', 'b'\], but got 'c'"),
        ({"kind": "b"}, "n is missing"),
        ({"n": 1}, "got 'n': it exists only when"),
        ({"epochs": 4}, r"epochs must be one of \[3\], but got 4"),
        ({"epochs": None}, "it has no 'epochs'"),
        ({"dropout": 0.5}, "it has 'dropout', which is not in the search space"),
        ({"budget": 3}, "it has 'budget', which is not in the search space"),
    ],
)
def test_a_trial_that_does_not_fit_is_named_with_the_reason(change, text):
    params = {name: value for name, value in {**FIT, **change}.items() if value is not None}
    assert re.search(text, reason(params))


def test_a_trial_without_a_parameter_of_a_space_without_conditions_lacks_it():
    space = Searchspace(x=("DOUBLE", [0, 1]), y=("DOUBLE", [0, 1]))
    found = SourceTrials.of([ended_trial({"x": 1}, 0.5)], space, ["x", "y"])
    assert [misfit.reason for misfit in found.misfits] == ["it has no 'y'"]


def test_a_budget_must_be_there_where_the_optimizer_sets_one_and_may_have_its_other_name():
    names = ["x", "kind", "n", "epochs", "resource"]
    trials = [ended_trial({**FIT, "budget": 2}, 0.5), ended_trial(FIT, 0.5)]
    found = SourceTrials.of(trials, SPACE, names)
    assert [trial.params["resource"] for trial in found.fits] == [2]
    assert [misfit.reason for misfit in found.misfits] == ["it has no 'resource'"]


def test_parameters_that_a_users_own_optimizer_adds_are_kept_as_they_are():
    found = SourceTrials.of([ended_trial({**FIT, "warmth": [1, 2]}, 0.5)], SPACE, None)
    assert found.fits[0].params["warmth"] == [1, 2]


LINE = Searchspace(x=("DISCRETE", [1, 2, 3, 4]))


def start(optimizer, trials, num_trials=2, records=(), space=LINE, function_parameters=()):
    """Return an optimizer that is told trials as the policy does it, and what tell returned."""
    optimizer.num_trials, optimizer.direction = num_trials, "max"
    optimizer.searchspace = space.seeded(1)
    optimizer.parameters(function_parameters)
    for trial in trials:
        trial.source_experiment = "other_1"
    source = SourceTrials(trials)
    optimizer.num_trials = num_trials_with(optimizer, num_trials, source)
    optimizer.trial_store, optimizer.final_store = {}, []
    optimizer.initialize()
    return tell(optimizer, source, list(records), num_trials)


def line(*metrics, **more):
    return [ended_trial({"x": x, **more}, metric) for x, metric in enumerate(metrics, 1)]


class Own(AbstractOptimizer):
    """Count what it takes over, as on resume."""

    takes_over = True

    def initialize(self):
        self.remaining, self.seen = self.num_trials, []

    def get_suggestion(self, trial=None):
        if self.remaining == 0:
            return None
        self.remaining -= 1
        return Trial({"x": 4})

    def restore(self, trials):
        self.seen = list(trials)
        if self.takes_over:
            self.remaining -= len(trials)
        return self.takes_over


def test_an_optimizer_is_told_failed_trials_too_and_has_the_others_in_its_final_store():
    optimizer, trials = Own(), line(0.5, None, 0.75)
    records = line(0.1)
    assert start(optimizer, trials, records=records)
    assert optimizer.seen == [*trials, *records]
    assert optimizer.final_store == [trials[0], trials[2]]


def test_an_optimizer_that_counts_what_it_takes_over_has_all_its_trials_left():
    optimizer = Own()
    assert start(optimizer, line(0.5, None, 0.75), num_trials=2)
    assert (optimizer.num_trials, optimizer.remaining) == (5, 2)


def test_an_optimizer_that_takes_nothing_over_has_the_number_of_the_user_and_the_trials():
    class Plain(AbstractOptimizer):
        def get_suggestion(self, trial=None):
            return None

    class Refuses(Own):
        takes_over = False

    for optimizer in (Plain(), Refuses()):
        trials = line(0.5, 0.75)
        assert not start(optimizer, trials, num_trials=3)
        assert (optimizer.num_trials, optimizer.final_store) == (3, trials)


def test_random_search_repeats_no_configuration_of_a_small_space():
    optimizer = RandomSearch()
    assert not start(optimizer, line(0.5, 0.75))
    assert {optimizer.get_suggestion().params["x"] for _ in range(2)} == {3, 4}
    assert optimizer.get_suggestion() is None


@pytest.mark.parametrize("name", ["randomsearch", "asha", "tpe"])
def test_with_the_same_seed_the_search_does_not_draw_the_same_configurations_again(name):
    space = Searchspace(x=("DOUBLE", [0, 1]))
    first = resolve_optimizer(name)
    start(first, [], num_trials=3, space=space)
    trials = [first.get_suggestion() for _ in range(3)]
    for trial in trials:
        trial.status = Trial.ERROR  # so that ASHA promotes none
    second = resolve_optimizer(name)
    start(second, trials, num_trials=3, space=space)
    values = [second.get_suggestion().params["x"] for _ in range(3)]
    assert not set(values) & {trial.params["x"] for trial in trials}


def test_asha_promotes_a_configuration_of_the_other_experiment():
    optimizer = Asha(reduction_factor=2, resource_min=1, resource_max=2)
    # Of another optimizer: there are no notes about rungs.
    trials = line(0.25, 0.75, budget=1)
    assert start(optimizer, trials)
    trial = optimizer.get_suggestion()
    assert (trial.params, trial.rung) == ({"x": 2, "budget": 2}, 1)
    assert trial.parent == trials[1].trial_id  # it goes on from that checkpoint
    optimizer.trial_store[trial.trial_id] = trial
    assert optimizer.get_suggestion().params["x"] in (3, 4)
    assert optimizer.get_suggestion() is None


def test_asha_promotes_no_configuration_that_the_other_experiment_has_promoted():
    optimizer = Asha(reduction_factor=2, resource_min=1, resource_max=2)
    assert start(optimizer, [*line(0.25, 0.75, budget=1), ended_trial({"x": 2, "budget": 2}, 0.8)])
    assert optimizer.get_suggestion().params["budget"] == 1


def test_asha_learns_from_the_budgets_of_its_rungs_only():
    optimizer = Asha(reduction_factor=2, resource_min=1, resource_max=2)
    trials = [*line(0.25, None, budget=1), ended_trial({"x": 3, "budget": 5}, 0.5)]
    assert start(optimizer, trials)
    assert optimizer.informative_trials(trials) == [trials[0]]


def test_a_resumed_asha_repeats_its_draws_behind_those_of_the_other_experiment():
    space = Searchspace(x=("INTEGER", [1, 6]))

    def drive(optimizer, count):
        suggestions = []
        for _ in range(count):
            trial = optimizer.get_suggestion()
            trial.final_metric, trial.status = -float(trial.params["x"]), Trial.FINALIZED
            optimizer.final_store.append(trial)
            suggestions.append(trial)
        return suggestions

    def make():
        return Asha(reduction_factor=4, resource_min=1, resource_max=4)

    def others():
        return line(-1.0, -2.0, budget=1)

    whole = make()
    start(whole, others(), num_trials=4, space=space)
    trials = drive(whole, 4)
    resumed = make()
    start(resumed, others(), num_trials=4, space=space, records=trials[:2])
    resumed.final_store.extend(trials[:2])
    assert [trial.params for trial in drive(resumed, 2)] == [trial.params for trial in trials[2:]]
    assert resumed.get_suggestion() is None


def turns(*metrics, member=0):
    trials = []
    for number, metric in enumerate(metrics, 1):
        trial = ended_trial({"x": 1 + member, "budget": number}, metric)
        trial.member, trial.parent = member, trials[-1].trial_id if trials else None
        trials.append(trial)
    return trials


def test_a_population_goes_on_from_the_turns_of_the_other_experiment():
    optimizer = PBT(population=2, interval=1)
    trials = [*turns(0.1, 0.2), *turns(0.3, 0.9, member=1)]
    assert start(optimizer, trials, num_trials=3)
    trial = optimizer.get_suggestion()
    # The member with the worse turn goes on from the better one.
    assert (trial.member, trial.params["budget"], trial.parent) == (0, 3, trials[-1].trial_id)
    assert optimizer.informative_trials([*trials, ended_trial({"x": 1, "budget": 1}, 1)]) == trials


@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_member_with_an_initial_configuration_begins_anew(is_resumed):
    optimizer, trials = PBT(population=2, interval=1), [*turns(0.1), *turns(0.3, member=1)]
    first = ended_trial({"x": 4, "budget": 1}, 0.7)
    first.member, first.initial_number = 0, 0
    start(optimizer, trials, num_trials=3, records=[first] if is_resumed else ())
    if is_resumed:
        trial = optimizer.get_suggestion()
        assert (trial.member, trial.parent) == (0, first.trial_id)
        assert trial.params == {"x": 4, "budget": 2}
        return
    trial = optimizer.initial_trial({"x": 4})
    assert (trial.member, trial.parent, trial.params) == (0, None, {"x": 4, "budget": 1})


class Sampler(Own):
    """Keep what it is told as the sampler of a Hyperband."""


@pytest.mark.parametrize("takes_over", [True, False])
def test_hyperband_tells_its_sampler_configurations_and_runs_all_its_own_brackets(takes_over):
    sampler = Sampler()
    sampler.takes_over = takes_over
    optimizer = Hyperband(eta=2, resource_min=1, resource_max=2, sampler=sampler)
    trials = [*line(0.25, 0.75, budget=1), ended_trial({"x": 2, "budget": 2}, 0.8)]
    start(optimizer, trials, num_trials=6)
    assert [(trial.params, trial.final_metric, trial.early_stop) for trial in sampler.seen] == [
        ({"x": 1}, 0.25, True),
        ({"x": 2}, 0.8, False),
    ]
    assert len(sampler.final_store) == 2
    suggestions = []
    while (trial := optimizer.get_suggestion()) is not None:
        trial.final_metric = 0.5
        optimizer.final_store.append(trial)
        suggestions.append(trial)
    assert len(suggestions) == 6


@pytest.mark.parametrize(
    ("name", "num_informative"),
    [
        ("randomsearch", 0),
        ("gridsearch", 0),
        ("qmc", 0),
        ("nsgaii", 0),
        ("tpe", 2),
        ("cmaes", 0),
    ],
)
def test_an_optimizer_knows_from_how_many_trials_it_learns(name, num_informative):
    optimizer = resolve_optimizer(name)
    optimizer.searchspace = Searchspace(x=("INTEGER", [1, 100]))
    assert len(optimizer.informative_trials(line(0.5, None, 0.75))) == num_informative
    if name != "gridsearch":
        hyperband = resolve_optimizer(Hyperband(sampler=name))
        hyperband.num_trials, hyperband.direction = 9, "max"
        hyperband.searchspace = optimizer.searchspace
        hyperband.parameters([])
        trials = line(0.5, None, 0.75, budget=1)
        assert len(hyperband.informative_trials(trials)) == num_informative


def test_the_population_of_nsgaii_follows_from_the_number_of_new_trials():
    optimizer = resolve_optimizer("nsgaii")
    trials = line(*[0.5] * 400)
    space = Searchspace(x=("INTEGER", [1, 1000]))
    start(optimizer, trials, num_trials=100, space=space)
    assert optimizer._active_sampler.population_size == 10


def test_cmaes_learns_where_it_can_begin_at_the_best_trials():
    optimizer = resolve_optimizer("cmaes")
    optimizer.searchspace = Searchspace(x=("DOUBLE", [0, 100]))
    trials = line(*[0.5] * 20)
    assert optimizer.informative_trials(trials) == trials


def test_tpe_models_the_trials_of_the_other_experiment_at_once():
    space = Searchspace(x=("DOUBLE", [0, 1]))
    trials = [ended_trial({"x": number / 40}, -abs(number / 40 - 0.75)) for number in range(40)]
    optimizer = resolve_optimizer("tpe")
    assert start(optimizer, trials, num_trials=5, space=space)
    values = [optimizer.get_suggestion().params["x"] for _ in range(5)]
    assert sum(0.6 < value < 0.9 for value in values) >= 4
    assert optimizer.get_suggestion() is None


def test_a_model_repeats_no_configuration_of_a_small_space():
    optimizer = resolve_optimizer("tpe")
    start(optimizer, line(0.5, 0.75))
    assert {optimizer.get_suggestion().params["x"] for _ in range(2)} == {3, 4}
