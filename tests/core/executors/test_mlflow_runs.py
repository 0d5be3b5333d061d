"""MLflow's runs that a trial leaves open end with it."""

import json
import os
import subprocess
import sys
import threading
import types

import pytest

from maggy.core.executors.mlflow_runs import RunContext, end_open_runs, missing_variables
from maggy.core.executors.process_state import isolate


class Fluent(types.ModuleType):
    """MLflow's module for the calls of users, with runs that a test makes active."""

    def __init__(self, *runs):
        super().__init__("mlflow.tracking.fluent")
        self._active_run_stack = [
            types.SimpleNamespace(info=types.SimpleNamespace(run_id=run)) for run in runs
        ]
        self.ended = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.answered = threading.Event()
        self.MlflowClient = lambda: self

    def set_terminated(self, run, status):
        self.may_answer.wait()
        self.ended.append((run, status))
        self.answered.set()


@pytest.fixture
def mlflow(monkeypatch):
    fluent = Fluent("outer", "inner")
    monkeypatch.setitem(sys.modules, "mlflow.tracking.fluent", fluent)
    yield fluent
    fluent.may_answer.set()


def test_open_runs_end_the_innermost_first(mlflow):
    end_open_runs("FAILED")
    assert mlflow.ended == [("inner", "FAILED"), ("outer", "FAILED")]
    assert mlflow._active_run_stack == []


def test_a_server_that_does_not_answer_is_not_waited_for(mlflow):
    mlflow.may_answer.clear()
    end_open_runs("FAILED", patience=0.01)
    assert (mlflow.ended, mlflow._active_run_stack) == ([], [])
    mlflow.may_answer.set()
    assert mlflow.answered.wait(60)


def test_a_server_that_refuses_harms_nothing(mlflow):
    mlflow.MlflowClient = lambda: 1 / 0
    end_open_runs("FAILED")
    assert mlflow._active_run_stack == []


def test_without_open_runs_no_thread_is_started(mlflow, monkeypatch):
    mlflow._active_run_stack.clear()
    monkeypatch.setattr(threading, "Thread", None)
    end_open_runs("FAILED")


@pytest.mark.parametrize(
    ("error", "is_stopped", "status"),
    [(None, False, "FINISHED"), (ValueError("no"), False, "FAILED"), (None, True, "KILLED")],
)
def test_a_run_ends_as_its_trial_has_ended(mlflow, error, is_stopped, status):
    def train():
        with isolate(lambda line: None, was_stopped=lambda: is_stopped):
            if error is not None:
                raise error

    if error is None:
        train()
    else:
        with pytest.raises(ValueError, match="no"):
            train()
    assert [end for _, end in mlflow.ended] == [status] * 2


@pytest.mark.slow
def test_mlflow_itself_can_start_a_run_in_the_next_trial_in_the_store_of_before(tmp_path):
    code = f"""
import os
from maggy.core.executors.process_state import ProcessState, isolate
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
runs = []

def train(number):
    import mlflow
    if number == 0:
        mlflow.set_tracking_uri("file://{tmp_path}/elsewhere")
        mlflow.set_experiment("another")
    else:
        assert not mlflow.is_tracking_uri_set()
        mlflow.set_tracking_uri("file://{tmp_path}/usual")
        mlflow.set_experiment("usual")
    runs.append((mlflow.get_tracking_uri(), mlflow.start_run().info.run_id))
    mlflow.start_run(nested=True)
    raise ValueError("after the run was started")

with ProcessState() as state:
    for number in range(3):
        try:
            with isolate(lambda line: None, state=state):
                train(number)
        except ValueError:
            pass
import mlflow
for uri, run in runs:
    print(mlflow.MlflowClient(uri).get_run(run).info.status)
assert mlflow.active_run() is None
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert run.stdout == "FAILED\n" * 3, run.stderr[-2000:]


@pytest.fixture
def environment(monkeypatch):
    for name in ("MLFLOW_RUN_CONTEXT", "MAGGY_RUN_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_runs_of_a_trial_get_tags_that_name_it(environment):
    environment.setenv("MAGGY_RUN_CONTEXT", '{"maggy.role": "run"}')
    environment.setenv("MLFLOW_RUN_CONTEXT", '{"team": "a"}')
    context = RunContext()
    context.enter("t1")
    tags = {"team": "a", "maggy.role": "run", "maggy.trial_id": "t1"}
    assert json.loads(os.environ["MLFLOW_RUN_CONTEXT"]) == tags
    context.leave()
    assert os.environ["MLFLOW_RUN_CONTEXT"] == '{"team": "a"}'


def test_tags_that_cannot_be_read_are_left_out(environment):
    environment.setenv("MAGGY_RUN_CONTEXT", "{}")
    environment.setenv("MLFLOW_RUN_CONTEXT", "torn {")
    context = RunContext()
    context.enter("t1")
    assert json.loads(os.environ["MLFLOW_RUN_CONTEXT"]) == {"maggy.trial_id": "t1"}


def test_without_a_tracker_the_environment_stays_as_it_is(environment):
    context = RunContext()
    context.enter("t1")
    assert "MLFLOW_RUN_CONTEXT" not in os.environ
    context.leave()


OURS = {
    "MAGGY_RUN_CONTEXT": "{}",
    "MLFLOW_TRACKING_URI": "http://ours",
    "MLFLOW_EXPERIMENT_ID": "7",
}


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({}, OURS),
        ({"MLFLOW_TRACKING_URI": "http://ours"}, {"MAGGY_RUN_CONTEXT", "MLFLOW_EXPERIMENT_ID"}),
        ({"MLFLOW_TRACKING_URI": "http://other"}, {"MAGGY_RUN_CONTEXT"}),
        ({"MLFLOW_EXPERIMENT_NAME": "mine"}, {"MAGGY_RUN_CONTEXT", "MLFLOW_TRACKING_URI"}),
        ({"MLFLOW_EXPERIMENT_ID": "3"}, {"MAGGY_RUN_CONTEXT", "MLFLOW_TRACKING_URI"}),
    ],
)
def test_a_worker_keeps_its_own_server_and_experiment(environment, missing):
    assert missing_variables(OURS, environment) == {name: OURS[name] for name in missing}
