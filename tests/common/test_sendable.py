"""Only parameters that a message can hold are accepted."""

from __future__ import annotations

import json

import msgspec
import pytest

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import to_plain
from maggy.common.sendable import MAX_NESTING, check_sendable
from maggy.searchspace import Searchspace
from maggy.trial import Trial

ENDS = [-(2**63), 2**64 - 1]
BEYOND = [-(2**63) - 1, 2**64]


@pytest.mark.parametrize("value", [*ENDS, True, None, 1.5, 1e300, "λ", [ENDS, {"a": ENDS}]])
def test_a_value_that_a_message_can_hold_is_accepted(value):
    assert check_sendable(value) is None
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value)) == value


@pytest.mark.parametrize("value", [*BEYOND, [[BEYOND[0]]], {"a": {"b": BEYOND[1]}}])
def test_an_integer_beyond_64_bits_is_refused_with_rule_value_and_remedy(value):
    with pytest.raises(OverflowError):
        msgspec.msgpack.encode(value)
    with pytest.raises(
        ValueError, match=r"-2\*\*63 to 2\*\*64 - 1.*but got -?\d{19,20}\. Write it as"
    ):
        check_sendable(value)


def test_an_integer_too_long_to_be_printed_is_described_by_its_length():
    with pytest.raises(ValueError, match="but got one of 33220 bits"):
        check_sendable(10**10_000)


@pytest.mark.parametrize("value", ["\udc80", ["a\udc80"], {"\udc80": 1}])
def test_text_that_is_not_unicode_is_refused(value):
    with pytest.raises(ValueError, match=r"Text must be Unicode.*udc80"):
        check_sendable(value)


@pytest.mark.parametrize("bound", BEYOND)
def test_the_bounds_of_integers_can_be_sent(bound):
    assert Searchspace(x=("INTEGER", ENDS)).x == ENDS
    with pytest.raises(
        BadArgumentsError,
        match=r"INTEGER need to be integer: x, from -2\*\*63 to 2\*\*64 - 1.*DOUBLE",
    ):
        Searchspace(x=("INTEGER", sorted([0, bound])))


@pytest.mark.parametrize("kind", ["DISCRETE", "CATEGORICAL", "CONSTANT"])
def test_listed_values_can_be_sent(kind):
    for value in [*BEYOND, [BEYOND[1]], "\udc80"]:
        with pytest.raises(
            BadArgumentsError, match="The values of x must be values that can be sent to a worker"
        ):
            Searchspace(x=(kind, [value]))


def test_the_bounds_of_doubles_may_be_larger_integers_since_floats_are_drawn():
    value = Searchspace(x=("DOUBLE", [0, 10**30])).get_random_parameter_values(1)[0]["x"]
    assert type(value) is float
    assert 0 <= value <= 1e30


def nested(depth, wrap):
    value = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}])
def test_values_may_be_nested_up_to_a_depth_that_can_be_read_and_recorded(wrap):
    deepest = nested(MAX_NESTING, wrap)
    check_sendable(deepest)
    data = msgspec.msgpack.encode(deepest)
    assert json.dumps(to_plain(msgspec.msgpack.decode(data))) == json.dumps(deepest)
    for depth in (MAX_NESTING + 1, 1500, 100_000):
        with pytest.raises(ValueError, match=r"at most 200 levels deep.*Flatten"):
            check_sendable(nested(depth, wrap))


def test_a_trial_with_a_value_that_cannot_be_sent_is_refused_by_its_constructor():
    for value in [*BEYOND, [BEYOND[0]], "\udc80"]:
        with pytest.raises(
            BadArgumentsError, match=r"parameters of a trial must be.*sent to a worker"
        ):
            Trial({"x": value})
