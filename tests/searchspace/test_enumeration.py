"""The numbers of the configurations of a finite space."""

from __future__ import annotations

import json

import pytest
from helpers.spaces import conditional_spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from maggy.searchspace import Searchspace
from maggy.searchspace.enumeration import Enumeration, nth_missing
from maggy.searchspace.parameter import parse_parameters


def enumeration(space=None, **entries):
    specs = (Searchspace(**entries) if space is None else space).to_dict()
    return Enumeration(parse_parameters(specs).values())


def text(params):
    return json.dumps(params, sort_keys=True)


@pytest.mark.parametrize(
    ("entry", "size"),
    [
        (("INTEGER", [2, 8]), 7),
        (("INTEGER", [2, 8], {"step": 4}), 2),
        (("INTEGER", [1, 1000], "log"), 1000),
        (("DOUBLE", [0.0, 1.0], {"step": 0.3}), 4),
        (("DOUBLE", [0.0, 1.0]), None),
        (("DISCRETE", [1, 2, 1]), 2),
        (("CATEGORICAL", [1, 1.0, True, [1], [True], {"a": 1, "b": 2}, {"b": 2, "a": 1}]), 6),
        (("CONSTANT", [5]), 1),
    ],
)
def test_the_size_is_the_number_of_values_that_differ(entry, size):
    assert enumeration(x=entry).size == size


def test_parameters_count_only_where_they_exist():
    space = {
        "kind": ("CATEGORICAL", ["a", "b", "c", "d"]),
        "depth": ("INTEGER", [1, 3], {"when": {"kind": ["a", "b"]}}),
        "width": ("DISCRETE", [1, 2], {"when": {"kind": "a", "depth": 3}}),
    }
    assert enumeration(**space).size == (1 + 1 + 2) + 3 + 2


def test_a_parameter_without_steps_makes_a_space_endless_even_where_it_exists_only_sometimes():
    space = {"kind": ("CATEGORICAL", ["a", "b"]), "x": ("DOUBLE", [0, 1], {"when": {"kind": "a"}})}
    assert enumeration(**space).size is None


@settings(deadline=None)
@given(conditional_spaces(), st.integers())
def test_every_configuration_has_its_own_number(space, seed):
    numbers = enumeration(space)
    draws = space.seeded(seed).get_random_parameter_values(10)
    if numbers.size is None:
        return
    for params in draws:
        assert 0 <= numbers.number(params) < numbers.size
        assert text(numbers.at(numbers.number(params))) == text(params)
    for number in {0, numbers.size // 3, numbers.size - 1}:
        assert numbers.number(numbers.at(number)) == number
        assert space.checked(numbers.at(number)) == numbers.at(number)


@settings(deadline=None)
@given(conditional_spaces())
def test_all_numbers_together_are_all_configurations(space):
    numbers = enumeration(space)
    if numbers.size is None or numbers.size > 500:
        return
    assert len({text(numbers.at(number)) for number in range(numbers.size)}) == numbers.size


def test_a_space_of_many_parameters_and_a_long_chain_of_conditions_is_counted():
    entries = {f"p{place}": ("DISCRETE", [0, 1]) for place in range(2000)}
    assert enumeration(**entries).size == 2**2000
    chain = {"p0": ("DISCRETE", [0, 1])}
    chain.update({f"p{n}": ("DISCRETE", [0, 1], {"when": {f"p{n - 1}": 1}}) for n in range(1, 150)})
    assert enumeration(**chain).size == 151


def test_a_parameter_with_many_values_on_which_another_depends_is_counted_at_once():
    numbers = enumeration(
        n=("INTEGER", [0, 2**60]), x=("DISCRETE", [1, 2], {"when": {"n": [7, 2**59]}})
    )
    assert numbers.size == 2**60 + 1 + 2
    assert numbers.number(numbers.at(2**59 + 11)) == 2**59 + 11


@given(st.sets(st.integers(0, 50)), st.integers(0, 60))
def test_a_number_that_a_sequence_leaves_out_is_found_by_its_position(numbers, position):
    missing = [number for number in range(200) if number not in numbers]
    assert nth_missing(sorted(numbers), position) == missing[position]
