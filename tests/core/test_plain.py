"""Plain values."""

from __future__ import annotations

import json
import math
from enum import Enum, IntEnum

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maggy.core.plain import as_number, closest, to_plain


class Tensor:
    """Has what a tensor has: a shape that is an object of its own, and ``numpy`` but no ``item``."""

    def __init__(self, array):
        self.array = np.asarray(array)

    @property
    def shape(self):
        return self.array.shape

    def numpy(self):
        return self.array[()]


class UnknownRank:
    """A symbolic tensor refuses to say how many dimensions it has."""

    @property
    def shape(self):
        raise ValueError("unknown rank")


class Count(IntEnum):
    ONE = 1


class Colour(str, Enum):
    RED = "red"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
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
def test_what_is_no_number_is_none(value):
    assert as_number(value) is None


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
    leaves = [plain["scalar"], plain["flag"], plain["array"][0][0], plain["tuple"][1], plain["text"], *plain["enums"]]
    assert [type(leaf) for leaf in leaves] == [float, bool, int, int, str, str, int]
    assert {type(key) for key in plain} == {str}


def test_what_is_not_finite_becomes_none_so_that_json_stays_valid():
    value = {"a": math.nan, "b": [math.inf, -np.inf], "c": np.array([1.0, np.nan])}
    assert to_plain(value) == {"a": None, "b": [None, None], "c": [1.0, None]}
    json.dumps(to_plain(value), allow_nan=False)


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": np.array([np.nan])}])
def test_what_is_not_finite_can_be_refused_instead(value):
    with pytest.raises(ValueError, match="finite"):
        to_plain(value, finite=True)


@pytest.mark.parametrize(
    "value", [print, {1}, b"x", 1j, object(), np.complex128(1), np.datetime64("2020-01-01"), np.ndarray, [[object()]]]
)
def test_what_json_cannot_hold_is_refused_by_its_type(value):
    with pytest.raises(TypeError, match="JSON scalar, list or dict, but got"):
        to_plain(value)


@pytest.mark.parametrize("key", [1, None, ("a",)])
def test_the_keys_of_a_dict_are_strings(key):
    with pytest.raises(TypeError, match="keys of a dict must be strings"):
        to_plain({"a": {key: 1}})


def test_the_closest_name_is_suggested_in_its_own_spelling():
    assert closest("dropuot", ["kernel", "dropout"]) == " Did you mean 'dropout'?"
    assert closest("DROPOUT", ["kernel", "Dropout"]) == " Did you mean 'Dropout'?"


def test_nothing_is_suggested_when_nothing_is_close():
    assert closest("zzz", ["kernel", "dropout"]) == ""
    assert closest("zzz", []) == ""
    assert closest("", ["kernel"]) == ""
