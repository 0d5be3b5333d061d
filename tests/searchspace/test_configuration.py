"""Steps, constants and conditions of a search space."""

from __future__ import annotations

import copy
import json
import math
import pickle

import pytest
from helpers.spaces import conditional_spaces
from hypothesis import given
from hypothesis import strategies as st

from maggy.common.exceptions import BadArgumentsError
from maggy.searchspace import Searchspace
from maggy.testing.spaces import conditional_space

# Steps


def test_a_step_gives_only_values_on_it():
    space = Searchspace(
        x=("DOUBLE", [0, 1], {"step": 0.1}), n=("INTEGER", [8, 60], {"step": 16})
    ).seeded(1)
    draws = space.get_random_parameter_values(500)
    assert sorted({params["x"] for params in draws}) == [
        0.0,
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
        0.8,
        0.9,
        1.0,
    ]
    assert sorted({params["n"] for params in draws}) == [8, 24, 40, 56]
    assert {type(params["x"]) for params in draws} == {float}


def test_stepped_values_have_their_place_on_the_scale():
    space = Searchspace(x=("DOUBLE", [0, 1], {"step": 0.25}), n=("INTEGER", [8, 60], {"step": 16}))
    assert space.transform([0.5, 56]) == [0.5, 1.0]
    assert space.inverse_transform([0.6, 0.4]) == [0.5, 24]


def test_a_value_between_two_steps_is_refused():
    space = Searchspace(x=("DOUBLE", [0, 1], {"step": 0.1}), n=("INTEGER", [8, 60], {"step": 16}))
    for params in ([0.15, 8], [0.1, 9]):
        with pytest.raises(BadArgumentsError, match="in steps of"):
            space.transform(params)
    assert space.checked({"x": 0.1 + 0.2, "n": 24.0}) == {"x": 0.3, "n": 24}


@pytest.mark.parametrize("kind", ["DOUBLE", "INTEGER"])
@pytest.mark.parametrize("step", [0, -1, math.nan, math.inf, "1", True, [1], 11])
def test_a_step_is_a_number_above_zero_and_not_larger_than_the_region(kind, step):
    with pytest.raises(BadArgumentsError, match="The step of x must"):
        Searchspace(x=(kind, [0, 10], {"step": step}))


def test_a_step_of_an_integer_is_an_integer_and_one_of_a_double_not_too_fine():
    with pytest.raises(BadArgumentsError, match="The step of x must be an integer"):
        Searchspace(x=("INTEGER", [0, 10], {"step": 0.5}))
    with pytest.raises(BadArgumentsError, match="too small"):
        Searchspace(x=("DOUBLE", [-1.7e308, 1.7e308], {"step": 1e-300}))


def test_a_log_scale_has_no_steps_and_lists_have_neither():
    with pytest.raises(BadArgumentsError, match="A log scale has no steps"):
        Searchspace(x=("DOUBLE", [1, 10], {"log": True, "step": 1}))
    with pytest.raises(
        BadArgumentsError, match="Only DOUBLE and INTEGER hyperparameters can have a step"
    ):
        Searchspace(x=("DISCRETE", [1, 10], {"step": 1}))


@given(st.integers(-1000, 1000), st.integers(1, 1000), st.integers(1, 50), st.data())
def test_stepped_values_come_back_exactly(low, steps, step, data):
    number = data.draw(st.integers(0, steps))
    space = Searchspace(
        n=("INTEGER", [low, low + steps * step], {"step": step}),
        x=("DOUBLE", [low / 10, (low + steps * step) / 10], {"step": step / 10}),
    )
    n = low + number * step
    params = space.checked({"n": n, "x": n / 10})
    assert params == {"n": n, "x": n / 10}
    assert space.inverse_transform(space.transform(params)) == params


# Constants


def test_a_constant_is_in_every_trial():
    space = Searchspace(epochs=("CONSTANT", [5]), x=("DISCRETE", [1, 2]))
    assert {params["epochs"] for params in space.get_random_parameter_values(20)} == {5}
    assert space.checked({"x": 1}) == {"epochs": 5, "x": 1}
    assert space.transform({"epochs": 5, "x": 2}) == {"epochs": 0.0, "x": 1.0}
    with pytest.raises(BadArgumentsError, match="epochs must be one of"):
        space.checked({"epochs": 6, "x": 1})


def test_a_constant_has_one_value():
    with pytest.raises(BadArgumentsError, match="CONSTANT hyperparameter has one value"):
        Searchspace(x=("CONSTANT", [1, 2]))


# Conditions


def test_a_parameter_exists_only_when_its_condition_holds():
    draws = conditional_space(3).get_random_parameter_values(300)
    for params in draws:
        assert ("momentum" in params) == (params["algorithm"] == "sgd")
        assert ("decay" in params) == (params["algorithm"] != "none")
        assert ("lookahead" in params) == (params.get("nesterov") == 1)
    assert len({tuple(params) for params in draws}) == 4


def test_conditional_configurations_have_places():
    space = conditional_space(3)
    for params in space.get_random_parameter_values(50):
        assert space.inverse_transform(space.transform(params)) == pytest.approx(params)
        values = [params.get(name) for name in space.names()]
        places = space.transform(values)
        assert [place is None for place in places] == [value is None for value in values]
        assert space.inverse_transform(places) == pytest.approx(values)


def test_the_place_of_a_parameter_that_does_not_exist_is_ignored():
    space = Searchspace(a=("CATEGORICAL", ["x", "y"]), b=("DOUBLE", [0, 1], {"when": {"a": "y"}}))
    assert space.inverse_transform({"a": 0, "b": 0.5}) == {"a": "x"}
    assert space.inverse_transform([0, 0.5]) == ["x", None]
    assert space.inverse_transform({"a": 1, "b": 0.5}) == {"a": "y", "b": 0.5}


def test_a_configuration_names_exactly_the_parameters_that_exist():
    space = Searchspace(a=("CATEGORICAL", ["x", "y"]), b=("DOUBLE", [0, 1], {"when": {"a": "y"}}))
    assert space.checked({"a": "x"}) == {"a": "x"}
    with pytest.raises(BadArgumentsError, match=r"got 'b': it exists only when \{'a': \['y'\]\}"):
        space.checked({"a": "x", "b": 0.5})
    with pytest.raises(BadArgumentsError, match="b is missing"):
        space.checked({"a": "y"})
    with pytest.raises(BadArgumentsError, match=r"got 'c'.*no such one"):
        space.checked({"a": "x", "c": 1})
    with pytest.raises(BadArgumentsError, match="must be a dict"):
        space.checked(["x"])


def test_all_conditions_must_hold():
    space = Searchspace(
        a=("DISCRETE", [0, 1]),
        b=("DISCRETE", [0, 1]),
        c=("CONSTANT", [1], {"when": {"a": 1, "b": [1]}}),
    ).seeded(1)
    assert all(("c" in p) == (p["a"] == p["b"] == 1) for p in space.get_random_parameter_values(50))


def test_a_condition_names_a_parameter_that_was_added_before():
    with pytest.raises(
        BadArgumentsError, match=r"depends on 'aa', which must have been added before.*mean 'a'"
    ):
        Searchspace(a=("DISCRETE", [0, 1]), b=("DISCRETE", [0], {"when": {"aa": 1}}))
    with pytest.raises(BadArgumentsError, match="must have been added before"):
        Searchspace(b=("DISCRETE", [0], {"when": {"b": 0}}))


def test_a_condition_can_hold():
    with pytest.raises(BadArgumentsError, match=r"a must be one of \[0, 1\], but got 2"):
        Searchspace(a=("DISCRETE", [0, 1]), b=("DISCRETE", [0], {"when": {"a": [1, 2]}}))
    with pytest.raises(BadArgumentsError, match="countable values"):
        Searchspace(a=("DOUBLE", [0, 1]), b=("DISCRETE", [0], {"when": {"a": 0.5}}))


@pytest.mark.parametrize("when", ["a", ["a"], {1: 2}, {"a": []}, {"a": {1}}])
def test_a_condition_is_a_dict_of_values(when):
    with pytest.raises(BadArgumentsError, match=r"The (option when|values) of b must be"):
        Searchspace(a=("DISCRETE", [0, 1]), b=("DISCRETE", [0], {"when": when}))


@pytest.mark.parametrize("option", [{"steps": 1}, {"log": 1}, {3: 1}, 5, None])
def test_an_unknown_option_is_refused(option):
    with pytest.raises(BadArgumentsError, match=r"^Hyperparameter tuple has to be of length two"):
        Searchspace(x=("DOUBLE", [1, 2], option))


# Dicts and JSON


def test_a_space_is_made_from_its_dict_and_its_json():
    space = conditional_space()
    for again in (
        Searchspace.from_dict(space.to_dict()),
        Searchspace.from_json(space.json()),
        Searchspace.from_dict(json.loads(space.json())),
        eval(repr(space)),
        copy.deepcopy(space),
        pickle.loads(pickle.dumps(space)),
    ):
        assert again == space
        assert list(again) == list(space)
    assert json.loads(json.dumps(list(space))) == list(space)


@given(conditional_spaces(), st.integers())
def test_any_space_and_configuration_comes_back_from_its_text(space, seed):
    for again in (
        Searchspace(**space.to_dict()),
        Searchspace.from_dict(json.loads(space.json())),
        Searchspace.from_json(space.json()),
        eval(repr(space)),
    ):
        assert again == space
        assert list(again) == list(space)
        draws = space.seeded(seed).get_random_parameter_values(5)
        assert again.seeded(seed).get_random_parameter_values(5) == draws
    for params in draws:
        assert space.checked(json.loads(json.dumps(params))) == params
        places = space.transform(params)
        back = space.inverse_transform(places)
        assert list(back) == list(params)
        for name, kind in space.names().items():
            if name in params and kind != "DOUBLE":
                assert back[name] == params[name]
            elif name in params:
                assert back[name] == pytest.approx(params[name])
        in_order = space.transform([params.get(name) for name in space.names()])
        assert in_order == [places.get(name) for name in space.names()]


@pytest.mark.parametrize("text", ["", "[1]", "{", None, 5, '{"x": 1}', "null"])
def test_a_text_that_is_not_the_json_of_a_space_is_refused(text):
    with pytest.raises(BadArgumentsError):
        Searchspace.from_json(text)


def test_iteration_yields_the_options_that_are_set():
    space = Searchspace(a=("DISCRETE", [1]), b=("DOUBLE", [0, 1], {"step": 0.5, "when": {"a": 1}}))
    assert list(space)[1] == {
        "name": "b",
        "type": "DOUBLE",
        "values": [0, 1],
        "step": 0.5,
        "when": {"a": [1]},
    }


def test_a_seed_for_others_comes_from_the_spaces_own():
    space = Searchspace(x=("DOUBLE", [0, 1]))
    assert space.seeded(1).draw_seed() == space.seeded(1).draw_seed() != space.seeded(2).draw_seed()
    assert 0 <= space.draw_seed() < 2**32
