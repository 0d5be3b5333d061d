"""Values of users become plain numbers, text, lists and dicts."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maggy.common.json_values import (
    as_metric,
    as_number,
    closest,
    is_beyond_floats,
    to_plain,
    unique_names,
)


class Tensor:
    """Imitate a tensor, which has a shape of a type of its own, and ``numpy`` but no ``item``."""

    def __init__(self, array):
        self.array = np.asarray(array)

    @property
    def shape(self):
        return self.array.shape

    def numpy(self):
        return self.array[()]


class UnknownRank:
    """Imitate a symbolic tensor, which refuses to say its number of dimensions."""

    @property
    def shape(self):
        raise ValueError("unknown rank")


class Count(IntEnum):
    ONE = 1


class Colour(str, Enum):
    RED = "red"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (-0.0, 0.0),
        (10**400, 10**400),
        (Count.ONE, 1),
        (np.int8(3), 3),
        (np.uint64(2**63), 2**63),
        (np.float16(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.array(2), 2),
        (Tensor(0.5), 0.5),
        (math.inf, math.inf),
    ],
)
def test_numbers_become_plain_numbers(value, expected):
    number = as_number(value)
    assert number == expected
    assert type(number) is type(expected)


def test_nan_is_a_number():
    assert math.isnan(as_number(math.nan))
    assert math.isnan(as_number(np.float32("nan")))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        np.True_,
        np.array(True),
        "1",
        np.str_("1"),
        b"1",
        1j,
        np.complex128(1),
        [1],
        np.array([1.0]),
        np.array(None),
        np.datetime64("2020-01-01"),
        Tensor([0.5]),
        UnknownRank(),
        np.ma.masked,
        np.float64,
        np.ndarray,
        object(),
        pd.Series([1.0]),
    ],
)
def test_a_value_that_is_no_number_is_none(value):
    assert as_number(value) is None


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        np.float32(0.5),
        np.array([0.5]),
        np.array([[[0.5]]]),
        np.array([Decimal("0.5")], dtype=object),
        np.ma.array([0.5], mask=[False]),
        pd.Series([0.5]),
        Tensor([0.5]),
        Tensor([[0.5]]),
        Decimal("0.5"),
        Fraction(1, 2),
    ],
)
def test_a_metric_may_be_one_number_in_another_form(value):
    assert as_metric(value) == 0.5
    assert type(as_metric(value)) is float


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "0.5",
        [0.5],
        (0.5,),
        np.array([True]),
        np.array(["0.5"]),
        np.array([0.5, 0.5]),
        np.array([]),
        np.ma.array([0.5], mask=[True]),
        Tensor([0.5, 0.5]),
        UnknownRank(),
        np.ndarray,
        Decimal,
        object(),
        1j,
    ],
)
def test_a_value_that_is_no_metric_is_none(value):
    assert as_metric(value) is None


def test_decimals_and_fractions_that_no_float_holds_are_nan_infinite_or_beyond():
    assert math.isnan(as_metric(Decimal("NaN")))
    assert math.isnan(as_metric(Decimal("sNaN")))
    assert as_metric(Decimal("-Infinity")) == -math.inf
    for value in (Decimal("1e400"), Decimal("-1e400"), Fraction(10**400), -Fraction(10**400)):
        assert is_beyond_floats(as_metric(value))
        assert (as_metric(value) > 0) == (value > 0)


def test_only_integers_are_beyond_floats():
    assert [
        is_beyond_floats(value)
        for value in (10**309, -(10**309), 2**1023, math.inf, math.nan, 1e308)
    ] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_count_is_still_no_array_and_no_fraction():
    for value in (np.array([3]), Decimal(3), Fraction(3), Tensor([3])):
        assert as_number(value) is None


def test_keys_become_strings_and_equal_strings_get_suffixes():
    class Broken:
        def __str__(self):
            raise RuntimeError("no text")

    assert unique_names(
        [1, "1", 1.5, None, (1, 2), Colour.RED, "red", "1_2", np.str_("x"), Broken()]
    ) == [
        "1",
        "1_2",
        "1.5",
        "None",
        "(1, 2)",
        "red",
        "red_2",
        "1_2_2",
        "x",
        "<Broken>",
    ]
    assert unique_names([1, "1"], reserved=["1"]) == ["1_2", "1"]


def test_any_keys_may_be_allowed_at_every_depth():
    value = {1: [{2: np.arange(2)}], "a": ({None: 1},)}
    assert to_plain(value, any_keys=True) == {"1": [{"2": [0, 1]}], "a": [{"None": 1}]}


@given(json_values)
def test_plain_values_stay_as_they_are(value):
    assert to_plain(value) == value


def test_a_plain_value_is_a_copy():
    value = {"a": [1, {"b": [2]}]}
    to_plain(value)["a"][1]["b"].append(3)
    assert value == {"a": [1, {"b": [2]}]}


def test_numpy_tuples_and_subclasses_become_plain():
    value = {
        "scalar": np.float32(0.5),
        "flag": np.True_,
        "array": np.array([[1, 2], [3, 4]]),
        "tuple": (1, np.int64(2)),
        "text": np.str_("x"),
        "enums": [Colour.RED, Count.ONE],
        np.str_("key"): Tensor(3),
        "series": pd.Series([1, 2]),
        "long": np.longdouble(0.5),
    }
    plain = to_plain(value)
    assert plain == {
        "scalar": 0.5,
        "flag": True,
        "array": [[1, 2], [3, 4]],
        "tuple": [1, 2],
        "text": "x",
        "enums": ["red", 1],
        "key": 3,
        "series": [1, 2],
        "long": 0.5,
    }
    leaves = [
        plain["scalar"],
        plain["flag"],
        plain["array"][0][0],
        plain["tuple"][1],
        plain["text"],
        *plain["enums"],
    ]
    assert [type(leaf) for leaf in leaves] == [float, bool, int, int, str, str, int]
    assert {type(key) for key in plain} == {str}


def test_numbers_that_are_not_finite_become_none_so_that_json_stays_valid():
    value = {"a": math.nan, "b": [math.inf, -np.inf], "c": np.array([1.0, np.nan])}
    assert to_plain(value) == {"a": None, "b": [None, None], "c": [1.0, None]}
    json.dumps(to_plain(value), allow_nan=False)


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": np.array([np.nan])}])
def test_numbers_that_are_not_finite_can_be_refused_instead(value):
    with pytest.raises(ValueError, match="finite"):
        to_plain(value, finite=True)


@pytest.mark.parametrize(
    "value",
    [
        print,
        {1},
        b"x",
        1j,
        object(),
        np.complex128(1),
        np.datetime64("2020-01-01"),
        np.ndarray,
        [[object()]],
    ],
)
def test_a_value_that_json_cannot_hold_is_refused_by_its_type(value):
    with pytest.raises(TypeError, match="JSON scalar, list or dict, but got"):
        to_plain(value)


@pytest.mark.parametrize("key", [1, None, ("a",)])
def test_the_keys_of_a_dict_are_strings(key):
    with pytest.raises(TypeError, match="keys of a dict must be strings"):
        to_plain({"a": {key: 1}})


def test_the_closest_name_is_suggested_in_its_own_spelling():
    assert closest("dropuot", ["kernel", "dropout"]) == " Did you mean 'dropout'?"
    assert closest("DROPOUT", ["kernel", "Dropout"]) == " Did you mean 'Dropout'?"


def test_of_names_that_differ_in_case_only_the_first_is_suggested():
    assert closest("kernal", ["Kernel", "kernel"]) == " Did you mean 'Kernel'?"


def test_no_name_is_suggested_if_none_is_close():
    assert closest("zzz", ["kernel", "dropout"]) == ""
    assert closest("zzz", []) == ""
    assert closest("", ["kernel"]) == ""
