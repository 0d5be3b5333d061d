"""Any sampler of Optuna: the trials that it gets, and the values that it sees."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings

import optuna
import pytest
from helpers.spaces import conditional_spaces, spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import OptunaSearch, resolve_optimizer
from maggy.optuna_bridge.space import OptunaSpace
from maggy.searchspace import Searchspace
from maggy.testing.spaces import conditional_space, experiment_space

pytestmark = pytest.mark.slow


class Spy(optuna.samplers.RandomSampler):
    """Keeps the trials that the study holds at the last suggestion."""

    trials_of_study = None

    def sample_independent(self, study, trial, name, distribution):
        Spy.trials_of_study = study.get_trials(deepcopy=True)
        return super().sample_independent(study, trial, name, distribution)


def prepare(sampler, space, direction="max", num_trials=20):
    optimizer = resolve_optimizer(sampler)
    optimizer.num_trials, optimizer.searchspace, optimizer.direction = (
        num_trials,
        space.seeded(1),
        direction,
    )
    optimizer.trial_store, optimizer.final_store = {}, []
    optimizer.initialize()
    return optimizer


def run(optimizer, metric, points=(), early_stop=False):
    """Run one trial, from its suggestion to its end."""
    trial = optimizer.get_suggestion()
    for step, value in points:
        trial.append_metric({"step": step, "value": value})
    if metric is not None:
        trial.final_metric, trial.early_stop = metric, early_stop
        optimizer.final_store.append(trial)
    return trial


SPACE = Searchspace(x=("DOUBLE", [0, 1]), y=("INTEGER", [1, 9]))


def trials_in_study(sampler, optimizer):
    running = optimizer.get_suggestion()
    optimizer.trial_store[running.trial_id] = running
    optimizer.get_suggestion()
    return Spy.trials_of_study


def test_the_study_gets_metrics_and_reported_values_and_knows_running_trials():
    sampler = Spy(seed=1)
    optimizer = prepare(sampler, SPACE, "min")
    first = run(optimizer, 0.5, [(0, 0.9), (1, 0.6)])
    run(optimizer, None, [(0, 0.7)])
    trials_of_study = trials_in_study(sampler, optimizer)
    assert [trial.state.name for trial in trials_of_study[:3]] == ["COMPLETE", "FAIL", "RUNNING"]
    assert trials_of_study[0].value == 0.5
    assert trials_of_study[0].params == first.params
    assert trials_of_study[0].intermediate_values == {0: 0.9, 1: 0.6}
    assert trials_of_study[1].intermediate_values == {0: 0.7}


def test_the_metric_changes_its_sign_for_max():
    optimizer = prepare(Spy(seed=1), SPACE, "max")
    run(optimizer, 0.5, [(0, 0.9)])
    trials_of_study = trials_in_study(None, optimizer)
    assert (trials_of_study[0].value, trials_of_study[0].intermediate_values) == (-0.5, {0: -0.9})


def test_a_stopped_trial_is_pruned_for_tpe_and_complete_for_the_others():
    for sampler, state in (
        (optuna.samplers.TPESampler(seed=1), "PRUNED"),
        (Spy(seed=1), "COMPLETE"),
    ):
        optimizer = prepare(sampler, SPACE)
        run(optimizer, 0.5, [(0, 0.9)], early_stop=True)
        optimizer.get_suggestion()
        assert optimizer._study.trials[0].state.name == state


def test_a_resumed_sampler_knows_the_recorded_trials():
    optimizer = prepare(Spy(seed=1), SPACE, "min")
    records = [run(optimizer, 0.5, [(0, 0.9)]), run(optimizer, None)]
    again = prepare(Spy(seed=1), SPACE, "min", num_trials=3)
    assert again.restore(records)
    assert again.get_suggestion() is not None
    assert again.get_suggestion() is None
    assert [(trial.state.name, trial.value, trial.params) for trial in Spy.trials_of_study[:2]] == [
        ("COMPLETE", 0.5, records[0].params),
        ("FAIL", None, records[1].params),
    ]
    assert Spy.trials_of_study[0].intermediate_values == {0: 0.9}


@pytest.mark.parametrize(
    "sampler", ["tpe", "cmaes", "nsgaii", optuna.samplers.RandomSampler(seed=1)]
)
def test_a_resumed_sampler_does_not_draw_the_same_again(sampler):
    records = [run(optimizer, 0.5) for optimizer in [prepare(sampler, SPACE)] for _ in range(5)]
    again = prepare(sampler, SPACE)
    again.restore(records)
    draws = [run(again, 0.5).params["x"] for _ in range(5)]
    assert not {trial.params["x"] for trial in records} & set(draws)


def test_the_users_sampler_is_not_changed():
    sampler = optuna.samplers.TPESampler(seed=4)
    first = prepare(sampler, SPACE).get_suggestion().params
    assert prepare(sampler, SPACE).get_suggestion().params == first


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name_of_sampler", ["tpe", "cmaes", "nsgaii", "qmc"])
def test_with_one_worker_the_suggestions_are_exactly_those_of_optuna_alone(name_of_sampler):
    space = Searchspace(
        x=("DOUBLE", [-1, 1]), y=("DOUBLE", [1e-3, 1], "log"), n=("INTEGER", [1, 9])
    )
    seed = space.seeded(1).draw_seed()
    samplers = {
        "tpe": optuna.samplers.TPESampler(seed=seed),
        "cmaes": optuna.samplers.CmaEsSampler(seed=seed),
        "nsgaii": optuna.samplers.NSGAIISampler(seed=seed, population_size=8),
        "qmc": optuna.samplers.QMCSampler(seed=seed, scramble=True),
    }

    def metric(params):
        return params["x"] ** 2 + params["y"] + params["n"]

    def objective(trial):
        params = {
            "x": trial.suggest_float("x", -1, 1),
            "y": trial.suggest_float("y", 1e-3, 1, log=True),
            "n": trial.suggest_int("n", 1, 9),
        }
        return metric(params)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=samplers[name_of_sampler])
    study.optimize(objective, n_trials=30)
    optimizer = prepare(name_of_sampler, space, "min", 30)
    ours = []
    for _ in range(30):
        trial = optimizer.get_suggestion()
        trial.final_metric = metric(trial.params)
        optimizer.final_store.append(trial)
        ours.append(trial.params)
    assert ours == [trial.params for trial in study.trials]


class Fixed:
    """Stands for an optuna.Trial that suggests fixed values."""

    def __init__(self, params):
        self.params = params

    def suggest_float(self, name, low, high, *, log=False, step=None):
        assert low <= self.params[name] <= high
        return self.params[name]

    def suggest_int(self, name, low, high, *, log=False, step=1):
        assert low <= self.params[name] <= high
        return self.params[name]

    def suggest_categorical(self, name, choices):
        assert self.params[name] in choices
        return self.params[name]


@settings(deadline=None)
@given(spaces, st.integers(), st.booleans())
def test_every_configuration_survives_encoding_exactly(space, seed, by_value):
    params = space.seeded(seed).get_random_parameter_values(1)[0]
    optuna_space = OptunaSpace(space, by_value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoded, distributions = optuna_space.encode(params), optuna_space.distributions(params)
    again = optuna_space.suggest(Fixed(encoded))
    for name, (kind, values, *_) in space.to_dict().items():
        if kind in ("DISCRETE", "CATEGORICAL") or (
            kind == "INTEGER" and max(map(abs, values)) < 2**53
        ):
            assert again[name] == params[name]
        assert type(again[name]) is type(params[name])
    assert set(encoded) == set(distributions)
    assert all(
        distributions[name]._contains(distributions[name].to_internal_repr(v))
        for name, v in encoded.items()
    )


def test_a_space_knows_whether_it_has_conditions():
    assert OptunaSpace(conditional_space(5)).has_conditions
    assert not OptunaSpace(experiment_space()).has_conditions


@settings(deadline=None)
@given(conditional_spaces(), st.integers(), st.booleans())
def test_conditional_configurations_survive_encoding_exactly(space, seed, by_value):
    optuna_space = OptunaSpace(space, by_value)
    for params in space.seeded(seed).get_random_parameter_values(5):
        assert optuna_space.suggest(Fixed(optuna_space.encode(params))) == params


def test_optuna_sees_the_scale_and_the_order_of_values():
    space = Searchspace(
        rate=("DOUBLE", [1e-4, 1.0], "log"),
        units=("INTEGER", [1, 100], "log"),
        size=("DISCRETE", [8, 2, 4]),
        kind=("CATEGORICAL", [[1], [2]]),
        name=("CATEGORICAL", ["a", None, 1.5]),
        same=("CATEGORICAL", [1, True]),
        one=("DISCRETE", [5]),
        step=("DOUBLE", [0, 1], {"step": 0.25}),
    )
    params = {
        "rate": 0.1,
        "units": 5,
        "size": 4,
        "kind": [2],
        "name": None,
        "same": True,
        "one": 5,
        "step": 0.5,
    }
    optuna_space = OptunaSpace(space)
    assert optuna_space.encode(params) == {
        "rate": 0.1,
        "units": 5,
        "size": 1,
        "kind": 1,
        "name": None,
        "same": 1,
        "step": 2,
    }
    assert optuna_space.suggest(Fixed(optuna_space.encode(params))) == params
    floats, ints = optuna.distributions.FloatDistribution, optuna.distributions.IntDistribution
    choices = optuna.distributions.CategoricalDistribution
    assert optuna_space.distributions(params) == {
        "rate": floats(1e-4, 1.0, log=True),
        "units": ints(1, 100, log=True),
        "size": ints(0, 2),
        "kind": choices([0, 1]),
        "name": choices(["a", None, 1.5]),
        "same": choices([0, 1]),
        "step": ints(0, 4),
    }


@pytest.mark.parametrize("by_value", [False, True])
def test_suggestions_and_records_have_the_same_distributions(by_value):
    for space in (experiment_space(3), conditional_space(3)):
        optuna_space, study = OptunaSpace(space, by_value), optuna.create_study()
        for _ in range(10):
            optuna_trial = study.ask()
            params = optuna_space.suggest(optuna_trial)
            assert optuna_trial.distributions == optuna_space.distributions(params)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_with_fixed_values_sees_values():
    space = Searchspace(
        size=("DISCRETE", [8, 2, 4]),
        n=("INTEGER", [1, 8], {"step": 3}),
        x=("DOUBLE", [0.1, 1.0], {"step": 0.2}),
    )
    params = {"size": 2, "n": 4, "x": 0.3}
    optuna_space = OptunaSpace(space, by_value=True)
    assert optuna_space.encode(params) == params
    assert optuna_space.distributions(params) == {
        "size": optuna.distributions.CategoricalDistribution([8, 2, 4]),
        "n": optuna.distributions.IntDistribution(1, 7, step=3),
        "x": optuna.distributions.FloatDistribution(0.1, 0.9, step=0.2),
    }
    base = optuna.samplers.RandomSampler(seed=1)
    optimizer = prepare(optuna.samplers.PartialFixedSampler({"size": 2, "n": 4}, base), space)
    draws = [optimizer.get_suggestion().params for _ in range(20)]
    assert {(configuration["size"], configuration["n"]) for configuration in draws} == {(2, 4)}
    assert {configuration["x"] for configuration in draws} == {0.1, 0.3, 0.5, 0.7, 0.9}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    "make",
    [
        lambda: optuna.samplers.BruteForceSampler(seed=1),
        lambda: optuna.samplers.GridSampler({"kind": ["a", "b"], "size": [2, 4, 8]}, seed=1),
    ],
)
def test_a_sampler_that_ends_its_study_ends_the_search(make):
    space = Searchspace(kind=("CATEGORICAL", ["a", "b"]), size=("DISCRETE", [8, 2, 4]))
    optimizer = prepare(make(), space)
    finished_runs = [run(optimizer, 1.0).params for _ in range(6)]
    assert {tuple(params.values()) for params in finished_runs} == {
        (kind, size) for kind in "ab" for size in (2, 4, 8)
    }
    assert [optimizer.get_suggestion() for _ in range(2)] == [None, None]
    pickle.loads(pickle.dumps(optimizer))


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_resumed_sequence_of_a_users_own_sampler_continues():
    space = Searchspace(x=("DOUBLE", [0, 1]), y=("DOUBLE", [0, 1]))

    def run_many(optimizer, count):
        return [run(optimizer, 1.0) for _ in range(count)]

    whole = run_many(prepare(optuna.samplers.QMCSampler(seed=1), space), 20)
    again = prepare(optuna.samplers.QMCSampler(seed=1), space)
    assert again.restore(whole[:12])
    assert [trial.params for trial in run_many(again, 8)] == [trial.params for trial in whole[12:]]
    assert again.get_suggestion() is None


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (("DOUBLE", [0, 1]), "x must be a number from 0 to 1, but got 7"),
        (("INTEGER", [0, 5]), "x must be an integer from 0 to 5, but got 7"),
        (
            ("INTEGER", [0, 8], {"step": 2}),
            "x must be an integer from 0 to 8 in steps of 2, but got 7",
        ),
    ],
)
def test_a_fixed_value_outside_the_space_is_refused(kind, rule):
    base = optuna.samplers.RandomSampler(seed=1)
    for sampler in (
        optuna.samplers.GridSampler({"x": [7]}),
        optuna.samplers.PartialFixedSampler({"x": 7}, base),
    ):
        with pytest.raises(BadArgumentsError, match=rule):
            prepare(sampler, Searchspace(x=kind)).get_suggestion()


def test_an_initial_trial_on_a_grid_does_not_end_the_search():
    optimizer = prepare(
        optuna.samplers.GridSampler({"size": [2, 4]}), Searchspace(size=("DISCRETE", [2, 4]))
    )
    initial = optimizer.initial_trial({"size": 2})
    initial.info_dict["initial"] = 0  # as the driver does
    optimizer.trial_store[initial.trial_id] = initial
    assert {run(optimizer, 1.0).params["size"] for _ in range(2)} == {2, 4}


def test_optuna_prints_nothing_and_its_verbosity_stays(capfd):
    optuna.logging.set_verbosity(optuna.logging.INFO)
    optimizer = prepare("cmaes", experiment_space())
    for _ in range(5):
        run(optimizer, 1.0)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


def test_anything_but_a_sampler_is_refused():
    with pytest.raises(BadArgumentsError, match="BaseSampler"):
        OptunaSearch(3)


def test_importing_maggy_and_its_optimizers_does_not_load_optuna():
    code = (
        "import sys, maggy, maggy.optimizer.bayes, maggy.earlystop, maggy.experiment; "
        "print('optuna' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "False"
