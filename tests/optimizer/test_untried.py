"""No configuration of a small space runs again while untried ones remain."""

from __future__ import annotations

import json
import pickle

import optuna
import pytest

from maggy.optimizer import Asha, GridSearch, Hyperband, RandomSearch, resolve_optimizer
from maggy.optimizer.untried import MAX_REPEATS, UntriedConfigurations
from maggy.searchspace import Searchspace
from maggy.testing import SimulatedDriver
from maggy.testing.spaces import objective
from maggy.trial import Trial

TEN = Searchspace(a=("DISCRETE", [1, 2, 3, 4, 5]), b=("CATEGORICAL", ["x", "y"]))
CONDITIONAL = Searchspace(
    kind=("CATEGORICAL", ["a", "b", "c"]),
    depth=("INTEGER", [1, 5], {"step": 2, "when": {"kind": "a"}}),
    size=("INTEGER", [1, 4], {"log": True, "when": {"kind": "b"}}),
    rate=("DOUBLE", [0.1, 0.2], {"step": 0.1}),
    epochs=("CONSTANT", [3]),
)
SIZES = [(TEN, 10), (CONDITIONAL, 16)]
RANDOM = ["randomsearch", Asha(), Hyperband(resource_max=2, eta=2, sampler="randomsearch")]
OPTUNA = [
    "tpe",
    "cmaes",
    "nsgaii",
    optuna.samplers.RandomSampler(seed=1),
    optuna.samplers.TPESampler(seed=1),
]


def prepare(optimizer, space, num_trials, **attributes):
    optimizer = resolve_optimizer(optimizer)
    optimizer.num_trials, optimizer.searchspace, optimizer.direction = (
        num_trials,
        space.seeded(7),
        "max",
    )
    optimizer.trial_store, optimizer.final_store = {}, []
    for name, value in attributes.items():
        setattr(optimizer, name, value)
    optimizer.initialize()
    return optimizer


def drive(optimizer, **options):
    return SimulatedDriver(
        optimizer,
        optimizer.get_suggestion,
        lambda trial: objective(
            {name: value for name, value in trial.params.items() if name != "budget"}
        ),
        final_store=optimizer.final_store,
        trial_store=optimizer.trial_store,
        **options,
    )


def configurations(trials):
    """Return the new configurations as text; with budgets, the runs on the smallest one."""
    first = [trial.params for trial in trials if trial.info_dict.get("rung", 0) == 0]
    return [
        json.dumps({n: v for n, v in params.items() if n != "budget"}, sort_keys=True)
        for params in first
    ]


# The untried configurations


def test_after_ten_more_repeats_an_untried_configuration_is_drawn():
    untried = UntriedConfigurations(TEN.seeded(1))
    repeat = {"a": 1, "b": "x"}
    untried.add(repeat)
    configurations_so_far = [repeat]
    for _ in range(9):
        calls = []
        params = untried.choose(lambda calls=calls: calls.append(1) or dict(repeat))
        assert len(calls) == 1 + MAX_REPEATS
        assert params == TEN.checked(params)
        assert params not in configurations_so_far
        configurations_so_far.append(params)
    assert untried.choose(lambda: repeat) is repeat


def test_every_untried_configuration_is_as_likely():
    counts = {}
    for seed in range(400):
        untried = UntriedConfigurations(TEN.seeded(seed))
        for a in (1, 2, 3):
            untried.add({"a": a, "b": "x"})
        params = tuple(untried.draw().values())
        counts[params] = counts.get(params, 0) + 1
    assert len(counts) == 7
    assert min(counts.values()) > 25


def test_a_suggestion_that_is_not_a_repeat_is_accepted():
    untried = UntriedConfigurations(TEN.seeded(1))
    suggestion = {"a": 1, "b": "x"}
    assert untried.choose(lambda: suggestion) is suggestion
    assert TEN.seeded(1).draw_seed() == untried._space.draw_seed()


def name_of(optimizer):
    """Name a test case; an object's own text holds its address, which differs from run to run."""
    return optimizer if isinstance(optimizer, str) else type(optimizer).__name__


@pytest.mark.parametrize(
    ("space", "options"),
    [
        (Searchspace(x=("INTEGER", [1, 1_000_001])), {}),
        (Searchspace(x=("INTEGER", [1, 2]), y=("DOUBLE", [0, 1])), {}),
        (Searchspace(x=("INTEGER", [1, 2])), {"allow_repeats": True}),
    ],
)
def test_every_suggestion_is_accepted_in_a_large_space_or_if_repeats_are_allowed(space, options):
    untried = UntriedConfigurations(space, **options)
    params = space.get_random_parameter_values(1)[0]
    for _ in range(2):
        assert untried.choose(lambda: params) is params


def test_a_large_space_with_many_conditions_is_not_counted_exactly():
    space = Searchspace(**{f"p{number}": ("DISCRETE", [0, 1]) for number in range(60)})
    for number in range(60):
        space.add(f"q{number}", ("DISCRETE", [0, 1], {"when": {f"p{number}": 1}}))
    params = space.get_random_parameter_values(1)[0]
    assert UntriedConfigurations(space).choose(lambda: params) is params


def test_a_space_of_a_million_is_small_and_an_untried_configuration_is_found_at_once():
    space = Searchspace(x=("INTEGER", [1, 1_000_000])).seeded(1)
    untried = UntriedConfigurations(space)
    attempts = space.get_random_parameter_values(1000)
    for params in attempts:
        untried.add(params)
    assert untried.choose(lambda: attempts[0]) not in attempts


def test_one_and_true_and_one_as_a_float_are_different_values():
    space = Searchspace(x=("CATEGORICAL", [1, 1.0, True, 1]))
    assert {json.dumps(params) for params in configurations_of(space, 3)} == {
        '{"x": 1}',
        '{"x": 1.0}',
        '{"x": true}',
    }


def configurations_of(space, count):
    return [trial.params for trial in drive(prepare("randomsearch", space, count)).suggestions]


# Optimizers


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize(("space", "size"), SIZES)
@pytest.mark.parametrize("optimizer", RANDOM, ids=name_of)
def test_random_draws_try_every_configuration_of_a_small_space(optimizer, space, size, in_flight):
    attempts = configurations(drive(prepare(optimizer, space, 60), in_flight=in_flight).suggestions)
    assert len(set(attempts[:size])) == size
    assert len(attempts) > size


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize(("space", "size"), SIZES)
@pytest.mark.parametrize("optimizer", OPTUNA, ids=str)
def test_optunas_samplers_try_every_configuration_of_a_small_space(
    optimizer, space, size, in_flight
):
    attempts = configurations(
        drive(prepare(optimizer, space, size + 3), in_flight=in_flight).suggestions
    )
    assert len(set(attempts[:size])) == size
    assert len(attempts) == size + 3


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_sobol_sequence_tries_every_configuration_of_a_small_space(in_flight):
    attempts = configurations(drive(prepare("qmc", TEN, 12), in_flight=in_flight).suggestions)
    assert len(set(attempts[:10])) == 10
    assert len(attempts) == 12


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["randomsearch", "asha", "tpe", "qmc"])
def test_initial_trials_run_even_if_equal_and_are_not_suggested_again(optimizer):
    optimizer = prepare(optimizer, TEN, 30)
    initial = [optimizer.initial_trial({"a": 1, "b": "x"}) for _ in range(2)]
    attempts = configurations(initial + drive(optimizer).suggestions)
    assert attempts[0] == attempts[1]
    assert len(set(attempts[1:11])) == 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer", ["randomsearch", "asha", "tpe", "qmc", Hyperband(2, 1, 2, "randomsearch")]
)
def test_repeats_run_if_they_are_allowed(optimizer):
    attempts = configurations(drive(prepare(optimizer, TEN, 60, allow_repeats=True)).suggestions)
    assert len(set(attempts[:10])) < 10


def test_with_repeats_allowed_the_seed_alone_decides_the_draws():
    attempts = drive(prepare("randomsearch", TEN, 20, allow_repeats=True)).params
    assert attempts == TEN.seeded(7).get_random_parameter_values(20)


@pytest.mark.slow
def test_a_refused_suggestion_is_reported_as_failed():
    optimizer = prepare("tpe", TEN, 10)
    attempts = drive(optimizer).suggestions
    assert len(attempts) == 10
    states = [trial.state.name for trial in optimizer._study.trials]
    assert states.count("COMPLETE") == 10
    assert states.count("FAIL") == len(states) - 10 > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_with_fixed_values_keeps_them():
    base = optuna.samplers.RandomSampler(seed=1)
    attempts = drive(prepare(optuna.samplers.PartialFixedSampler({"b": "y"}, base), TEN, 9)).params
    assert {params["b"] for params in attempts} == {"y"}


class Own(optuna.samplers.RandomSampler):
    pass


@pytest.mark.slow
def test_a_users_own_sampler_class_may_repeat():
    assert len(set(configurations(drive(prepare(Own(seed=1), TEN, 10)).suggestions))) < 10


def test_the_number_of_workers_does_not_change_suggestions_that_ignore_results():
    one, *others = (
        drive(prepare("randomsearch", TEN, 12), in_flight=count).params for count in (1, 3, 12)
    )
    assert all(other == one for other in others)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer", ["randomsearch", "qmc", Hyperband(2, 1, 4, RandomSearch())], ids=name_of
)
@pytest.mark.parametrize("crash_after", [3, 9])
def test_a_resumed_search_goes_on_in_the_same_sequence(optimizer, crash_after):
    def search(history=(), **options):
        """Search with an initial trial, as the policy suggests it."""
        instance = prepare(optimizer, TEN, 30)
        ask, initial_trials = instance.get_suggestion, []

        def suggest(trial):
            if initial_trials or any(
                "initial" in record.info_dict
                for record in history
                if instance.name() != "RandomSearch"
            ):
                return ask(trial)
            initial_trials.append(instance.initial_trial({"a": 2, "b": "y"}))
            initial_trials[0].info_dict["initial"] = 0
            return initial_trials[0]

        return SimulatedDriver(
            instance,
            suggest,
            lambda trial: objective(trial.params),
            final_store=instance.final_store,
            trial_store=instance.trial_store,
            earlier=history,
            **options,
        )

    whole = search()
    records = [
        Trial.from_json(trial.to_json()) for trial in search(crash_after=crash_after).ended_trials
    ]
    assert [trial.params for trial in search(history=records).ended_trials] == [
        trial.params for trial in whole.ended_trials
    ]
    assert len(set(configurations(whole.ended_trials)[:10])) == 10


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["asha", "tpe", "cmaes", "nsgaii"])
def test_recorded_configurations_are_not_tried_again(optimizer):
    half = drive(prepare(optimizer, TEN, 30), crash_after=6)
    records = [Trial.from_json(trial.to_json()) for trial in half.ended_trials]
    again = drive(prepare(optimizer, TEN, 30), earlier=records)
    assert len(set(configurations(again.ended_trials)[:10])) == 10


def test_a_resumed_asha_continues_the_sequence_of_draws():
    whole = drive(prepare(Asha(), TEN, 30)).params
    half = drive(prepare(Asha(), TEN, 30), crash_after=7)
    records = [Trial.from_json(trial.to_json()) for trial in half.ended_trials]
    assert drive(prepare(Asha(), TEN, 30), earlier=records).params == whole[7:]


def test_promotions_run_a_configuration_again():
    suggested = drive(prepare(Asha(), TEN, 20)).suggestions
    assert any(trial.info_dict["rung"] for trial in suggested)


def test_grid_search_drops_values_that_are_listed_twice():
    space = Searchspace(
        a=("DISCRETE", [1, 2, 1, 1.0]),
        b=("CATEGORICAL", [[1, 2], [1, 2], True]),
        c=("CONSTANT", [0]),
    )
    optimizer = prepare(GridSearch(), space, None)
    attempts = drive(optimizer).params
    assert (
        len({json.dumps(params) for params in attempts})
        == len(attempts)
        == optimizer.total_trials()
        == 6
    )


def test_an_initial_trial_on_a_grid_removes_only_its_own_value():
    optimizer = prepare(GridSearch(), Searchspace(a=("CATEGORICAL", [1, True])), None)
    optimizer.initial_trial({"a": 1})
    assert [params["a"] for params in drive(optimizer).params] == [True]


def test_untried_configurations_can_be_pickled_at_any_time():
    optimizer = prepare("randomsearch", TEN, 12)
    for _ in range(9):
        optimizer.get_suggestion()
    copy = pickle.loads(pickle.dumps(optimizer))
    assert drive(copy).params == drive(optimizer).params
