"""Grid search tries every combination once."""

from __future__ import annotations

import itertools

import pytest

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import GridSearch
from maggy.searchspace import Searchspace
from maggy.searchspace.configuration import exists
from maggy.searchspace.parameter import parse_parameters
from maggy.testing import OptimizerContract
from maggy.testing.spaces import conditional_space


class TestGridSearch(OptimizerContract):
    uses_seed = False
    num_trials = 40

    def make(self):
        return GridSearch(points=3)

    def make_space(self, seed=7):
        return Searchspace(
            kernel=("INTEGER", [2, 8]),
            rate=("DOUBLE", [1e-4, 1e-1], "log"),
            size=("DISCRETE", [1, 2, 4, 8, 16]),
        ).seeded(seed)


TestGridSearch.test_it_survives_equal_suggestions_and_equal_metrics = (
    None  # a grid has no equal ones
)


def grid(optimizer, num_trials=None, initial=(), **parameters):
    optimizer.num_trials, optimizer.searchspace, optimizer.direction = (
        num_trials,
        Searchspace(**parameters),
        "max",
    )
    optimizer.trial_store, optimizer.final_store = {}, []
    optimizer.initialize()
    suggestions = [optimizer.initial_trial(params).params for params in initial]
    while (trial := optimizer.get_suggestion()) is not None:
        suggestions.append(trial.params)
    return suggestions


def test_every_combination_is_tried_once_and_the_last_parameter_changes_fastest():
    assert [
        tuple(p.values())
        for p in grid(GridSearch(), a=("DISCRETE", [1, 2]), b=("CATEGORICAL", ["x", "y"]))
    ] == [
        (1, "x"),
        (1, "y"),
        (2, "x"),
        (2, "y"),
    ]


def test_points_are_even_on_the_scale_and_include_both_ends():
    assert [p["x"] for p in grid(GridSearch(points=5), x=("DOUBLE", [0, 1]))] == [
        0.0,
        0.25,
        0.5,
        0.75,
        1.0,
    ]
    logs = [p["x"] for p in grid(GridSearch(points={"x": 4}), x=("DOUBLE", [1e-3, 1.0], "log"))]
    assert logs == pytest.approx([1e-3, 1e-2, 1e-1, 1.0])
    assert [p["n"] for p in grid(GridSearch(points=3), n=("INTEGER", [1, 9]))] == [1, 5, 9]
    assert [p["n"] for p in grid(GridSearch(points=9), n=("INTEGER", [1, 3]))] == [1, 2, 3]
    assert [p["n"] for p in grid(GridSearch(points=5), n=("INTEGER", [1, 1000], "log"))] == [
        1,
        6,
        32,
        178,
        1000,
    ]


def test_one_point_is_the_middle():
    assert grid(GridSearch(points=1), x=("DOUBLE", [0, 1])) == [{"x": 0.5}]


def test_steps_need_no_points():
    values = [p["x"] for p in grid(GridSearch(), x=("DOUBLE", [0, 0.35], {"step": 0.1}))]
    assert values == [0.0, 0.1, 0.2, 0.3]
    assert [p["n"] for p in grid(GridSearch(), n=("INTEGER", [8, 64], {"step": 16}))] == [
        8,
        24,
        40,
        56,
    ]


@pytest.mark.parametrize("kind", ["DOUBLE", "INTEGER"])
def test_a_range_without_points_is_refused_with_the_remedy(kind):
    with pytest.raises(
        BadArgumentsError,
        match=rf"points for lr, which is {kind}.*GridSearch\(points=\{{'lr': 5\}}\)",
    ):
        grid(GridSearch(points={"other": 2}), lr=(kind, [1, 9]), other=("DOUBLE", [0, 1]))


def test_points_for_an_unknown_parameter_are_refused():
    with pytest.raises(BadArgumentsError, match=r"rat.*mean 'rate'"):
        grid(GridSearch(points={"rat": 2}), rate=("DOUBLE", [0, 1]))


@pytest.mark.parametrize("points", [0, -1, 2.5, "3", {"x": 0}, True])
def test_points_must_be_whole_numbers(points):
    with pytest.raises(BadArgumentsError, match="points must be a whole number"):
        GridSearch(points)


@pytest.mark.parametrize("space", [None, Searchspace()])
def test_it_needs_a_space_with_a_parameter(space):
    optimizer = GridSearch()
    optimizer.num_trials, optimizer.searchspace = None, space
    with pytest.raises(BadArgumentsError, match="hyperparameter"):
        optimizer.initialize()


def test_fewer_trials_end_the_grid_early():
    assert (
        len(grid(GridSearch(), num_trials=3, a=("DISCRETE", [1, 2]), b=("DISCRETE", [1, 2]))) == 3
    )


def test_conditional_parameters_are_combined_only_if_they_exist():
    optimizer = GridSearch(points=2)
    optimizer.searchspace, optimizer.num_trials = conditional_space(), None
    optimizer.initialize()
    suggestions = []
    while (trial := optimizer.get_suggestion()) is not None:
        suggestions.append(trial.params)
    units = 2
    sgd_without, sgd_with, adam, none = 2 * 2 * units, 2 * 2 * units * 2, 2 * units, units
    assert len(suggestions) == sgd_without + sgd_with + adam + none == optimizer.total_trials()
    assert len({str(params) for params in suggestions}) == len(suggestions)
    assert all(params == conditional_space().checked(params) for params in suggestions)


def test_combinations_that_do_not_exist_are_skipped_at_once(monkeypatch):
    branches = {f"p{i}": ("DISCRETE", list(range(10)), {"when": {"kind": "b"}}) for i in range(9)}
    optimizer, positions = GridSearch(), []
    monkeypatch.setattr(
        GridSearch,
        "_combination",
        lambda self, place, look=GridSearch._combination: positions.append(1) or look(self, place),
    )
    optimizer.searchspace, optimizer.num_trials = (
        Searchspace(kind=("CATEGORICAL", ["a", "b"]), **branches),
        3,
    )
    assert optimizer.total_trials() == 3
    optimizer.initialize()
    assert [optimizer.get_suggestion().params["kind"] for _ in range(3)] == ["a", "b", "b"]
    assert len(positions) < 50


def test_the_combinations_are_those_of_the_whole_product():
    space = conditional_space()
    suggestions = grid(GridSearch(points=3), **space.to_dict())
    parameters = parse_parameters(space.to_dict())
    values = {name: parameter.grid(3) for name, parameter in parameters.items()}
    expected = []
    for combination in itertools.product(*values.values()):
        params = {}
        for name, value in zip(values, combination, strict=True):
            if exists(parameters[name], params, parameters):
                params[name] = value
        if params not in expected:
            expected.append(params)
    assert suggestions == expected


def test_an_initial_trial_that_is_on_the_grid_is_not_tried_again():
    suggestions = grid(GridSearch(), initial=[{"a": 2}], a=("DISCRETE", [1, 2, 3]))
    assert [params["a"] for params in suggestions] == [2, 1, 3]
