"""The plot of the metric over one parameter, on the parameter's own scale."""

import pytest
from helpers.plotting import legend, marks, outside, overlaps, tick_texts
from helpers.results import ended_trial, search_result

from maggy.common.exceptions import BadArgumentsError
from maggy.result import build_result
from maggy.searchspace import Searchspace

LONG = [f"{letter}_category_with_a_name_of".ljust(40, "_") for letter in "abcdef"]
SPACE = Searchspace(
    rate=("DOUBLE", [1e-5, 1e-1], "log"),
    drop=("DOUBLE", [0.0, 0.5]),
    layers=("INTEGER", [1, 6]),
    units=("INTEGER", [8, 512], "log"),
    batch=("DISCRETE", [64, 16, 32]),
    kind=("CATEGORICAL", ["sgd", "adam", None, [1, 2], True, 1]),
    backbone=("CATEGORICAL", LONG),
    momentum=("DOUBLE", [0, 1], {"when": {"kind": "sgd"}}),
)


def draw(name, *values, metrics=None, space=SPACE, direction="max", metric="accuracy"):
    metrics = metrics or [0.5 + number / 100 for number in range(len(values))]
    trials = [
        ended_trial({} if value is Ellipsis else {name: value}, metric)
        for value, metric in zip(values, metrics, strict=True)
    ]
    result = build_result(trials, kind="optimization", direction=direction, optimization_key=metric)
    result.searchspace = space
    return result.plot_parameter(name)


def test_a_log_parameter_has_a_log_scale_from_bound_to_bound():
    axes = draw("rate", 1e-3, 1e-2)
    assert axes.get_xscale() == "log"
    low, high = axes.get_xlim()
    assert 0.5e-5 < low < 1e-5
    assert 1e-1 < high < 2e-1
    assert marks(axes, "finished") == [(1e-3, 0.5), (1e-2, 0.51)]


@pytest.mark.parametrize(("name", "bounds"), [("drop", (0, 0.5)), ("layers", (1, 6))])
def test_another_parameter_has_a_linear_scale_from_bound_to_bound(name, bounds):
    axes = draw(name, bounds[0], bounds[1])
    assert axes.get_xscale() == "linear"
    low, high = axes.get_xlim()
    margin = 0.1 * (bounds[1] - bounds[0])
    assert bounds[0] - margin < low < bounds[0] < bounds[1] < high < bounds[1] + margin


def test_an_integer_has_ticks_at_integers():
    assert tick_texts(draw("layers", 2, 3).xaxis) == ["1", "2", "3", "4", "5", "6"]


def test_powers_of_two_have_ticks_at_powers_of_two():
    assert tick_texts(draw("units", 16).xaxis) == ["8", "16", "32", "64", "128", "256", "512"]


def test_listed_values_stand_in_the_order_of_the_space_whether_tried_or_not():
    assert tick_texts(draw("batch", 32, 64).xaxis) == ["64", "16", "32"]
    axes = draw("kind", 1, "adam")
    assert tick_texts(axes.xaxis) == ["sgd", "adam", "null", "[1, 2]", "true", "1"]
    assert [round(x) for x, _ in marks(axes, "finished")] == [5, 1]


def test_trials_of_one_category_stand_beside_each_other_and_within_their_category():
    points = marks(draw("batch", *([16] * 30)), "finished")
    assert len({x for x, _ in points}) == 30
    assert all(0.7 < x < 1.3 for x, _ in points)


def test_without_a_space_numbers_are_linear_and_other_values_are_in_the_order_of_appearance():
    assert draw("rate", 1e-5, 1e-1, space=None).get_xscale() == "linear"
    assert tick_texts(draw("kind", "b", 2, "a", space=None).xaxis) == ["b", "2", "a"]
    assert draw("budget", 1, 9).get_xscale() == "linear"


def test_trials_without_the_parameter_are_counted():
    axes = draw("momentum", 0.5, ..., ..., 0.25)
    assert len(marks(axes, "finished")) == 2
    assert axes.get_xlabel() == "momentum (2 trials without it)"


def test_failed_and_diverged_trials_are_marked_at_their_value():
    metrics = [0.5, 0.51, 0.52, 0.53, 0.54, -1e9, None]
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.25, 0.35]
    axes = draw("drop", *values, metrics=metrics)
    assert axes.get_ylim()[0] > 0
    assert [x for x, _ in marks(axes, "beyond the axis")] == [0.25]
    assert [x for x, _ in marks(axes, "failed")] == [0.35]
    assert legend(axes) == ["finished (5)", "failed (1)", "beyond the axis (1)"]


def test_long_names_of_categories_stand_on_the_vertical_axis_from_the_top():
    metrics = [0.5, 0.51, 0.52, 0.53, 0.54, 1e9, None]
    values = [*LONG, LONG[0]]
    axes = draw("backbone", *values, metrics=metrics, direction="min", metric="loss")
    assert tick_texts(axes.yaxis) == LONG
    bottom, top = axes.get_ylim()
    assert bottom > top
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("loss", "backbone")
    assert axes.get_xlim()[1] < 1
    ((x, y),) = marks(axes, "beyond the axis")
    assert x > 0.9
    assert round(y) == 5


def test_a_name_that_is_no_parameter_is_refused():
    result = search_result([0.5])
    with pytest.raises(BadArgumentsError, match=r"one of the experiment's \(lr\), but got 'x'"):
        result.plot_parameter("x")


@pytest.mark.parametrize("name", [name for name in SPACE.names() if name != "momentum"])
def test_texts_do_not_overlap_nor_leave_the_figure(name):
    parameter = SPACE.get(name)
    values = parameter if len(parameter) > 2 else [parameter[0], parameter[1]]
    metrics = [None if number % 9 == 8 else number % 7 for number in range(300)]
    axes = draw(
        name,
        *(values[number % len(values)] for number in range(300)),
        metrics=metrics,
        metric="a_metric_with_a_name_of_forty_characters",
    )
    assert overlaps(axes) == []
    assert outside(axes) == []


@pytest.mark.parametrize(
    "bounds", [(0.1, 0.5), (1e-3, 2e-3), (1.0, 9.0), (1e-5, 1e-4), (1e-12, 1e3), (1e-200, 1e200)]
)
def test_the_ticks_of_any_log_scale_do_not_overlap(bounds):
    space = Searchspace(rate=("DOUBLE", list(bounds), "log"))
    axes = draw("rate", *bounds, space=space)
    assert len(tick_texts(axes.xaxis)) >= 1
    assert overlaps(axes) == []


@pytest.mark.parametrize("count", [30, 200])
def test_many_categories_keep_readable_names(count):
    names = [f"category number {number}" for number in range(count)]
    axes = draw("kind", names[0], space=Searchspace(kind=("CATEGORICAL", names)))
    texts = tick_texts(axes.yaxis)
    assert texts[0] == names[0]
    assert len(texts) == 30 if count == 30 else 30 < len(texts) < 200
    assert overlaps(axes) == []
