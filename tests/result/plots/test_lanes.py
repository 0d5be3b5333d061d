"""The lanes in which a timeline stands."""

from helpers.results import ended_trial

from maggy.result.plots.lanes import arrange
from maggy.result.rows import make_row


def row(start, seconds, worker=None, number=0):
    duration = None if seconds is None else int(1000 * seconds)
    trial = ended_trial({"x": number}, 0.5, start=start, duration=duration, worker=worker)
    return make_row(trial, "metric")


def times(lanes):
    return {
        lane.name: [(interval.start, interval.end) for interval in lane.intervals] for lane in lanes
    }


def test_each_worker_has_a_lane_and_time_counts_from_the_first_start():
    rows = [row(112, 3, worker=1), row(100, 5, worker=10), row(101, 4, worker=1)]
    assert times(arrange(rows)) == {"worker 1": [(1, 5), (12, 15)], "worker 10": [(0, 5)]}


def test_trials_without_a_worker_are_packed_into_as_few_lanes_as_possible():
    rows = [row(0, 10), row(1, 2), row(4, 3), row(8, 4), row(9, 1)]
    assert times(arrange(rows)) == {
        "lane 1": [(0, 10)],
        "lane 2": [(1, 3), (4, 7), (8, 12)],
        "lane 3": [(9, 10)],
    }


def test_workers_come_before_packed_lanes():
    lanes = arrange([row(0, 1), row(0, 1, worker=2)])
    assert [(lane.name, lane.worker) for lane in lanes] == [("worker 2", 2), ("lane 1", None)]


def test_a_trial_that_never_began_has_no_place_and_one_without_a_duration_no_length():
    assert times(arrange([row(None, None), row(7, None, worker=0)])) == {"worker 0": [(0, 0)]}
    assert arrange([]) == []
