"""The plot of what trials reported while they trained."""

import math

import pytest
from helpers.plotting import boxes, legend, marks, outside, overlaps
from helpers.results import ended_trial

from maggy.result import build_result
from maggy.result.plots.style import BEST_COLOR


def reporting(number, values, metric, *, first=1, **others):
    trial = ended_trial({"lr": number}, metric, **others)
    for step, value in enumerate(values, start=first):
        trial.append_metric({"step": step, "value": value})
    return trial


def draw(*trials, direction="min", metric="loss"):
    result = build_result(
        list(trials), kind="optimization", direction=direction, optimization_key=metric
    )
    return result.plot_curves()


def lines(axes, color):
    """Return the points of all faded lines of a colour."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_hex

    return [
        [tuple(map(float, point)) for point in segment]
        for mark in axes.collections
        if isinstance(mark, LineCollection) and to_hex(mark.get_colors()[0]).upper() == color
        for segment in mark.get_segments()
    ]


USUAL = [
    reporting(number, [2.0, 1.0 + number / 10, 0.5 + number / 10], 0.5 + number / 10)
    for number in range(6)
]


def test_the_best_trial_is_on_top_in_its_colour_and_the_others_are_faded():
    axes = draw(*USUAL)
    (best,) = axes.lines
    assert best.get_color() == BEST_COLOR
    assert list(best.get_ydata()) == [2.0, 1.0, 0.5]
    assert best.get_zorder() > max(mark.get_zorder() for mark in axes.collections)
    assert len(lines(axes, "#0072B2")) == 5
    assert legend(axes) == ["finished (6)", "best: 0.5"]


def test_more_trials_are_more_faded():
    opacities = [
        draw(*(reporting(number, [2.0, 1.0], 1.0) for number in range(count)))
        .collections[0]
        .get_alpha()
        for count in (10, 100, 400)
    ]
    assert opacities == sorted(opacities, reverse=True)
    assert len(set(opacities)) == 3


def test_a_trial_that_was_stopped_or_failed_is_marked_at_its_last_point():
    stopped = reporting(7, [2.0, 1.9], 1.9, early_stop=True)
    broken = reporting(8, [2.0, 1.5, 1.4], None)
    axes = draw(*USUAL, stopped, broken)
    ends = [
        [tuple(map(float, point)) for point in mark.get_offsets()]
        for mark in axes.collections
        if len(mark.get_offsets()) == 1 and mark.get_paths()
    ]
    assert [(2, 1.9)] in ends
    assert [(3, 1.4)] in ends
    assert legend(axes) == ["finished (6)", "stopped early (1)", "failed (1)", "best: 0.5"]


def test_a_trial_that_reported_once_is_a_point():
    axes = draw(*USUAL, reporting(9, [0.9], 0.9))
    assert [[1.0, 0.9]] in [mark.get_offsets().tolist() for mark in axes.collections]


@pytest.mark.parametrize(
    ("last", "label"), [(1e12, "beyond the axis"), (math.nan, "NaN or beyond the axis")]
)
def test_a_curve_that_diverged_is_marked_at_the_edge_where_it_leaves_the_axis(last, label):
    axes = draw(*USUAL, reporting(7, [2.0, 1.9, last], 1e12 if last == 1e12 else None))
    assert axes.get_ylim()[1] < 3
    ((x, y),) = marks(axes, label)
    assert x == 3
    assert y > 0.9
    assert f"{label} (1)" in legend(axes)


def test_first_values_that_all_trials_share_are_on_the_axis():
    starts = [reporting(number, [50.0, 1.0, 0.5 + number / 100], 0.6) for number in range(9)]
    axes = draw(*starts)
    assert axes.get_ylim()[1] > 50
    assert not any("beyond" in text for text in legend(axes))


def test_of_metrics_that_are_maximized_the_lowest_leave_the_axis():
    trials = [reporting(number, [0.1, 0.5, 0.7 + number / 100], 0.7) for number in range(6)]
    axes = draw(*trials, reporting(7, [0.1, -1e9], -1e9), direction="max", metric="accuracy")
    assert axes.get_ylim()[0] > -1
    assert marks(axes, "beyond the axis")[0][1] < 0.1


def test_title_and_axes_name_the_metric():
    axes = draw(*USUAL)
    assert axes.get_title(loc="left") == "loss while 6 trials trained (lower is better)"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("training step", "loss, as reported")


def test_without_a_reported_value_the_plot_says_so():
    axes = draw(ended_trial({"lr": 1}, 0.5))
    assert "no trial has reported a value" in [text for text, _ in boxes(axes)]


@pytest.mark.parametrize("first", [0, -3, 10**6])
def test_texts_do_not_overlap_nor_leave_the_figure(first):
    trials = [
        reporting(number, [0.5] * 12, number / 300, first=first, early_stop=number % 2 == 0)
        for number in range(299)
    ]
    name = "a_metric_with_a_name_of_forty_characters"
    axes = draw(*trials, reporting(300, [1e9], 1e9), metric=name)
    assert overlaps(axes) == []
    assert outside(axes) == []
