"""One hyperparameter of a search space: how it is written, when it is refused, and its scale."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.spaces import conditional_spaces, doubles, integers, parameters, spaces
from hypothesis import given
from hypothesis import strategies as st

from maggy.common.exceptions import BadArgumentsError, SearchspaceBoundsError
from maggy.searchspace import Searchspace
from maggy.searchspace.parameter import Parameter, parse_parameters


@pytest.mark.parametrize(
    "value",
    [
        5,
        None,
        "DOUBLE",
        (),
        ("DOUBLE",),
        ("DOUBLE", [0, 1], "log", 1),
        ("DOUBLE", [0, 1], "lag"),
        ("DOUBLE", 0, 1),
        ("DOUBLE", 3),
        ("CATEGORICAL", "relu"),
        ("CATEGORICAL", {"relu", "gelu"}),
        ("CATEGORICAL", {"relu": 1}),
    ],
)
def test_a_value_is_a_type_and_a_list(value):
    with pytest.raises(
        ValueError,
        match=r"^Hyperparameter tuple has to be of length two and format \(type, list\): x",
    ):
        Searchspace(x=value)


@pytest.mark.parametrize("kind", ["FLOAT", "", 3, None])
def test_there_are_four_types(kind):
    with pytest.raises(
        ValueError,
        match=r"^Hyperparameter type is not of type DOUBLE, INTEGER, DISCRETE or CATEGORICAL: x",
    ):
        Searchspace(x=(kind, [1, 2]))


def test_a_mistyped_type_gets_a_hint():
    with pytest.raises(ValueError, match="Did you mean 'INTEGER'"):
        Searchspace(x=("integr", [1, 2]))


@pytest.mark.parametrize("kind", ["DOUBLE", "INTEGER", "DISCRETE", "CATEGORICAL"])
def test_a_region_is_not_empty(kind):
    with pytest.raises(
        ValueError, match=r"^Hyperparameter feasible region list cannot be empty: x"
    ):
        Searchspace(x=(kind, []))


@pytest.mark.parametrize("error", [ValueError, AssertionError, SearchspaceBoundsError])
@pytest.mark.parametrize("kind", ["DOUBLE", "INTEGER"])
@pytest.mark.parametrize("bounds", [[1], [1, 2, 3]])
def test_bounds_are_two(error, kind, bounds):
    with pytest.raises(
        error,
        match=r"^For DOUBLE or INTEGER type parameters, "
        r"list can only contain upper and lower bounds",
    ):
        Searchspace(x=(kind, bounds))


@pytest.mark.parametrize("error", [ValueError, AssertionError, SearchspaceBoundsError])
@pytest.mark.parametrize("kind", ["DOUBLE", "INTEGER"])
@pytest.mark.parametrize("bounds", [(3, 2), (2, 2)])
def test_the_lower_bound_is_below_the_upper(error, kind, bounds):
    with pytest.raises(
        error, match=rf"^Lower bound {bounds[0]} must be less than upper bound {bounds[1]}"
    ):
        Searchspace(x=(kind, bounds))


@pytest.mark.parametrize("bad", ["1", None, True, math.nan, math.inf, -math.inf, 10**400, 1j])
@pytest.mark.parametrize("place", [0, 1])
def test_bounds_of_a_double_are_finite_numbers(bad, place):
    bounds = [0, 1]
    bounds[place] = bad
    with pytest.raises(
        ValueError,
        match=r"^Hyperparameter boundaries for type DOUBLE need to be integer or float: x",
    ):
        Searchspace(x=("DOUBLE", bounds))


@pytest.mark.parametrize("bad", ["1", None, False, 2.0, math.nan, math.inf, np.float32(2)])
@pytest.mark.parametrize("place", [0, 1])
def test_bounds_of_an_integer_are_integers(bad, place):
    bounds = [0, 1]
    bounds[place] = bad
    with pytest.raises(
        ValueError, match=r"^Hyperparameter boundaries for type INTEGER need to be integer: x"
    ):
        Searchspace(x=("INTEGER", bounds))


@pytest.mark.parametrize("kind", ["DOUBLE", "INTEGER"])
@pytest.mark.parametrize("low", [0, -1])
def test_a_log_scale_lies_above_zero(kind, low):
    with pytest.raises(SearchspaceBoundsError, match="log scale must be above 0: x"):
        Searchspace(x=(kind, [low, 10], "log"))


@pytest.mark.parametrize("kind", ["DISCRETE", "CATEGORICAL"])
def test_listed_values_have_no_log_scale(kind):
    with pytest.raises(BadArgumentsError, match="log scale"):
        Searchspace(x=(kind, [1, 10], "log"))


@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, print, {1, 2}, {1: 2}, b"x", np.array([np.nan])]
)
@pytest.mark.parametrize("kind", ["DISCRETE", "CATEGORICAL"])
def test_listed_values_are_values_that_json_can_hold(kind, bad):
    with pytest.raises(BadArgumentsError, match="The values of x must be"):
        Searchspace(x=(kind, [1, bad]))


# The scale


def test_transform_is_the_place_between_the_bounds_or_the_index():
    space = Searchspace(
        a=("DOUBLE", [0, 4]),
        b=("INTEGER", [2, 6]),
        c=("DOUBLE", [1, 100], "log"),
        d=("CATEGORICAL", ["x", "y", "z"]),
    )
    assert space.transform([1.0, 3, 10.0, "z"]) == pytest.approx([0.25, 0.25, 0.5, 2.0])


def test_transform_returns_a_dict_for_a_dict_and_a_list_for_a_list():
    space = Searchspace(a=("DOUBLE", [0, 4]), b=("DISCRETE", [5, 6]))
    assert space.transform({"b": 6, "a": 2.0}) == {"a": 0.5, "b": 1.0}
    assert space.inverse_transform({"b": 1, "a": 0.5}) == {"a": 2.0, "b": 6}
    assert space.inverse_transform(np.array([0.5, 1.0])) == [2.0, 6]


@given(spaces, st.integers())
def test_the_inverse_of_the_transform_is_the_configuration(space, seed):
    params = space.seeded(seed).get_random_parameter_values(1)[0]
    again = space.inverse_transform(space.transform(params))
    assert list(again) == list(params)
    for entry in space:
        name = entry["name"]
        if entry["type"] in ("DISCRETE", "CATEGORICAL"):
            assert again[name] == params[name]
            assert type(again[name]) is type(params[name])
        else:
            low, high = entry["values"]
            assert low <= again[name] <= high
            assert type(again[name]) is type(params[name])


@given(st.integers(-1000, 1000), st.integers(1, 10**6), st.data())
def test_integers_come_back_exactly(low, width, data):
    value = data.draw(st.integers(low, low + width))
    space = Searchspace(x=("INTEGER", [low, low + width]))
    assert space.inverse_transform(space.transform([value])) == [value]


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.data())
def test_integers_on_a_log_scale_come_back_exactly(low, width, data):
    value = data.draw(st.integers(low, low + width))
    space = Searchspace(x=("INTEGER", [low, low + width], "log"))
    assert space.inverse_transform(space.transform([value])) == [value]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1))
def test_doubles_come_back_nearly(low, width, share):
    value = min(low + share * width, low + width)
    space = Searchspace(x=("DOUBLE", [low, low + width]))
    assert space.inverse_transform(space.transform([value]))[0] == pytest.approx(
        value, rel=1e-9, abs=1e-9 * width
    )


@given(parameters, st.floats(allow_nan=False))
def test_any_place_gives_a_value_inside_the_space(parameter, place):
    space = Searchspace(x=parameter)
    space.transform(space.inverse_transform([place]))


@given(st.one_of(doubles, integers))
def test_the_ends_of_the_scale_are_the_bounds(parameter):
    space = Searchspace(x=parameter)
    assert space.inverse_transform([0.0]) == [parameter[1][0]]
    assert space.inverse_transform([1.0]) == [parameter[1][1]]
    assert space.transform([parameter[1][0]]) == [0.0]
    assert space.transform([parameter[1][1]]) == [1.0]


def test_equal_looking_categories_are_told_apart_by_type():
    space = Searchspace(x=("CATEGORICAL", [1, True, 1.0]))
    assert [space.transform([value])[0] for value in (1, True, 1.0)] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan, math.inf, "1", None, True, 10**400])
def test_a_double_outside_the_bounds_is_refused(bad):
    with pytest.raises(BadArgumentsError, match="x must be a number from 0 to 1"):
        Searchspace(x=("DOUBLE", [0, 1])).transform([bad])


@pytest.mark.parametrize("bad", [1, 9, 2.5, math.nan, math.inf, "3", True])
def test_an_integer_outside_the_bounds_is_refused(bad):
    with pytest.raises(BadArgumentsError, match="x must be an integer from 2 to 8"):
        Searchspace(x=("INTEGER", [2, 8])).transform([bad])


@pytest.mark.parametrize("bad", ["c", 1, None, print])
def test_an_unlisted_value_is_refused(bad):
    with pytest.raises(BadArgumentsError, match="x must be one of"):
        Searchspace(x=("CATEGORICAL", ["a", "b"])).transform([bad])


@pytest.mark.parametrize("bad", [math.nan, "1", None])
def test_a_position_is_a_number(bad):
    with pytest.raises(BadArgumentsError, match="position of x"):
        Searchspace(x=("DOUBLE", [0, 1])).inverse_transform([bad])


@pytest.mark.parametrize(
    "hparams", [[1], [1, 2, 3], {"a": 1}, {"a": 1, "b": 2, "c": 3}, "ab", 5, None]
)
def test_a_configuration_has_every_name_and_no_other(hparams):
    space = Searchspace(a=("DISCRETE", [1]), b=("DISCRETE", [2]))
    for convert in (space.transform, space.inverse_transform):
        with pytest.raises(BadArgumentsError, match="'a', 'b'"):
            convert(hparams)


def test_the_widest_scale_of_doubles_has_its_middle():
    assert Searchspace(x=("DOUBLE", [-1.7e308, 1.7e308])).transform([0.0]) == [0.5]


def test_neighbours_whose_logarithms_are_equal_have_a_scale():
    low = 1e300
    space = Searchspace(x=("DOUBLE", [low, math.nextafter(low, math.inf)], "log"))
    assert space.transform([low]) == [0.0]
    assert low <= space.inverse_transform([0.5])[0] <= math.nextafter(low, math.inf)


def test_a_parameter_knows_its_name_and_names_itself_in_errors():
    pool = Parameter.parse("pool", ("DISCRETE", [1, 2]))
    rate = Parameter.parse("rate", ("DOUBLE", [0, 1], {"step": 0.5}))
    assert (pool.name, rate.name) == ("pool", "rate")
    with pytest.raises(BadArgumentsError, match=r"^pool must be one of \[1, 2\]"):
        pool.index(3)
    with pytest.raises(BadArgumentsError, match=r"^rate must be a number from 0 to 1 in steps of"):
        rate.checked(0.3)
    with pytest.raises(BadArgumentsError, match=r"^The position of rate on its scale"):
        rate.decode(math.nan)


@given(conditional_spaces())
def test_the_parameters_of_a_space_have_its_names_order_and_entries(space):
    parameters = parse_parameters(space.to_dict())
    assert list(parameters) == [parameter.name for parameter in parameters.values()] == space.keys()
    assert [parameter.entry for parameter in parameters.values()] == list(space)
