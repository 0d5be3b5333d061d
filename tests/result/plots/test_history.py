"""The plot of a search: its trials in the order of ending, and the best so far."""

import pytest
from helpers.plotting import boxes, legend, marks, outside, overlaps, tick_texts
from helpers.results import ended_trial, search_result

from maggy.result import build_result


def result_of(trials, direction="max", metric="accuracy"):
    return build_result(trials, kind="optimization", direction=direction, optimization_key=metric)


def best_line(axes):
    (line,) = [line for line in axes.lines if line.get_label().startswith("best")]
    return [tuple(map(float, point)) for point in zip(*line.get_data(), strict=True)]


def test_each_trial_is_marked_by_its_place_its_metric_and_how_it_ended():
    trials = [
        ended_trial({"lr": 1}, 0.5),
        ended_trial({"lr": 2}, 0.4, early_stop=True),
        ended_trial({"lr": 3}, None),
        ended_trial({"lr": 4}, 0.7),
    ]
    axes = result_of(trials).plot()
    assert marks(axes, "finished") == [(1, 0.5), (4, 0.7)]
    assert marks(axes, "stopped early") == [(2, 0.4)]
    assert [x for x, _ in marks(axes, "failed")] == [3]
    assert legend(axes) == [
        "finished (2)",
        "stopped early (1)",
        "failed (1)",
        "best so far: 0.7",
    ]


@pytest.mark.parametrize(
    ("direction", "line"),
    [
        ("max", [(2, 0.5), (3, 0.6), (6, 0.6)]),
        ("min", [(2, 0.5), (4, 0.3), (6, 0.3)]),
    ],
)
def test_the_line_of_the_best_begins_with_the_first_metric_and_lasts_to_the_end(direction, line):
    axes = search_result([None, 0.5, 0.6, 0.3, 0.55, None], direction).plot()
    assert best_line(axes) == line


def test_title_and_axes_name_the_metric_and_its_direction():
    axes = search_result([0.5, 0.25], "min").plot()
    assert axes.get_title(loc="left") == "accuracy of 2 trials (lower is better)"
    assert axes.get_xlabel() == "trial, in the order of ending"
    assert axes.get_ylabel() == "accuracy"
    assert search_result([0.5]).plot().get_title(loc="left").endswith("(higher is better)")


@pytest.mark.parametrize(("direction", "sign"), [("max", -1), ("min", 1)])
def test_a_diverged_trial_is_marked_at_the_edge_and_counted(direction, sign):
    metrics = [sign * value for value in (0.5, 0.4, 0.3, 1e12, 0.45, 0.35)]
    axes = search_result(metrics, direction).plot()
    low, high = axes.get_ylim()
    assert max(abs(low), abs(high)) < 1
    assert low < min(sign * 0.5, sign * 0.3) < max(sign * 0.5, sign * 0.3) < high
    assert "beyond the axis (1)" in legend(axes)
    ((x, y),) = marks(axes, "beyond the axis")
    assert x == 4
    # The edge is where metrics are worst, in shares of the axes.
    assert (y > 0.9) if direction == "min" else (y < 0.1)
    assert len(marks(axes, "finished")) == 5


def test_markers_at_the_edge_cover_no_metric():
    metrics = [0.5, 0.4, 0.3, None, 0.45, 0.35]
    axes = search_result(metrics, "max").plot()
    low, high = axes.get_ylim()
    ((_, y),) = marks(axes, "failed")
    assert low + 2 * y * (high - low) < 0.3


def test_a_search_in_which_all_trials_failed_is_drawn():
    axes = search_result([None, None]).plot()
    assert legend(axes) == ["failed (2)"]
    assert overlaps(axes) == []


def test_a_search_without_trials_says_so():
    texts = [text for text, _ in boxes(search_result([]).plot())]
    assert "no trial has ended" in texts


@pytest.mark.parametrize("metrics", [[0.0], [0.5, 0.5], [1e-300, 2e-300], [1e300, -1e300]])
def test_equal_and_extreme_metrics_have_an_axis(metrics):
    axes = search_result(metrics).plot()
    low, high = axes.get_ylim()
    assert low < min(metrics) <= max(metrics) < high
    assert overlaps(axes) == []


@pytest.mark.parametrize("count", [1, 10, 300])
def test_texts_do_not_overlap_nor_leave_the_figure(count):
    trials = [
        ended_trial(
            {"lr": number}, number % 7 / 7 if number % 5 else None, early_stop=number % 3 > 1
        )
        for number in range(1, count)
    ]
    trials.append(ended_trial({"lr": 0}, -1e9))
    axes = result_of(trials, metric="a_metric_with_a_name_of_forty_characters").plot()
    assert overlaps(axes) == []
    assert outside(axes) == []


def test_many_trials_have_smaller_markers():
    few, many = (search_result([0.5, 0.6] * count).plot().collections[0] for count in (5, 150))
    assert many.get_sizes() < few.get_sizes()


@pytest.mark.parametrize(
    "metrics", [[3e6, 5e6], [2e9, 3e9], [0.99990001, 0.99990005], [1e-7, 3e-7]]
)
def test_numbers_stand_in_full_beside_the_axis(metrics):
    axes = search_result(metrics).plot()
    assert axes.yaxis.get_offset_text().get_text() == ""
    texts = tick_texts(axes.yaxis)
    assert len(set(texts)) == len(texts) >= 3
    assert all(len(text) < 14 for text in texts)
    assert overlaps(axes) == []
