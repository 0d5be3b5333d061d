"""The listener for MLflow costs workers no time: they get and run what they do without it."""

import json
import os
import sys
from collections import Counter

import pytest
from helpers.loopback import Experiment, Given, one_after_another, square, trials
from helpers.mlflow_server import SERVER

import maggy
from maggy import OptimizationConfig, Searchspace, experiment
from maggy.common.files import AnyFiles
from maggy.core.executors.mlflow_runs import RunContext
from maggy.core.executors.process_state import ProcessState
from maggy.core.executors.trial_executor import TrialExecutor
from maggy.core.executors.trial_interrupt import Interrupter
from maggy.core.executors.workload import SearchWorkload
from maggy.core.messages import Assign, Done, Final
from maggy.core.reporter import Reporter
from maggy.core.rpc import Server
from maggy.tracking import MLflow

PACKAGE = os.path.dirname(maggy.__file__)
TAGGING = {RunContext.enter.__code__, RunContext.leave.__code__}
POINTS = 100


class Session:
    """A session without a driver, which keeps the end of its trial."""

    def __init__(self):
        self.reporter, self.end = Reporter(), None

    def begin(self):
        pass

    def function_returned(self):
        pass

    def final(self, metric, outputs, early, *, paused=False):
        self.end = metric, outputs, early, self.reporter.waiting()[:4]
        return Done()


class Calls:
    """Count the calls of Maggy's functions on this thread, without those that tag runs."""

    def __init__(self):
        self.counts, self._is_tagging = Counter(), False

    def __enter__(self):
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)

    def _profile(self, frame, event, argument):
        code = frame.f_code
        if code in TAGGING and event in ("call", "return"):
            self._is_tagging = event == "call"
        elif event == "call" and not self._is_tagging and code.co_filename.startswith(PACKAGE):
            self.counts[code.co_filename, code.co_firstlineno, code.co_name] += 1


class Imports:
    """A finder that finds nothing, and remembers whether MLflow was looked for."""

    def __init__(self):
        self.of_mlflow = []

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mlflow":
            self.of_mlflow.append(name)


def report_environment(x, reporter):
    for step in range(POINTS):
        reporter.broadcast(x * step, step)
    return {"metric": x, "environment": dict(os.environ)}


def run_trial(variables, monkeypatch):
    """Run a trial as a worker with these variables does; return its calls and its end."""
    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        session, interrupter = Session(), Interrupter()
        workload = SearchWorkload(report_environment, "metric")
        with interrupter.install(), ProcessState() as state:
            executor = TrialExecutor(session, workload, interrupter, False, state)
            with Calls() as calls:
                executor.train(Assign(1, "t1", {"x": 2}, "dir/t1"))
    return calls.counts, session.end


def test_a_trial_runs_the_same_functions_and_reports_the_same(server, info, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    variables = MLflow(tracking_uri=SERVER).prepare(info, AnyFiles())
    imports = Imports()
    monkeypatch.setattr(sys, "meta_path", [imports, *sys.meta_path])
    run_trial({}, monkeypatch)  # what happens only in the first trial of a process
    counts, (metric, outputs, *rest) = run_trial({}, monkeypatch)
    counts_with, (metric_with, outputs_with, *rest_with) = run_trial(variables, monkeypatch)
    assert sum(counts.values()) > POINTS
    assert counts_with == counts
    assert (metric_with, rest_with) == (metric, rest)
    assert outputs["environment"].keys() == outputs_with["environment"].keys() - {
        *variables,
        "MLFLOW_RUN_CONTEXT",
    }
    assert json.loads(outputs_with["environment"]["MLFLOW_RUN_CONTEXT"]) == {
        "maggy.experiment_id": "app_1",
        "maggy.role": "run",
        "maggy.trial_id": "t1",
    }
    assert imports.of_mlflow == []


def messages(folder, monkeypatch, *listeners):
    """Run five trials on a worker; return what it gets, and the ends that it sends."""
    sent, ends = [], []

    def send(server, peer, message, original=Server.send):
        if isinstance(message, Assign):
            sent.append(message)
        original(server, peer, message)

    def receive(server, *arguments, original=Server.receive):
        for peer, message in original(server, *arguments):
            if isinstance(message, Final):
                ends.append(message)
            yield peer, message

    with monkeypatch.context() as patch:
        patch.setattr(Server, "send", send)
        patch.setattr(Server, "receive", receive)
        policy = Given(one_after_another(trials(5)), 5)
        Experiment(folder, policy, square, workers=1, listeners=listeners).run()
    # A repeated message changes nothing.
    assignments = {message.run: message for message in sent}
    finals = {end.run: (end.metric, end.outputs, end.early) for end in ends}
    return [(run, order.trial_id, order.params) for run, order in assignments.items()], finals


@pytest.mark.loopback
def test_a_worker_gets_and_sends_the_same(server, tmp_path, monkeypatch):
    without = messages(tmp_path / "without", monkeypatch)
    assert len(without[0]) == len(without[1]) == 5
    assert messages(tmp_path / "with", monkeypatch, MLflow(tracking_uri=SERVER)) == without
    assert server.parent.status == "FINISHED"


@pytest.mark.slow
def test_a_worker_of_spark_loads_mlflow_only_for_a_function_that_does(spark, experiments, server):
    def train(x):
        import os
        import sys

        tags = os.environ["MLFLOW_RUN_CONTEXT"]
        return {"metric": x, "has_mlflow": "mlflow" in sys.modules, "tags": tags}

    config = OptimizationConfig(
        2, "gridsearch", Searchspace(x=("DISCRETE", [1, 2])), es_policy="none", listeners=["mlflow"]
    )
    result = experiment.lagom(train, config)
    for row in result.trials:
        assert row["outputs"]["has_mlflow"] is False
        assert json.loads(row["outputs"]["tags"])["maggy.trial_id"] == row["trial_id"]
    assert len(server.runs) == 3
