"""A snapshot of records: counts, the best, the failures, the times, and what it waits for."""

import pytest
from helpers.recorded import BEGAN, record_ablation, record_search, record_single

from maggy.common.files import AnyFiles
from maggy.live.bounded import MAX_POINTS
from maggy.live.recorded import make_snapshot
from maggy.live.snapshot import MAX_BEST, MAX_FAILURES
from maggy.records.recorded import Overview, RecordedExperiment, read_experiment

FILES = AnyFiles()


def snapshot_of(recorded, now=BEGAN + 100, **others):
    return make_snapshot(read_experiment(FILES, recorded.path), now=now, **others)


def test_a_running_search_says_what_it_is_and_how_far_it_is(tmp_path):
    running = [{"lr": 0.9, "pool": 9}]
    recorded = record_search(tmp_path, state=None, running=running, num_trials=8)
    snapshot = snapshot_of(recorded)
    assert (snapshot.name, snapshot.experiment_id, snapshot.directory) == (
        "demo", "app_1", recorded.path,
    )  # fmt: skip
    assert (snapshot.kind, snapshot.state, snapshot.direction, snapshot.optimization_key) == (
        "optimization", "RUNNING", "max", "accuracy",
    )  # fmt: skip
    assert (snapshot.total, snapshot.num_ended, snapshot.num_stopped, snapshot.num_failed) == (
        8,
        3,
        0,
        1,
    )
    assert [row["metric"] for row in snapshot.best] == [0.75, 0.5]
    assert [row["number"] for row in snapshot.failures] == [2]
    assert "ValueError: too bad" in snapshot.failures[0]["error"]
    assert [row["params"] for row in snapshot.running] == running
    assert snapshot.waiting_for == ""
    assert sorted(snapshot.numbers.values()) == [1, 2, 3]


def test_times_count_from_the_first_trial_of_the_last_call(tmp_path):
    # Each trial takes 1.5 seconds, and begins a second after the one before.
    recorded = record_search(tmp_path, [0.5] * 4, state=None, num_trials=12)
    snapshot = snapshot_of(recorded, now=BEGAN + 6)
    assert (snapshot.seconds, snapshot.remaining_seconds) == (6.0, 8 * 1.5)  # one at a time
    # The second call has run the last two trials, which began 2 and 3 seconds after BEGAN.
    runs = [{"began": BEGAN}, {"began": BEGAN + 2}]
    resumed = record_search(tmp_path, [0.5] * 4, state=None, num_trials=12, runs=runs)
    snapshot = snapshot_of(resumed, now=BEGAN + 3.5)
    assert (snapshot.seconds, snapshot.remaining_seconds) == (1.5, 8 * 1.5 / 2)  # two at once
    everything = record_search(tmp_path, [0.5] * 4, state=None, num_trials=4)
    assert snapshot_of(everything).remaining_seconds == 0.0


def test_running_trials_have_done_a_part_of_the_remaining_work(tmp_path, monkeypatch):
    running = [{"number": 5, "start": BEGAN + 3, "steps": [], "history": []}]
    monkeypatch.setattr("maggy.live.recorded.running_rows", lambda experiment: running)
    recorded = record_search(tmp_path, [0.5] * 4, state=None, num_trials=6)
    # Work of 7 s was done in 4 s. One trial of 1.5 s and half a second of another one are left.
    remaining = snapshot_of(recorded, now=BEGAN + 4).remaining_seconds
    assert remaining == pytest.approx((1.5 + 0.5) * 4 / 7)


@pytest.mark.parametrize(("state", "seconds"), [("FINISHED", 60.0), ("KILLED", 60.0)])
def test_the_time_of_an_experiment_that_has_ended_stands_still(tmp_path, state, seconds):
    snapshot = snapshot_of(record_search(tmp_path, state=state), now=BEGAN + 1e6)
    assert (snapshot.seconds, snapshot.remaining_seconds) == (seconds, None)


def test_the_time_of_a_killed_driver_is_that_of_its_last_trial(tmp_path):
    recorded = record_search(tmp_path, state=None)
    recorded.store.release()
    snapshot = snapshot_of(recorded, now=BEGAN + 1e6)
    assert (snapshot.state, snapshot.seconds) == ("KILLED", 2 + 1.5)


@pytest.mark.parametrize("total", [None, "8", True, -1, 8.0, [8]], ids=repr)
def test_a_total_that_is_no_number_is_unknown(tmp_path, total):
    snapshot = snapshot_of(record_search(tmp_path, state=None, num_trials=total))
    assert (snapshot.total, snapshot.remaining_seconds) == (None, None)


def test_the_best_and_the_failures_are_few(tmp_path):
    metrics = [value / 100 if value % 2 else None for value in range(60)]
    snapshot = snapshot_of(record_search(tmp_path, metrics))
    assert [row["metric"] for row in snapshot.best] == [0.59, 0.57, 0.55, 0.53, 0.51][:MAX_BEST]
    assert [row["number"] for row in snapshot.failures] == [*range(59, 0, -2)][
        MAX_FAILURES - 1 :: -1
    ]
    assert (snapshot.num_ended, snapshot.num_failed) == (60, 30)


def test_the_best_are_the_lowest_where_the_metric_is_minimized(tmp_path):
    recorded = record_search(tmp_path, [0.5, 0.25, None, 0.75], identity={"direction": "min"})
    snapshot = snapshot_of(recorded)
    assert [row["metric"] for row in snapshot.best] == [0.25, 0.5, 0.75]
    assert snapshot.direction == "min"


def test_of_equal_metrics_the_first_is_the_best_in_both_directions(tmp_path):
    for direction in ("max", "min"):
        identity = {"kind": "optimization", "direction": direction}
        recorded = record_search(tmp_path, [0.5, 0.5], identity=identity)
        assert [row["number"] for row in snapshot_of(recorded).best] == [1, 2]


@pytest.mark.parametrize("count", [0, 1, MAX_POINTS, MAX_POINTS + 1, 10_007])
def test_a_running_trial_has_few_points_and_the_last_one(tmp_path, monkeypatch, count):
    rows = [{"number": 1, "start": None, "steps": [*range(count)], "history": [*range(count)]}]
    monkeypatch.setattr("maggy.live.recorded.running_rows", lambda experiment: rows)
    (row,) = snapshot_of(record_search(tmp_path, state=None)).running
    assert row["steps"] == row["history"]
    assert min(count, MAX_POINTS // 2) <= len(row["steps"]) <= MAX_POINTS
    assert row["steps"][-1:] == [*range(count)][-1:]


@pytest.mark.parametrize(
    ("has_worker", "text"),
    [(False, "Waiting for the first worker"), (True, "Waiting for the first trial")],
)
def test_an_experiment_without_a_trial_says_what_it_waits_for(tmp_path, has_worker, text):
    snapshot = snapshot_of(record_search(tmp_path, [], state=None), has_worker=has_worker)
    assert (snapshot.waiting_for, snapshot.seconds, snapshot.num_ended) == (text, 0.0, 0)
    assert snapshot_of(record_search(tmp_path, [])).waiting_for == ""


def test_a_resumed_experiment_waits_for_its_first_trial(tmp_path):
    recorded = record_search(tmp_path, state=None, runs=[{"began": BEGAN + 9}])
    text = "Waiting for the first trial of the resumed experiment"
    assert snapshot_of(recorded).waiting_for == text


def test_a_function_that_ran_once_has_not_failed(tmp_path):
    snapshot = snapshot_of(record_single(tmp_path))
    assert (snapshot.kind, snapshot.total, snapshot.num_ended, snapshot.num_failed) == (
        "single",
        1,
        1,
        0,
    )
    assert snapshot_of(record_single(tmp_path, "no")).num_failed == 1


def test_an_ablation_has_rows_too(tmp_path):
    snapshot = snapshot_of(
        record_ablation(tmp_path, {"None": [0.75], "fare": [0.5], "age": [None]})
    )
    assert (snapshot.kind, snapshot.num_ended, snapshot.num_failed) == ("ablation", 3, 1)
    assert snapshot.best[1]["params"]["ablated_feature"] == "fare"


@pytest.mark.parametrize(
    "fields",
    [{}, {"name": 3, "identity": 3, "runs": 3, "ended": "x"}, {"runs": [3]}, {"runs": []},
     {"runs": [{"began": float("nan")}], "ended": float("inf")}, {"runs": [{"began": True}]},
     {"identity": {"direction": [], "optimization_key": {}, "kind": 7}, "runs": [{"began": "x"}]},
     {"runs": [{"began": 10**400}]}, {"ended": 10**400, "num_trials": 10**400},
     {"ended": -1e308, "runs": [{"began": -1e308}]}],
    ids=lambda fields: str(fields)[:60],
)  # fmt: skip
@pytest.mark.parametrize("state", ["RUNNING", "FAILED"])
def test_fields_of_any_type_are_no_reason_to_fail(tmp_path, fields, state):
    trials = read_experiment(FILES, record_search(tmp_path).path).trials
    overview = Overview("/somewhere/x", fields, state)
    snapshot = make_snapshot(RecordedExperiment(overview, trials, {}, []), now=BEGAN)
    assert (snapshot.name, snapshot.num_ended, snapshot.direction) == ("", 3, "max")
    assert snapshot.seconds >= 0
