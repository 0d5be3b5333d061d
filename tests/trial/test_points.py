"""The points that a trial records, their best value and their mean."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maggy.common.exceptions import BadArgumentsError
from maggy.trial import Trial

any_value = st.floats(width=32) | st.integers(-5, 5)
points = st.lists(st.tuples(st.integers(0, 8), any_value), max_size=12)


def reported(*values):
    trial = Trial({"x": 1})
    for step, value in enumerate(values):
        trial.append_metric({"step": step, "value": value})
    return trial


def test_a_new_step_is_returned():
    trial = Trial({})
    assert trial.append_metric({"step": 0, "value": 0.1}) == 0
    assert trial.append_metric({"step": 5, "value": 0.2}) == 5
    assert (trial.step_history, trial.metric_history) == ([0, 5], [0.1, 0.2])


def test_an_equal_step_replaces_the_value():
    trial = reported(0.1, 0.9)
    assert trial.append_metric({"step": 1, "value": 0.5}) is None
    assert (trial.step_history, trial.metric_history) == ([0, 1], [0.1, 0.5])
    assert trial.best("max") == 0.5
    assert trial.mean_until(1) == pytest.approx(0.3)


def test_a_lower_step_is_ignored():
    trial = reported(0.1, 0.9)
    assert trial.append_metric({"step": 0, "value": 5.0}) is None
    assert (trial.step_history, trial.metric_history) == ([0, 1], [0.1, 0.9])


@given(points)
def test_a_point_without_a_check_is_recorded_as_one_with_a_check(values):
    slow, quick = Trial({}), Trial({})
    for step, value in values:
        assert quick.append_point(float(step), float(value)) == slow.append_metric(
            {"step": step, "value": value}
        )
    assert str((quick.step_history, quick.metric_history)) == str(
        (slow.step_history, slow.metric_history)
    )
    for direction in ("max", "min"):
        assert quick.best(direction) == slow.best(direction)


def test_values_are_plain_floats_and_whole_steps_plain_integers():
    trial = Trial({})
    trial.append_metric({"step": np.float64(2.0), "value": np.float32(0.5)})
    trial.append_metric({"step": 3, "value": 1})
    assert [type(value) for value in trial.metric_history] == [float, float]
    assert [type(step) for step in trial.step_history] == [int, int]


def test_an_integer_beyond_every_float_is_infinite():
    assert reported(10**400, -(10**400)).metric_history == [math.inf, -math.inf]


@pytest.mark.parametrize(
    "point",
    [
        None,
        5,
        {},
        {"step": 1},
        {"value": 1},
        {"step": "1", "value": 1},
        {"step": 1, "value": "1"},
        {"step": True, "value": 1},
        {"step": 1, "value": None},
        {"step": math.nan, "value": 1},
        {"step": math.inf, "value": 1},
    ],
)
def test_a_point_has_a_step_and_a_value(point):
    trial = Trial({})
    with pytest.raises(BadArgumentsError, match="point"):
        trial.append_metric(point)
    assert trial.step_history == []


def test_the_best_value_follows_the_direction():
    trial = reported(0.5, 0.9, 0.1, 0.3)
    assert trial.best("max") == 0.9
    assert trial.best("min") == 0.1


def test_nan_is_never_the_best():
    assert reported(math.nan).best("max") is None
    assert reported(math.nan, 0.5, math.nan).best("min") == 0.5
    assert Trial({}).best("max") is None


@pytest.mark.parametrize("direction", ["MAX", "", None])
def test_there_are_two_directions(direction):
    with pytest.raises(BadArgumentsError, match="direction must be 'max' or 'min'"):
        reported(1.0).best(direction)


def test_the_mean_covers_the_steps_up_to_a_step():
    trial = Trial({})
    for step, value in [(2, 1.0), (4, 3.0), (6, 8.0)]:
        trial.append_metric({"step": step, "value": value})
    assert [trial.mean_until(step) for step in (1, 2, 3, 4, 6, 99)] == [
        None,
        1.0,
        1.0,
        2.0,
        4.0,
        4.0,
    ]


def test_the_mean_leaves_out_values_that_are_not_finite():
    trial = reported(math.nan, 1.0, math.inf, 3.0, -math.inf)
    assert [trial.mean_until(step) for step in range(5)] == [None, 1.0, 1.0, 2.0, 2.0]


def test_the_mean_of_equal_values_is_exactly_that_value():
    trial = reported(*[0.1] * 1000)
    assert trial.mean_until(999) == 0.1


def test_the_mean_of_huge_values_is_finite():
    assert reported(1.7e308, 1.7e308).mean_until(1) == 1.7e308
    assert reported(1.7e308, -1.7e308).mean_until(1) == 0.0


@given(points)
def test_best_and_mean_agree_with_the_histories(history):
    trial = Trial({})
    for step, value in history:
        trial.append_metric({"step": step, "value": value})
    assert trial.step_history == sorted(set(trial.step_history))
    assert len(trial.step_history) == len(trial.metric_history)
    values = [value for value in trial.metric_history if not math.isnan(value)]
    assert trial.best("max") == max(values, default=None)
    assert trial.best("min") == min(values, default=None)
    for step in range(10):
        history = zip(trial.step_history, trial.metric_history, strict=True)
        finite = [value for s, value in history if s <= step and math.isfinite(value)]
        if not finite:
            assert trial.mean_until(step) is None
        else:
            expected = pytest.approx(fmean(finite), rel=1e-6, abs=1e-6 * max(map(abs, finite)))
            assert trial.mean_until(step) == expected


@given(st.lists(any_value, min_size=1))
def test_a_mirrored_history_has_the_mirrored_best_and_mean(values):
    up, down = reported(*values), reported(*[-value for value in values])
    for one, other in [
        (up.best("max"), down.best("min")),
        (up.best("min"), down.best("max")),
        (up.mean_until(99), down.mean_until(99)),
    ]:
        assert one == (None if other is None else -other)


def test_a_point_may_be_an_array_of_one_number():
    assert reported(np.array([0.5])).metric_history == [0.5]


def test_the_values_are_in_a_dict_by_their_steps():
    trial = Trial({"x": 1})
    assert trial.metric_dict == {}
    for step, value in ((0, 0.5), (2, 0.7), (2, 0.8)):
        trial.append_metric({"step": step, "value": value})
    assert trial.metric_dict == {0: 0.5, 2: 0.8}
