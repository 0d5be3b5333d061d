"""The search space: its names, its dicts and lists, its draws and its vectors."""

from __future__ import annotations

import copy
import json
import math
import pickle
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from helpers.spaces import conditional_spaces, full_space, spaces
from hypothesis import given
from hypothesis import strategies as st

from maggy.common.exceptions import BadArgumentsError
from maggy.searchspace import Searchspace

PINNED = [{"x": 496667, "y": "b"}, {"x": 663942, "y": "b"}]


# Parameters that are accepted


def test_parameters_keep_the_order_in_which_they_were_added():
    space = Searchspace(zeta=("INTEGER", [2, 8]), alpha=("DISCRETE", [1]))
    space.add("mid", ("DOUBLE", [0.01, 0.99]))
    assert space.keys() == ["zeta", "alpha", "mid"]


def test_a_type_may_be_written_in_any_case():
    assert Searchspace(x=("double", [0, 1]), y=("Integer", [0, 1])).names() == {
        "x": "DOUBLE",
        "y": "INTEGER",
    }


def test_to_dict_gives_types_and_regions_and_the_scale():
    assert full_space().to_dict() == {
        "kernel": ("INTEGER", [2, 8]),
        "pool": ("DISCRETE", [1, 2, 4]),
        "dropout": ("DOUBLE", [0.01, 0.99]),
        "rate": ("DOUBLE", [1e-5, 1e-1], "log"),
        "units": ("INTEGER", [1, 1024], "log"),
        "activation": ("CATEGORICAL", ["relu", "gelu", None, True]),
    }


def test_values_are_those_of_the_dict_and_items_those_of_the_iteration():
    space = full_space()
    assert space.values() == list(space.to_dict().values())
    assert space.items() == list(space)
    assert space.items()[0] == {"name": "kernel", "type": "INTEGER", "values": [2, 8]}
    assert [(outer["name"], inner["name"]) for outer in space.items() for inner in space.items()][
        8:10
    ] == [
        ("pool", "dropout"),
        ("pool", "rate"),
    ]


class Shape(NamedTuple):
    width: int
    height: int


WRITTEN = [
    (3, 3),
    [3, (1, None)],
    {"a": (1,)},
    Shape(1, 2),
    "text",
    (np.int64(4), 0.5),
    np.array([[1, 2]]),
]


def test_choices_stay_as_they_were_written_only_in_the_dict_of_the_space():
    space = Searchspace(k=("CATEGORICAL", WRITTEN), c=("CONSTANT", [(1, 2)]))
    plain = [[3, 3], [3, [1, None]], {"a": [1]}, [1, 2], "text", [4, 0.5], [[1, 2]]]
    assert space.k == plain == space.get("k") == next(iter(space))["values"]
    assert json.loads(space.json()) == {"k": ["CATEGORICAL", plain], "c": ["CONSTANT", [[1, 2]]]}
    for twin in (
        space,
        space.seeded(3),
        pickle.loads(pickle.dumps(space)),
        Searchspace(**space.to_dict()),
    ):
        choices = twin.to_dict()["k"][1]
        assert choices[:-1] == WRITTEN[:-1]
        assert [type(value) for value in choices] == [type(value) for value in WRITTEN]
        assert (choices[-1] == WRITTEN[-1]).all()
        assert twin.to_dict()["c"] == ("CONSTANT", [(1, 2)])
        assert twin == space == Searchspace(**json.loads(space.json()))
    assert all(params["k"] in plain for params in space.get_random_parameter_values(20))


def test_the_dict_of_the_space_is_a_copy():
    array = np.array([1, 2])
    space = Searchspace(k=("CATEGORICAL", [([1], 2), array]))
    array[0] = 9
    space.to_dict()["k"][1][0][0].append(5)
    space.to_dict()["k"][1][1][0] = 7
    first, second = space.to_dict()["k"][1]
    assert first == ([1], 2)
    assert second.tolist() == [1, 2]


def test_a_configuration_is_checked_against_tuples_as_against_lists():
    space = Searchspace(k=("CATEGORICAL", [(3, 3), [5, 5]]))
    assert space.checked({"k": (3, 3)}) == space.checked({"k": [3, 3]}) == {"k": [3, 3]}
    assert space.checked({"k": (5, 5)}) == {"k": [5, 5]}
    with pytest.raises(BadArgumentsError, match=r"must be one of \[\(3, 3\), \[5, 5\]\]"):
        space.checked({"k": (3, 5)})


@given(spaces)
def test_a_space_made_from_its_dict_is_the_same_space(space):
    assert Searchspace(**space.to_dict()) == space


@given(spaces)
def test_a_space_made_from_its_json_is_the_same_space(space):
    assert Searchspace(**json.loads(space.json())) == space


def test_the_repr_makes_the_same_space():
    space = full_space()
    assert eval(repr(space)) == space
    odd = Searchspace(**{"learning-rate": ("DISCRETE", [1])})
    assert eval(repr(odd)) == odd


def test_get_returns_the_region_or_the_default():
    space = full_space()
    assert space.get("kernel") == [2, 8]
    assert space.get("missing") is None
    assert space.get("missing", 3) == 3


def test_a_name_is_an_attribute():
    space = full_space()
    assert space.kernel == [2, 8]
    assert space.pool == [1, 2, 4]
    assert "kernel" in dir(space)


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="kernell"):
        _ = full_space().kernell


def test_an_attribute_cannot_be_set_past_the_checks():
    with pytest.raises(AttributeError):
        full_space().kernel = [1, 2]


@pytest.mark.parametrize(
    "get_list", [lambda s: s.kernel, lambda s: s.get("kernel"), lambda s: s.to_dict()["kernel"][1]]
)
def test_changing_a_list_of_the_space_does_not_change_the_space(get_list):
    space = full_space()
    get_list(space).append(99)
    assert space == full_space()


def test_changing_a_nested_value_does_not_change_the_space():
    space = Searchspace(shape=("CATEGORICAL", [[1, 2]]))
    space.get_random_parameter_values(1)[0]["shape"].append(3)
    space.inverse_transform([0])[0].append(3)
    assert space.shape == [[1, 2]]


def test_changing_the_users_list_does_not_change_the_space():
    bounds = [2, 8]
    space = Searchspace(kernel=("INTEGER", bounds))
    bounds[1] = 99
    assert space.kernel == [2, 8]


def test_iteration_yields_name_type_and_values_and_the_scale_only_when_log():
    space = Searchspace(a=("DOUBLE", [0, 1]), b=("INTEGER", [1, 9], "log"))
    assert list(space) == [
        {"name": "a", "type": "DOUBLE", "values": [0, 1]},
        {"name": "b", "type": "INTEGER", "values": [1, 9], "scale": "log"},
    ]


def test_iterations_can_be_nested():
    space = Searchspace(a=("DISCRETE", [1]), b=("DISCRETE", [2]))
    assert [(x["name"], y["name"]) for x in space for y in space] == [
        ("a", "a"),
        ("a", "b"),
        ("b", "a"),
        ("b", "b"),
    ]


def test_in_and_len_are_about_names():
    space = full_space()
    assert "kernel" in space
    assert "missing" not in space
    assert 3 not in space
    assert len(space) == 6
    assert len(Searchspace()) == 0


def test_equality_is_about_types_regions_scales_and_order():
    one = Searchspace(a=("DOUBLE", [1, 2]), b=("DISCRETE", [1]))
    assert one == Searchspace(a=("double", (1, 2)), b=("DISCRETE", [1]))
    assert one != Searchspace(b=("DISCRETE", [1]), a=("DOUBLE", [1, 2]))
    assert one != Searchspace(a=("DOUBLE", [1, 2], "log"), b=("DISCRETE", [1]))
    assert one != one.to_dict()


def test_numpy_values_become_plain_ones():
    space = Searchspace(
        a=("INTEGER", [np.int64(2), np.int32(8)]),
        b=("DOUBLE", np.array([0.5, 1.0])),
        c=("DISCRETE", np.arange(3)),
    )
    assert (
        space.json()
        == '{"a": ["INTEGER", [2, 8]], "b": ["DOUBLE", [0.5, 1.0]], "c": ["DISCRETE", [0, 1, 2]]}'
    )


def test_a_name_need_not_be_an_identifier():
    space = Searchspace(**{"learning-rate": ("DISCRETE", [1]), "self": ("DISCRETE", [2])})
    assert space.get_random_parameter_values(1) == [{"learning-rate": 1, "self": 2}]


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_are_equal_and_go_on_drawing_the_same(clone):
    space = full_space().seeded(3)
    space.get_random_parameter_values(1)
    cloned = clone(space)
    assert cloned == space
    assert cloned.kernel == [2, 8]
    if clone is not copy.copy:
        assert cloned.get_random_parameter_values(5) == space.get_random_parameter_values(5)


def test_a_deep_copy_can_grow_alone():
    space = full_space()
    copy.deepcopy(space).add("more", ("DISCRETE", [1]))
    assert "more" not in space


# Parameters that are refused


@pytest.mark.parametrize(
    "name",
    [
        "add",
        "get",
        "names",
        "keys",
        "values",
        "json",
        "seeded",
        "transform",
        "DOUBLE",
        "__class__",
        "_parameters",
    ],
)
def test_a_name_of_the_spaces_own_is_reserved(name):
    with pytest.raises(ValueError, match=rf"^Hyperparameter name is reserved: {name}"):
        Searchspace().add(name, ("DISCRETE", [1]))


@pytest.mark.parametrize("name", ["reporter", "hparams"])
def test_a_name_of_an_argument_that_maggy_passes_is_reserved(name):
    with pytest.raises(ValueError, match=rf"^Hyperparameter name is reserved: {name}"):
        Searchspace(**{name: ("DISCRETE", [1])})


@pytest.mark.parametrize("name", ["budget", "resource", "type", "name", "seed", "scale", "mro"])
def test_other_names_are_free(name):
    assert name in Searchspace(**{name: ("DISCRETE", [1])})


def test_adding_a_name_twice_is_refused_and_changes_nothing():
    space = full_space()
    with pytest.raises(ValueError, match=r"^Hyperparameter name is reserved: kernel"):
        space.add("kernel", ("DISCRETE", [1]))
    assert space == full_space()


@pytest.mark.parametrize("name", [3, None, "", b"x"])
def test_a_name_is_a_non_empty_string(name):
    with pytest.raises(BadArgumentsError, match="non-empty string"):
        Searchspace().add(name, ("DISCRETE", [1]))


def test_a_space_survives_a_refused_parameter():
    space = full_space()
    with pytest.raises(ValueError, match="region"):
        space.add("more", ("DISCRETE", []))
    assert space == full_space()


# Draws


@given(spaces, st.integers())
def test_every_draw_lies_inside_the_space(space, seed):
    for params in space.seeded(seed).get_random_parameter_values(5):
        assert list(params) == space.keys()
        space.transform(params)  # refuses a value outside the space
        json.dumps(params, allow_nan=False)


def test_integer_bounds_are_inclusive():
    draws = Searchspace(x=("INTEGER", [2, 4])).seeded(1).get_random_parameter_values(200)
    assert {params["x"] for params in draws} == {2, 3, 4}


@pytest.mark.parametrize("scale", [(), ("log",)])
def test_a_draw_has_the_type_of_its_parameter(scale):
    draws = Searchspace(
        x=("DOUBLE", [1, 2], *scale), y=("INTEGER", [1, 2], *scale)
    ).get_random_parameter_values(20)
    assert {type(params["x"]) for params in draws} == {float}
    assert {type(params["y"]) for params in draws} == {int}


def test_a_log_scale_draws_as_often_from_each_decade():
    space = Searchspace(x=("DOUBLE", [1e-4, 1.0], "log"), y=("INTEGER", [1, 9999], "log")).seeded(5)
    draws = space.get_random_parameter_values(4000)
    for name, low in [("x", 1e-4), ("y", 1)]:
        decades = [
            sum(low * 10**i <= params[name] < low * 10 ** (i + 1) for params in draws)
            for i in range(4)
        ]
        assert all(800 < count < 1250 for count in decades), (name, decades)


def test_a_log_scale_of_integers_gives_the_outer_ones_their_share():
    draws = Searchspace(x=("INTEGER", [1, 2], "log")).seeded(5).get_random_parameter_values(3000)
    share = sum(params["x"] == 2 for params in draws) / 3000
    assert share == pytest.approx(math.log(2.5 / 1.5) / math.log(2.5 / 0.5), abs=0.04)


def test_large_integer_ranges_are_drawn_from_evenly():
    draws = Searchspace(x=("INTEGER", [-(2**63), 2**63])).seeded(1).get_random_parameter_values(500)
    assert len({params["x"] for params in draws}) == 500
    assert 150 < sum(params["x"] > 0 for params in draws) < 350


def test_the_widest_double_range_is_drawn_from():
    draws = (
        Searchspace(x=("DOUBLE", [-1.7e308, 1.7e308])).seeded(1).get_random_parameter_values(100)
    )
    assert all(math.isfinite(params["x"]) for params in draws)
    assert 20 < sum(params["x"] > 0 for params in draws) < 80


def test_a_space_of_lists_only_can_be_drawn_from():
    draws = Searchspace(
        a=("DISCRETE", [1, 2]), b=("CATEGORICAL", ["x", "y"])
    ).get_random_parameter_values(100)
    assert {tuple(params.values()) for params in draws} == {(1, "x"), (1, "y"), (2, "x"), (2, "y")}


def test_no_draw_is_an_empty_list_and_an_empty_space_draws_empty_dicts():
    assert full_space().get_random_parameter_values(0) == []
    assert Searchspace().get_random_parameter_values(2) == [{}, {}]


@pytest.mark.parametrize("num", ["3", 3.0, None, True, -1])
def test_the_number_of_draws_is_an_integer(num):
    with pytest.raises(ValueError, match="num must be an integer of at least 0"):
        full_space().get_random_parameter_values(num)


def test_a_numpy_integer_is_an_integer():
    assert len(full_space().get_random_parameter_values(np.int64(3))) == 3


def test_equal_seeds_draw_equal_sequences_however_they_are_cut():
    one, two = full_space().seeded(42), full_space().seeded(42)
    assert one.get_random_parameter_values(6) == [
        two.get_random_parameter_values(1)[0] for _ in range(6)
    ]


def test_a_seed_means_the_same_in_every_process():
    space = Searchspace(x=("INTEGER", [0, 10**6]), y=("CATEGORICAL", ["a", "b", "c"])).seeded(42)
    assert space.get_random_parameter_values(2) == PINNED


def test_different_seeds_draw_different_sequences():
    draws = [
        str(full_space().seeded(seed).get_random_parameter_values(3)) for seed in (0, 1, -1, 2**70)
    ]
    assert len(set(draws)) == 4


def test_a_space_without_a_seed_draws_differently_each_time():
    space = Searchspace(x=("DOUBLE", [0, 1]))
    assert space.get_random_parameter_values(3) != space.get_random_parameter_values(3)
    assert space.seeded(None).get_random_parameter_values(3) != space.seeded(
        None
    ).get_random_parameter_values(3)


def test_seeding_leaves_the_original_alone():
    space = full_space()
    seeded = space.seeded(1)
    seeded.add("more", ("DISCRETE", [1]))
    assert "more" not in space


def test_a_generator_that_is_passed_in_is_used_and_the_seeded_one_left_alone():
    space = full_space().seeded(1)
    expected = full_space().seeded(1).get_random_parameter_values(2)
    assert space.get_random_parameter_values(2, Random(9)) == space.get_random_parameter_values(
        2, rng=Random(9)
    )
    assert space.get_random_parameter_values(2) == expected


@pytest.mark.parametrize("seed", ["1", 1.5, True])
def test_a_seed_is_an_integer_or_none(seed):
    with pytest.raises(BadArgumentsError, match="seed must be an integer or None"):
        full_space().seeded(seed)


def test_a_generator_is_a_random():
    with pytest.raises(BadArgumentsError, match=r"random\.Random"):
        full_space().get_random_parameter_values(1, 42)


# Vectors


@given(conditional_spaces(), st.integers())
def test_with_normalized_categories_every_place_lies_between_0_and_1_and_comes_back(space, seed):
    params = space.seeded(seed).get_random_parameter_values(1)[0]
    places = space.transform(params, normalize_categorical=True)
    assert all(0 <= place <= 1 for place in places.values())
    again = space.inverse_transform(places, normalize_categorical=True)
    for name, (kind, *_) in space.to_dict().items():
        if name in params and kind not in ("DOUBLE", "INTEGER"):
            assert again[name] == params[name]


def test_normalized_categories_are_spread_evenly():
    space = Searchspace(
        a=("CATEGORICAL", ["x", "y", "z"]), b=("DISCRETE", [1, 2]), c=("CONSTANT", ["k"])
    )
    assert space.transform(["y", 2, "k"], normalize_categorical=True) == [0.5, 1.0, 0.0]
    assert space.transform(["y", 2, "k"]) == [1.0, 1.0, 0.0]
    assert space.inverse_transform([0.6, 0.2, 0.9], normalize_categorical=True) == ["y", 1, "k"]
    assert space.inverse_transform([2.0, -1.0, 5.0], True) == ["z", 1, "k"]


def test_a_configuration_becomes_a_list_and_comes_back():
    space = Searchspace(
        x=("DOUBLE", [-3, 3]), y=("DOUBLE", [-3, 3]), z=("CATEGORICAL", ["green", "red"])
    )
    params = {"x": -3.0, "y": 3.0, "z": "green"}
    assert space.dict_to_list(params) == Searchspace.dict_to_list(params) == [-3.0, 3.0, "green"]
    assert space.list_to_dict([-3.0, 3.0, "green"]) == params
    for hparams in ([1.0, 2.0], [1.0, 2.0, "green", 4], "abc", 3):
        with pytest.raises(ValueError, match=r"one value for each of \['x', 'y', 'z'\]"):
            space.list_to_dict(hparams)


def test_a_list_has_any_value_in_place_of_a_parameter_that_does_not_exist():
    space = Searchspace(a=("CATEGORICAL", ["x", "y"]), b=("DOUBLE", [0, 1], {"when": {"a": "x"}}))
    assert space.list_to_dict(["y", None]) == {"a": "y"}
    assert space.list_to_dict(["x", 0.5]) == {"a": "x", "b": 0.5}


def test_numbers_are_read_from_the_texts_that_numpy_makes_of_them():
    space = Searchspace(
        x=("DOUBLE", [0, 4]),
        n=("INTEGER", [1, 5]),
        k=("CATEGORICAL", ["a", "b"]),
        t=("DISCRETE", [2, 4]),
    )
    texts = np.array([1.0, 3, "b", 4])
    assert texts.dtype.kind == "U"
    for hparams in (texts, np.array([1.0, 3, "b", 4], dtype=object)):
        assert space.transform(hparams) == [0.25, 0.5, 1.0, 1.0]
        assert space.list_to_dict(hparams) == {"x": 1.0, "n": 3, "k": "b", "t": 4}
    with pytest.raises(BadArgumentsError, match="x must be a number"):
        space.transform(np.array(["much", 3, "b", 4]))
