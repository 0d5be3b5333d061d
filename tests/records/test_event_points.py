"""TensorBoard shows each point once, with its time, while the trial runs and after it."""

import math

import pytest

from maggy.common.files import AnyFiles
from maggy.records.directory import ExperimentStore
from maggy.trial import Trial

pytest.importorskip("tensorboard")


class Torn(AnyFiles):
    """Files whose next additions to event files write a half and fail, or replacements a part."""

    def __init__(self):
        super().__init__()
        self.failures = self.failures_to_replace = 0

    def write_bytes(self, path, data, atomic=True):
        if self.failures_to_replace and "tfevents" in path:
            self.failures_to_replace -= 1
            super().write_bytes(path, data[:10], atomic)
            raise OSError("the disk is still full")
        super().write_bytes(path, data, atomic)

    def append_bytes(self, path, data):
        if self.failures and "tfevents" in path:
            self.failures -= 1
            super().append_bytes(path, data[: len(data) // 2])
            raise OSError("the disk is full")
        super().append_bytes(path, data)


@pytest.fixture
def files():
    return Torn()


@pytest.fixture
def store(files, tmp_path):
    return ExperimentStore.create(files, str(tmp_path), "app")


def seen(store, trial):
    """Return an accumulator, which keeps how far it has read, and how to get its points."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(store.trial_directory(trial.trial_id))

    def scalars(tag="reported"):
        accumulator.Reload()
        if tag not in accumulator.Tags()["scalars"]:
            return []
        return [(event.step, event.value, event.wall_time) for event in accumulator.Scalars(tag)]

    return scalars


def report(trial, *points):
    for point in points:
        trial.append_point(*point)


def end(store, trial):
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    trial.start, trial.duration = 100.0, 60_000
    store.end_trial(trial)


def test_points_appear_while_the_trial_runs_and_each_one_once(store):
    trial, points = Trial({"x": 1}), [(0, 0.5, 101.0), (1, 0.25, 102.5), (2, 1.0, 103.0)]
    scalars = seen(store, trial)
    store.begin_trial(trial)
    assert scalars() == []
    store.append_points(trial.trial_id, points[:2])
    assert scalars() == points[:2]
    store.append_points(trial.trial_id, points[2:])
    store.append_points(trial.trial_id, points[2:])
    assert scalars() == points
    last = (3, 0.75, 104.0)
    report(trial, *points, last)
    end(store, trial)
    assert scalars() == [*points, last]
    assert scalars("metric") == [(3, 0.5, 160.0)]
    assert seen(store, trial)() == [*points, last]


def test_a_trial_that_ends_soon_has_the_times_of_its_points(store):
    trial = Trial({"x": 1})
    report(trial, (0, 0.5, 101.0), (1, 0.25, math.nan))
    end(store, trial)
    assert seen(store, trial)() == [(0, 0.5, 101.0), (1, 0.25, 160.0)]


def test_a_write_that_was_torn_is_repeated_and_nothing_appears_twice(store, files):
    trial, points = Trial({"x": 1}), [(0, 0.5, 101.0), (1, 0.25, 102.0)]
    scalars = seen(store, trial)
    store.begin_trial(trial)
    files.failures = 1
    with pytest.raises(OSError, match="full"):
        store.append_points(trial.trial_id, points)
    scalars()
    store.append_points(trial.trial_id, points)
    assert scalars() == points
    report(trial, *points, (2, 0.125, 103.0))
    files.failures = 1
    with pytest.raises(OSError, match="full"):
        end(store, trial)
    scalars()
    end(store, trial)
    assert scalars() == [*points, (2, 0.125, 103.0)]
    assert seen(store, trial)() == [*points, (2, 0.125, 103.0)]


def test_a_disk_that_stays_full_for_a_while_costs_no_point(store, files):
    trial, points = Trial({"x": 1}), [(0, 0.5, 101.0), (1, 0.25, 102.0), (2, 1.0, 103.0)]
    store.begin_trial(trial)
    store.append_points(trial.trial_id, points[:1])
    files.failures, files.failures_to_replace = 1, 2
    for _ in range(3):
        with pytest.raises(OSError, match="full"):
            store.append_points(trial.trial_id, points[1:2])
    store.append_points(trial.trial_id, points[1:2])
    assert seen(store, trial)() == points[:2]
    report(trial, *points)
    end(store, trial)
    assert seen(store, trial)() == points
    assert seen(store, trial)("metric") == [(2, 0.5, 160.0)]


def test_the_points_of_a_lost_worker_disappear_when_the_trial_reports_again(store):
    trial, first = Trial({"x": 1}), [(0, 0.5, 101.0), (1, 0.25, 102.0), (2, 0.5, 103.0)]
    scalars = seen(store, trial)
    store.begin_trial(trial)
    store.append_points(trial.trial_id, first)
    assert scalars() == first
    store.restart_trial(trial.trial_id)
    store.begin_trial(trial)
    again = [(1, 1.0, 111.0), (2, 2.0, 112.0)]
    store.append_points(trial.trial_id, again[:1])
    assert scalars() == again[:1]
    report(trial, *again)
    end(store, trial)
    assert scalars() == again
    assert seen(store, trial)() == again


def test_a_trial_that_lost_its_worker_and_then_ends_soon_shows_only_its_new_points(store):
    trial = Trial({"x": 1})
    scalars = seen(store, trial)
    store.begin_trial(trial)
    store.append_points(trial.trial_id, [(0, 0.5, 101.0), (5, 0.5, 102.0)])
    scalars()
    store.restart_trial(trial.trial_id)
    report(trial, (1, 1.0, 111.0))
    end(store, trial)
    assert scalars() == [(1, 1.0, 111.0)]


def test_a_step_that_is_repeated_shows_its_last_value_only(store):
    trial = Trial({"x": 1})
    points = [(0, 3.0, 101.0), (0, 2.0, 102.0), (1, 1.0, 103.0), (1, 0.5, 104.0)]
    store.begin_trial(trial)
    for point in points:
        report(trial, point)
    scalars = seen(store, trial)
    store.append_points(trial.trial_id, points[:3])
    assert scalars() == [points[1]]
    store.append_points(trial.trial_id, [points[3], (float("nan"), 1.0, 104.0)])
    assert scalars() == [points[1]]
    end(store, trial)
    assert scalars() == [points[1], points[3]]


def test_after_the_driver_was_killed_only_the_points_of_the_new_run_are_shown(files, store):
    trial = Trial({"x": 1})
    scalars = seen(store, trial)
    store.begin_trial(trial)
    store.append_points(trial.trial_id, [(0, 0.5, 101.0), (1, 0.25, 102.0)])
    assert len(scalars()) == 2
    store.write_experiment({})
    store.release()
    resumed = ExperimentStore.open(files, "", store.directory, clock=lambda: 4_000_000_000.0)
    resumed.claim()
    resumed.read_trials()
    resumed.begin_trial(trial)
    resumed.append_points(trial.trial_id, [(1, 1.0, 201.0)])
    assert scalars() == [(1, 1.0, 201.0)]
    report(trial, (1, 1.0, 201.0), (2, 2.0, 202.0))
    end(resumed, trial)
    assert scalars() == [(1, 1.0, 201.0), (2, 2.0, 202.0)]
    assert seen(store, trial)() == [(1, 1.0, 201.0), (2, 2.0, 202.0)]


def test_object_stores_get_the_points_at_the_end(store):
    assert store.shows_points
    remote = ExperimentStore.create(AnyFiles(), "memory://event-points", "app")
    assert remote.has_event_files
    assert not remote.shows_points
