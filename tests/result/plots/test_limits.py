"""Which metrics an axis shows."""

import pytest

from maggy.common.direction import Direction
from maggy.result.plots.limits import is_beyond, worst_on_axis

MIN, MAX = Direction.MIN, Direction.MAX
USUAL = [0.1, 0.12, 0.2, 0.3, 0.35, 0.4, 0.5, 0.8, 1.1]


@pytest.mark.parametrize("direction", [MIN, MAX])
def test_a_trial_that_diverged_is_beyond_and_all_others_are_on_the_axis(direction):
    sign = -direction.sign
    worst = worst_on_axis([sign * value for value in [*USUAL, 1e9]], direction)
    assert worst == sign * 1.1
    assert is_beyond(sign * 1e9, worst, direction)
    assert not any(is_beyond(sign * value, worst, direction) for value in USUAL)


def test_a_spread_without_outliers_is_on_the_axis():
    assert worst_on_axis(USUAL, MIN) == 1.1
    assert worst_on_axis(USUAL, MAX) == 0.1


def test_a_metric_that_is_better_than_all_others_is_on_the_axis():
    assert worst_on_axis([-1e9, *USUAL], MIN) == 1.1


def test_where_most_metrics_are_equal_none_is_beyond():
    assert worst_on_axis([0.5] * 9 + [3.0], MIN) == 3.0


def test_of_a_few_metrics_none_is_beyond():
    assert worst_on_axis([0.1, 0.2, 0.3, 1e9], MIN) == 1e9
    assert worst_on_axis([0.5], MAX) == 0.5
    assert worst_on_axis([], MAX) is None
    assert not is_beyond(1.0, None, MAX)


def test_the_distance_is_counted_from_where_the_axis_begins():
    equal_starts = [2.30, 2.31, 2.32, 2.33, 2.34, 4.0]
    assert worst_on_axis(equal_starts, MIN) == 2.34
    assert worst_on_axis(equal_starts, MIN, best=0.1) == 4.0


def test_metrics_whose_distance_is_no_float_are_no_error():
    assert worst_on_axis([*USUAL, 1e308, -1.7e308], MAX) is not None
