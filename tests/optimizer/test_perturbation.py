"""Exploring: near the configuration, inside the space, and never where it was without need."""

from random import Random

import pytest

from maggy.optimizer.perturbation import perturb
from maggy.searchspace import Searchspace
from maggy.searchspace.parameter import parse_parameters


def neighbours(space, params, resample_probability=0.0, count=40):
    parameters = parse_parameters(space.to_dict())
    return [
        perturb(parameters, params, Random(seed), resample_probability) for seed in range(count)
    ]


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        (("DOUBLE", [1e-5, 1.0], "log"), 0.01, {0.008, 0.012}),
        (("DOUBLE", [1.0, 10.0]), 5.0, {4.0, 6.0}),
        (("DOUBLE", [0.0, 1.0]), 0.0, {0.0, 0.1}),
        (("DOUBLE", [-1.0, 1.0]), 0.0, {-0.2, 0.2}),
        (("DOUBLE", [1e-5, 1.0], "log"), 1.0, {0.8, 1.0}),
        (("INTEGER", [1, 100]), 50, {40, 60}),
        (("INTEGER", [1, 100]), 2, {1, 3}),
        (("INTEGER", [1, 100]), 1, {1, 2}),
        (("DOUBLE", [0.1, 1.0], {"step": 0.1}), 0.3, {0.2, 0.4}),
        (("DISCRETE", [16, 32, 64]), 32, {16, 64}),
        (("DISCRETE", [16, 32, 64]), 64, {32, 64}),
        (("CATEGORICAL", ["a", "b"]), "a", {"a"}),
        (("CONSTANT", [3]), 3, {3}),
    ],
    ids=str,
)
def test_a_value_moves_a_little(spec, value, expected):
    values = {params["x"] for params in neighbours(Searchspace(x=spec), {"x": value})}
    assert sorted(values) == pytest.approx(sorted(expected)) if value != "a" else values == expected


def test_a_value_is_drawn_anew_with_the_probability():
    space = Searchspace(x=("CATEGORICAL", list("abcdefgh")))
    assert len({params["x"] for params in neighbours(space, {"x": "a"}, 1.0)}) > 4
    moves = [params["x"] != "a" for params in neighbours(space, {"x": "a"}, 0.25, count=1000)]
    assert 0.15 < sum(moves) / len(moves) < 0.3


def test_a_parameter_that_begins_to_exist_is_drawn_and_one_that_ends_is_left_out():
    space = Searchspace(
        kind=("DISCRETE", [1, 2]),
        depth=("INTEGER", [1, 9], {"when": {"kind": [1]}}),
        width=("INTEGER", [10, 90], {"when": {"kind": [2]}}),
    )
    for params in neighbours(space, {"kind": 1, "depth": 5}):
        assert space.checked(params) == params
        assert ("depth" in params) != ("width" in params)


def test_the_same_generator_gives_the_same_configuration():
    space = Searchspace(x=("DOUBLE", [0, 1]), y=("INTEGER", [1, 9]))
    assert neighbours(space, {"x": 0.5, "y": 3}) == neighbours(space, {"x": 0.5, "y": 3})


def test_a_value_moves_by_a_tenth_of_a_range_that_is_too_wide_for_a_float():
    space = Searchspace(x=("DOUBLE", [-1e308, 1e308]))
    values = {params["x"] for params in neighbours(space, {"x": 0.0})}
    assert sorted(values) == pytest.approx([-2e307, 2e307])
