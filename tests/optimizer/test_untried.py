"""No configuration of a small space is run again while untried ones are left."""

from __future__ import annotations

import json
import pickle

import optuna
import pytest
from conformance import Drive, objective

from maggy.optimizer import Asha, GridSearch, Hyperband, RandomSearch, resolve_optimizer
from maggy.optimizer.untried import MAX_REPEATS, UntriedConfigurations
from maggy.searchspace import Searchspace
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


def started(optimizer, space, num_trials, **attributes):
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
    return Drive(
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
    """The new configurations, as text; of those with a budget the runs on the smallest."""
    first = [trial.params for trial in trials if trial.info_dict.get("rung", 0) == 0]
    return [
        json.dumps({n: v for n, v in params.items() if n != "budget"}, sort_keys=True)
        for params in first
    ]


# What is left


def test_a_repeat_is_asked_again_up_to_ten_times_and_then_an_untried_one_is_drawn():
    untried = UntriedConfigurations(TEN.seeded(1))
    repeat = {"a": 1, "b": "x"}
    untried.add(repeat)
    drawn = [repeat]
    for _ in range(9):
        calls = []
        params = untried.choose(lambda calls=calls: calls.append(1) or dict(repeat))
        assert len(calls) == 1 + MAX_REPEATS
        assert params == TEN.checked(params)
        assert params not in drawn
        drawn.append(params)
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


def test_a_suggestion_that_is_no_repeat_is_taken_as_it_is():
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
def test_in_a_large_space_or_where_repeats_are_allowed_all_is_good(space, options):
    untried = UntriedConfigurations(space, **options)
    params = space.get_random_parameter_values(1)[0]
    for _ in range(2):
        assert untried.choose(lambda: params) is params


def test_a_large_space_of_many_conditions_is_not_counted_to_its_end():
    space = Searchspace(**{f"p{number}": ("DISCRETE", [0, 1]) for number in range(60)})
    for number in range(60):
        space.add(f"q{number}", ("DISCRETE", [0, 1], {"when": {f"p{number}": 1}}))
    params = space.get_random_parameter_values(1)[0]
    assert UntriedConfigurations(space).choose(lambda: params) is params


def test_a_space_of_a_million_is_small_and_an_untried_one_is_found_at_once():
    space = Searchspace(x=("INTEGER", [1, 1_000_000])).seeded(1)
    untried = UntriedConfigurations(space)
    tried = space.get_random_parameter_values(1000)
    for params in tried:
        untried.add(params)
    assert untried.choose(lambda: tried[0]) not in tried


def test_one_and_true_and_one_as_a_float_are_different_values():
    space = Searchspace(x=("CATEGORICAL", [1, 1.0, True, 1]))
    assert {json.dumps(params) for params in configurations_of(space, 3)} == {
        '{"x": 1}',
        '{"x": 1.0}',
        '{"x": true}',
    }


def configurations_of(space, count):
    return [trial.params for trial in drive(started("randomsearch", space, count)).suggested]


# Optimizers


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize(("space", "size"), SIZES)
@pytest.mark.parametrize("optimizer", RANDOM, ids=name_of)
def test_random_draws_try_a_small_space_through(optimizer, space, size, in_flight):
    tried = configurations(drive(started(optimizer, space, 60), in_flight=in_flight).suggested)
    assert len(set(tried[:size])) == size
    assert len(tried) > size


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize(("space", "size"), SIZES)
@pytest.mark.parametrize("optimizer", OPTUNA, ids=str)
def test_optunas_samplers_try_a_small_space_through(optimizer, space, size, in_flight):
    tried = configurations(
        drive(started(optimizer, space, size + 3), in_flight=in_flight).suggested
    )
    assert len(set(tried[:size])) == size
    assert len(tried) == size + 3


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", [1, 4])
def test_an_even_spread_tries_a_small_space_through(in_flight):
    tried = configurations(drive(started("qmc", TEN, 12), in_flight=in_flight).suggested)
    assert len(set(tried[:10])) == 10
    assert len(tried) == 12


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["randomsearch", "asha", "tpe", "qmc"])
def test_initial_trials_are_tried_as_they_are_and_not_again(optimizer):
    optimizer = started(optimizer, TEN, 30)
    initial = [optimizer.initial_trial({"a": 1, "b": "x"}) for _ in range(2)]
    tried = configurations(initial + drive(optimizer).suggested)
    assert tried[0] == tried[1]
    assert len(set(tried[1:11])) == 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer", ["randomsearch", "asha", "tpe", "qmc", Hyperband(2, 1, 2, "randomsearch")]
)
def test_repeats_that_are_allowed_are_run(optimizer):
    tried = configurations(drive(started(optimizer, TEN, 60, allow_repeats=True)).suggested)
    assert len(set(tried[:10])) < 10


def test_repeats_that_are_allowed_are_those_that_the_seed_draws():
    tried = drive(started("randomsearch", TEN, 20, allow_repeats=True)).params
    assert tried == TEN.seeded(7).get_random_parameter_values(20)


@pytest.mark.slow
def test_a_refused_suggestion_is_told_as_failed():
    optimizer = started("tpe", TEN, 10)
    tried = drive(optimizer).suggested
    assert len(tried) == 10
    states = [trial.state.name for trial in optimizer._study.trials]
    assert states.count("COMPLETE") == 10
    assert states.count("FAIL") == len(states) - 10 > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_that_was_told_values_keeps_to_them():
    base = optuna.samplers.RandomSampler(seed=1)
    tried = drive(started(optuna.samplers.PartialFixedSampler({"b": "y"}, base), TEN, 9)).params
    assert {params["b"] for params in tried} == {"y"}


class Own(optuna.samplers.RandomSampler):
    pass


@pytest.mark.slow
def test_a_sampler_class_of_the_users_own_may_repeat():
    assert len(set(configurations(drive(started(Own(seed=1), TEN, 10)).suggested))) < 10


def test_the_number_of_workers_changes_nothing_where_suggestions_depend_on_no_result():
    one, *others = (
        drive(started("randomsearch", TEN, 12), in_flight=count).params for count in (1, 3, 12)
    )
    assert all(other == one for other in others)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer", ["randomsearch", "qmc", Hyperband(2, 1, 4, RandomSearch())], ids=name_of
)
@pytest.mark.parametrize("crash_after", [3, 9])
def test_a_resumed_search_goes_on_in_the_same_sequence(optimizer, crash_after):
    def search(recorded=(), **options):
        """With an initial trial, as the policy hands it out."""
        made = started(optimizer, TEN, 30)
        ask, given = made.get_suggestion, []

        def suggest(trial):
            if given or any(
                "initial" in record.info_dict
                for record in recorded
                if made.name() != "RandomSearch"
            ):
                return ask(trial)
            given.append(made.initial_trial({"a": 2, "b": "y"}))
            given[0].info_dict["initial"] = 0
            return given[0]

        return Drive(
            made,
            suggest,
            lambda trial: objective(trial.params),
            final_store=made.final_store,
            trial_store=made.trial_store,
            recorded=recorded,
            **options,
        )

    whole = search()
    records = [Trial.from_json(trial.to_json()) for trial in search(crash_after=crash_after).ended]
    assert [trial.params for trial in search(recorded=records).ended] == [
        trial.params for trial in whole.ended
    ]
    assert len(set(configurations(whole.ended)[:10])) == 10


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["asha", "tpe", "cmaes", "nsgaii"])
def test_what_is_recorded_is_not_tried_again(optimizer):
    half = drive(started(optimizer, TEN, 30), crash_after=6)
    records = [Trial.from_json(trial.to_json()) for trial in half.ended]
    again = drive(started(optimizer, TEN, 30), recorded=records)
    assert len(set(configurations(again.ended)[:10])) == 10


def test_asha_goes_on_drawing_where_the_drawing_ended():
    whole = drive(started(Asha(), TEN, 30)).params
    half = drive(started(Asha(), TEN, 30), crash_after=7)
    records = [Trial.from_json(trial.to_json()) for trial in half.ended]
    assert drive(started(Asha(), TEN, 30), recorded=records).params == whole[7:]


def test_promotions_run_a_configuration_again():
    suggested = drive(started(Asha(), TEN, 20)).suggested
    assert any(trial.info_dict["rung"] for trial in suggested)


def test_grid_search_drops_values_that_were_listed_twice():
    space = Searchspace(
        a=("DISCRETE", [1, 2, 1, 1.0]),
        b=("CATEGORICAL", [[1, 2], [1, 2], True]),
        c=("CONSTANT", [0]),
    )
    optimizer = started(GridSearch(), space, None)
    tried = drive(optimizer).params
    assert (
        len({json.dumps(params) for params in tried}) == len(tried) == optimizer.total_trials() == 6
    )


def test_an_initial_trial_on_a_grid_takes_away_only_its_own_value():
    optimizer = started(GridSearch(), Searchspace(a=("CATEGORICAL", [1, True])), None)
    optimizer.initial_trial({"a": 1})
    assert [params["a"] for params in drive(optimizer).params] == [True]


def test_what_is_left_can_be_pickled_at_any_time():
    optimizer = started("randomsearch", TEN, 12)
    for _ in range(9):
        optimizer.get_suggestion()
    copy = pickle.loads(pickle.dumps(optimizer))
    assert drive(copy).params == drive(optimizer).params
