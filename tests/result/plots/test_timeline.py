"""The plot of the workers' time."""

import pytest
from helpers.plotting import boxes, legend, outside, overlaps, tick_texts
from helpers.results import ended_trial

from maggy.result import build_result


def trial(number, start, seconds, worker=None, metric=0.5, **others):
    duration = int(1000 * seconds)
    start = 1.7e9 + start
    fields = {"start": start, "duration": duration, "worker": worker, **others}
    return ended_trial({"lr": number}, metric, **fields)


def draw(*trials):
    return build_result(
        list(trials), kind="optimization", direction="max", optimization_key="accuracy"
    ).plot_timeline()


def bars(axes, label):
    """Return the bars of one kind: the level, the start and the end of each."""
    (found,) = [mark for mark in axes.collections if mark.get_label().startswith(label)]
    corners = [path.vertices for path in found.get_paths()]
    return [
        (round(y.mean()), round(x.min(), 3), round(x.max(), 3))
        for x, y in ((points[:4, 0], points[:4, 1]) for points in corners)
    ]


def test_each_trial_is_a_bar_in_the_lane_of_its_worker():
    axes = draw(
        trial(1, 0, 30, worker=0),
        trial(2, 10, 5, worker=3, early_stop=True),
        trial(3, 20, 10, worker=3, metric=None),
    )
    assert tick_texts(axes.yaxis) == ["worker 0", "worker 3"]
    assert bars(axes, "finished") == [(0, 0, 30)]
    assert bars(axes, "stopped early") == [(1, 10, 15)]
    assert bars(axes, "failed") == [(1, 20, 30)]
    assert axes.get_title(loc="left") == "3 trials on 2 workers"


def test_idle_time_stands_behind_the_trials_and_is_counted():
    axes = draw(trial(1, 0, 30, worker=0), trial(2, 10, 15, worker=1))
    assert bars(axes, "idle") == [(0, 0, 30), (1, 0, 30)]
    assert "idle (25 % of the time)" in legend(axes)


def test_the_best_trial_is_marked():
    axes = draw(trial(1, 0, 30, worker=0), trial(2, 0, 20, worker=1, metric=0.9))
    (star,) = axes.lines
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (10, 1)
    assert "best" in legend(axes)


@pytest.mark.parametrize(
    ("seconds", "unit", "end"), [(100, "seconds", 100), (600, "minutes", 10), (9000, "hours", 2.5)]
)
def test_the_unit_fits_the_length(seconds, unit, end):
    axes = draw(trial(1, 0, seconds, worker=0))
    assert axes.get_xlabel() == f"time since the first trial began ({unit})"
    assert bars(axes, "finished") == [(0, 0, end)]


def test_without_workers_the_trials_are_packed_and_the_title_says_so():
    axes = draw(trial(1, 0, 10), trial(2, 5, 10), trial(3, 12, 10))
    assert tick_texts(axes.yaxis) == ["lane 1", "lane 2"]
    title = "3 trials on 2 lanes (packed, as the records do not say which worker ran them)"
    assert " ".join(axes.get_title(loc="left").split()) == title
    axes = draw(trial(1, 0, 10, worker=4), trial(2, 5, 10))
    title = (
        "2 trials on 1 worker and 1 lane (packed, as the records do not say which worker ran some)"
    )
    assert " ".join(axes.get_title(loc="left").split()) == title


def test_the_axis_says_what_the_plot_cannot_show():
    unsent = trial(2, 0, 0, metric=None)
    unsent.start = None
    axes = draw(trial(1, 0, 10, worker=0, attempts=2), unsent)
    assert axes.get_xlabel().endswith(
        "(seconds); only the last run of 1 trial; without 1 trial that never began"
    )


def test_without_a_trial_that_began_the_plot_says_so():
    assert "no trial has started" in [text for text, _ in boxes(draw())]


@pytest.mark.parametrize("workers", [1, 40, 200])
def test_texts_do_not_overlap_nor_leave_the_figure(workers):
    axes = draw(
        *(
            trial(number, number, 50, number % workers, None if number % 9 else 0.5)
            for number in range(300)
        )
    )
    assert overlaps(axes) == []
    assert outside(axes) == []


def test_a_packed_timeline_has_no_overlaps():
    axes = draw(*(trial(number, number, 50) for number in range(300)))
    assert overlaps(axes) == []
    assert outside(axes) == []
