"""A direction is a string that can compare metrics."""

import json
import pickle

import msgspec
import pytest

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError


@pytest.mark.parametrize("text", ["max", "min"])
def test_a_direction_prints_compares_and_serializes_as_its_text(text):
    direction = Direction.parse(text)
    assert direction == text
    assert hash(direction) == hash(text)
    assert {str(direction), f"{direction}", "%s" % direction, "{:s}".format(direction)} == {text}  # noqa: UP031, UP032
    assert repr(direction) == repr(text)
    assert json.dumps({"direction": direction}) == json.dumps({"direction": text})
    assert msgspec.json.decode(msgspec.json.encode(direction)) == text
    assert pickle.loads(pickle.dumps(direction)) is direction


def test_a_direction_is_parsed_to_itself():
    assert Direction.parse(Direction.MIN) is Direction.MIN


@pytest.mark.parametrize("value", ["maximize", "MAX", "", None, 1])
def test_another_value_is_an_error_that_names_both(value):
    with pytest.raises(BadArgumentsError, match="must be 'max' or 'min', but got"):
        Direction.parse(value)


def test_higher_is_better_for_max_and_lower_for_min():
    assert Direction.MAX.is_better(2, than=1)
    assert not Direction.MAX.is_better(1, than=2)
    assert Direction.MIN.is_better(1, than=2)
    assert not Direction.MIN.is_better(2, than=1)


@pytest.mark.parametrize("direction", list(Direction))
def test_equal_values_and_nan_are_never_better(direction):
    nan = float("nan")
    assert not direction.is_better(1.0, than=1.0)
    assert not direction.is_better(nan, than=1.0)
    assert not direction.is_better(1.0, than=nan)


@pytest.mark.parametrize(("direction", "best"), [(Direction.MAX, 3), (Direction.MIN, 1)])
def test_the_best_value_has_the_highest_signed_value(direction, best):
    assert direction.best([2, 3, 1]) == best
    assert max([2, 3, 1], key=lambda value: direction.sign * value) == best


@pytest.mark.parametrize("direction", list(Direction))
def test_the_first_of_equal_values_is_the_best(direction):
    assert direction.best([("a", 1), ("b", 1)], key=lambda pair: pair[1]) == ("a", 1)


def test_no_values_have_no_best():
    with pytest.raises(ValueError, match="empty"):
        Direction.MAX.best([])
