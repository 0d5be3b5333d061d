"""What is written to MLflow, and when, also if the server is away for a while."""

import math

import pytest
from helpers.listeners import INFO
from helpers.mlflow_server import FakeServer
from helpers.results import ended_trial, search_result

from maggy.common.exceptions import OwnershipError
from maggy.common.files import AnyFiles
from maggy.records.tracked_runs import Target, TrackedRuns
from maggy.result import build_result
from maggy.result.rows import make_row
from maggy.tracking.mlflow_server import ServerIsAway
from maggy.tracking.mlflow_writer import LINK_SECONDS, LIVE_SECONDS, RunWriter


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def server():
    return FakeServer()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_writer(tmp_path, server, clock):
    def make():
        record = TrackedRuns(AnyFiles(), str(tmp_path), "http://localhost", Target("digits"))
        return RunWriter(server, record, INFO, {"team": "a"}, clock=lambda: 2000.0, monotonic=clock)

    return make


@pytest.fixture
def writer(make_writer):
    return make_writer()


def trial_of(x, metric=0.5, points=3):
    return ended_trial(
        {"x": x},
        metric,
        start=1000.0,
        duration=300,
        attempts=1,
        step_history=list(range(points)),
        metric_history=[step / 10 for step in range(points)],
    )


def row_of(trial):
    return make_row(trial, "accuracy")


def running(trial):
    return row_of(trial) | {
        "status": "RUNNING",
        "metric": None,
        "outputs": None,
        "duration": None,
        "steps": [],
        "history": [],
    }


def result_of(*trials):
    return build_result(trials, kind="optimization", direction="max", optimization_key="accuracy")


def test_a_trial_becomes_a_run_with_all_that_it_did(server, writer):
    trial = trial_of(1)
    writer.end(row_of(trial))
    writer.catch_up()
    run = server.of(trial)
    assert (run.name, run.status, run.end) == (trial.trial_id, "FINISHED", 1000300)
    assert run.params == {"x": "1"}
    assert run.values("accuracy") == {0: 0.0, 1: 0.1, 2: 0.2}
    assert run.values("final_accuracy") == {0: 0.5}
    assert server.runs[run.tags["mlflow.parentRunId"]] is server.parent
    assert run.tags.items() >= {"team": "a", "maggy.early_stopped": "false"}.items()


def test_a_trial_takes_three_requests(server, writer):
    writer.catch_up()
    before = server.calls
    for number in range(10):
        writer.begin(running(trial_of(number)))
        writer.catch_up()
        writer.end(row_of(trial_of(number)))
        writer.catch_up()
    assert server.calls - before == 30


def test_running_trials_are_written_now_and_then(server, writer, clock):
    trial = trial_of(1)
    writer.catch_up()
    writer.begin(running(trial))
    clock.now = LIVE_SECONDS
    writer.add_points(trial.trial_id, [(0, 0.0)])
    writer.catch_up()
    assert server.of(trial).values("accuracy") == {0: 0.0}
    assert server.of(trial).params == {"x": "1"}
    writer.add_points(trial.trial_id, [(1, 0.1)])
    writer.catch_up()
    assert server.of(trial).values("accuracy") == {0: 0.0}
    writer.end(row_of(trial))
    writer.catch_up()
    points = [point for point in server.of(trial).points if point.name == "accuracy"]
    assert [(point.step, point.value) for point in points] == [(0, 0.0), (1, 0.1), (2, 0.2)]


def test_points_that_were_dropped_are_written_at_the_end(server, writer):
    trial = trial_of(1)
    writer.begin(running(trial))
    writer.add_points(trial.trial_id, [(1, 0.1)])
    writer.end(row_of(trial))
    writer.catch_up()
    assert server.of(trial).values("accuracy") == {0: 0.0, 1: 0.1, 2: 0.2}


def test_nan_is_written_once(server, writer, clock):
    trial = trial_of(1)
    trial.metric_history[1] = math.nan
    writer.begin(running(trial))
    writer.add_points(trial.trial_id, [(1, math.nan)])
    writer.catch_up()
    writer.end(row_of(trial))
    writer.catch_up()
    assert [point.step for point in server.of(trial).points if math.isnan(point.value)] == [1]


def test_what_a_server_missed_is_written_when_it_is_back(server, writer, clock):
    first, second = trial_of(1), trial_of(2)
    writer.begin(running(first))
    writer.catch_up()
    server.is_away = True
    writer.end(row_of(first))
    with pytest.raises(ServerIsAway):
        writer.catch_up()
    writer.begin(running(second))
    writer.end(row_of(second))
    writer.catch_up()  # it is not tried again at once
    server.is_away = False
    writer.catch_up()
    assert server.of(first).status == "RUNNING"
    clock.now = LIVE_SECONDS
    writer.catch_up()
    for trial in (first, second):
        assert server.of(trial).status == "FINISHED"
        assert server.of(trial).values("accuracy") == {0: 0.0, 1: 0.1, 2: 0.2}


def test_the_end_writes_what_is_missing_and_the_result(server, writer, tmp_path):
    server.is_away = True
    with pytest.raises(ServerIsAway):
        writer.catch_up()
    server.is_away = False
    trials = [trial_of(1, 0.4), trial_of(2, 0.6)]
    assert writer.finish(result_of(*trials)) == 2
    assert [server.of(trial).status for trial in trials] == ["FINISHED"] * 2
    parent = server.parent
    assert parent.status == "FINISHED"
    assert '"best_val": 0.6' in parent.files["result.json"]
    assert parent.values("best_accuracy") == {0: 0.6}
    assert '"is_complete": true' in (tmp_path / "mlflow.json").read_text()


def test_the_end_of_an_interrupted_experiment_ends_its_running_trials(server, writer):
    trial, result = trial_of(1), result_of()
    result.state = "KILLED"
    writer.begin(running(trial))
    writer.finish(result)
    assert (server.of(trial).status, server.parent.status) == ("KILLED", "KILLED")


def test_a_trial_that_the_server_refuses_holds_up_no_other_one(server, writer, clock, tmp_path):
    bad, good = trial_of(1), trial_of(2)
    server.refused = (bad.trial_id,)
    writer.end(row_of(bad))
    writer.end(row_of(good))
    with pytest.raises(ValueError, match="refused"):
        writer.catch_up()
    assert server.of(good).status == "FINISHED"
    for _ in range(2):
        clock.now += LIVE_SECONDS
        with pytest.raises(ValueError, match="refused"):
            writer.catch_up()
    clock.now += LIVE_SECONDS
    writer.catch_up()  # it is not tried for ever
    with pytest.raises(ValueError, match="refused"):
        writer.finish(result_of(bad, good))
    assert server.parent.files
    assert '"is_complete": false' in (tmp_path / "mlflow.json").read_text()


def test_a_run_is_not_made_twice_if_the_answer_was_lost(server, writer, clock, monkeypatch):
    trial, create_run = trial_of(1), server.create_run
    writer.catch_up()

    def lose_the_answer(*args):
        create_run(*args)
        raise ServerIsAway("The connection was lost.")

    monkeypatch.setattr(server, "create_run", lose_the_answer)
    writer.end(row_of(trial))
    with pytest.raises(ServerIsAway):
        writer.catch_up()
    monkeypatch.setattr(server, "create_run", create_run)
    clock.now = LIVE_SECONDS
    writer.catch_up()
    assert server.of(trial).status == "FINISHED"


def test_a_trial_that_lost_its_worker_gets_a_new_run(server, writer, clock):
    trial = trial_of(1)
    writer.begin(running(trial))
    writer.add_points(trial.trial_id, [(0, 0.9)])
    writer.catch_up()
    lost = server.of(trial)
    writer.begin(running(trial))
    writer.end(row_of(trial))
    writer.catch_up()
    assert lost.is_deleted
    assert server.of(trial).values("accuracy") == {0: 0.0, 1: 0.1, 2: 0.2}


def test_an_export_repeats_nothing(server, writer, make_writer):
    trials = [trial_of(1), trial_of(2)]
    writer.end(row_of(trials[0]))
    writer.catch_up()
    writer.finish(result_of(trials[0]))
    count = len(server.runs)
    again = make_writer()
    assert again.is_complete_with(result_of(trials[0]))
    assert not again.is_complete_with(result_of(*trials))
    assert again.finish(result_of(*trials)) == 1
    assert len(server.runs) == count + 1
    assert len(server.of(trials[0]).values("accuracy")) == 3


def test_two_writers_at_once_make_no_run_twice(server, writer, make_writer):
    trials = [trial_of(1), trial_of(2)]
    writer.end(row_of(trials[0]))
    writer.catch_up()
    count = len(server.runs)
    with pytest.raises(OwnershipError):
        make_writer().finish(result_of(*trials))
    assert len(server.runs) == count
    assert writer.finish(result_of(*trials)) == 1
    assert make_writer().finish(result_of(*trials)) == 0
    assert len(server.runs) == count + 1


def test_a_writer_that_was_replaced_writes_nothing_more(server, writer, make_writer, monkeypatch):
    monkeypatch.setattr("maggy.records.ownership.RENEW_SECONDS", 0.0)
    first, second = trial_of(1), trial_of(2)
    writer.end(row_of(first))
    writer.catch_up()
    monkeypatch.setattr("maggy.records.ownership.SILENCE_SECONDS", -1.0)
    other = make_writer()
    other.end(row_of(second))
    other.catch_up()
    writer.end(row_of(second))
    count = len(server.runs)
    with pytest.raises(OwnershipError):
        writer.finish(result_of(first, second))
    assert len(server.runs) == count
    assert other.finish(result_of(first, second)) == 0


def test_a_writer_gives_back_its_claim_also_if_the_server_is_away(server, writer, make_writer):
    trial = trial_of(1)
    writer.end(row_of(trial))
    writer.catch_up()
    server.is_away = True
    with pytest.raises(ServerIsAway):
        writer.finish(result_of(trial, trial_of(2)))
    server.is_away = False
    assert make_writer().finish(result_of(trial, trial_of(2))) == 1


def test_a_run_that_a_killed_driver_has_left_is_completed(server, writer, make_writer, tmp_path):
    trial = trial_of(1)
    writer.begin(running(trial))
    writer.add_points(trial.trial_id, [(0, 0.0)])
    writer.catch_up()
    (tmp_path / "mlflow.json").unlink()
    writer._record.release()  # as a dead process does
    count = len(server.runs)
    assert make_writer().finish(result_of(trial)) == 1
    assert len(server.runs) == count
    points = [point.step for point in server.of(trial).points if point.name == "accuracy"]
    assert points == [0, 1, 2]


def test_a_resumed_experiment_goes_on_in_its_parent_run(server, writer, make_writer):
    first, second = trial_of(1), trial_of(2, None)
    for trial in (first, second):
        writer.end(row_of(trial))
    writer.finish(result_of(first, second))
    failed = server.of(second)
    again = make_writer()
    again.catch_up()
    assert server.parent.status == "RUNNING"
    again.begin(running(second))  # it runs again
    second.status, second.final_metric = "FINALIZED", 0.7
    again.end(row_of(second))
    again.catch_up()
    again.finish(result_of(first, second))
    assert failed.is_deleted
    assert server.of(second).status == "FINISHED"
    assert server.parent.status == "FINISHED"


def test_runs_of_the_training_function_become_children(server, writer, clock):
    trial = trial_of(1)
    writer.end(row_of(trial))
    writer.catch_up()
    tags = {
        "maggy.experiment_id": "app_1",
        "maggy.role": "run",
        "maggy.trial_id": trial.trial_id,
    }
    outer = server.runs[server.create_run("outer", 0, tags)]
    inner = server.runs[server.create_run("inner", 0, tags | {"mlflow.parentRunId": "outer"})]
    other = server.runs[server.create_run("other", 0, tags | {"maggy.trial_id": "unknown"})]
    clock.now = LINK_SECONDS
    writer.catch_up()
    assert server.runs[outer.tags["mlflow.parentRunId"]] is server.of(trial)
    assert inner.tags["mlflow.parentRunId"] == "outer"
    assert "mlflow.parentRunId" not in other.tags


def test_an_experiment_without_a_metric_is_written_too(server, writer):
    writer.finish(search_result([]))
    assert server.parent.status == "FINISHED"
