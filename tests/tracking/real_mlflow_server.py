"""Experiments on a real MLflow server with SQLite: `tox -e mlflow`."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from contextlib import ExitStack

import pytest
from helpers.loopback import Experiment, Given, one_after_another, trials
from helpers.recorded import record_search
from helpers.results import ended_trial
from helpers.waiting import HANG, PROCESS_SECONDS, process, wait_until
from mlflow import MlflowClient

from maggy import OptimizationConfig, Searchspace, experiment
from maggy.core.experiment_driver.listeners import Listeners
from maggy.result import build_result
from maggy.tracking import MLflow, export, mlflow_writer

pytestmark = pytest.mark.slow

POINTS = 100


class Server:
    """An MLflow server with SQLite, which a test may kill and start again."""

    def __init__(self, folder):
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        """Start the server, and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        # A group of its own, so that its workers end with it.
        with open(self._folder / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        wait_until(self._answers, "the answer of MLflow's server", PROCESS_SECONDS, pause=0.1)

    def _answers(self):
        assert self._process.poll() is None, (self._folder / "server.log").read_text()
        try:
            return urllib.request.urlopen(f"{self.uri}/health", timeout=HANG).status == 200
        except OSError:
            return False

    def kill(self):
        """End the server and its workers at once."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, 9)
        self._process.wait()


@pytest.fixture
def server(tmp_path_factory, monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.kill()


@pytest.fixture
def name(request):
    """The name of an experiment that no other test has."""
    return request.node.name


@pytest.fixture
def client(server):
    return MlflowClient(server.uri)


def runs_of(client, name, role):
    """Return the runs with a role, by the trials' ids."""
    found, token = {}, None
    mlflow_experiment = client.get_experiment_by_name(name)
    while True:
        page = client.search_runs(
            [mlflow_experiment.experiment_id],
            f"tags.`maggy.role` = '{role}'",
            max_results=1000,
            page_token=token,
        )
        for run in page:
            assert run.data.tags.get("maggy.trial_id") not in found
            found[run.data.tags.get("maggy.trial_id")] = run
        token = page.token
        if not token:
            return found


def simulated_trial(number):
    return ended_trial(
        {"x": number},
        number / 1000,
        start=1000.0 + number,
        duration=5000,
        attempts=1,
        step_history=list(range(POINTS)),
        metric_history=[number / 1000 * step / POINTS for step in range(POINTS)],
    )


def info_of(folder, name):
    return {
        "experiment_id": "app_1",
        "name": name,
        "description": "",
        "directory": str(folder),
        "kind": "optimization",
        "method": "RandomSearch",
        "direction": "max",
        "optimization_key": "accuracy",
        "num_trials": None,
        "searchspace": None,
        "seed": 1,
        "start": 1000.0,
        "earlier_trials": 0,
        "maggy_version": "9.9",
    }


def test_a_thousand_trials_of_a_hundred_points_are_complete(server, client, name, tmp_path):
    lines = []
    listeners = Listeners([MLflow(tracking_uri=server.uri)], "accuracy", lines.append)
    listeners.experiment_began(info_of(tmp_path, name))
    ended = [simulated_trial(number) for number in range(1000)]
    for trial in ended:
        listeners.trial_began(trial)
        for step in range(0, POINTS, 10):
            points = zip(trial.step_history, trial.metric_history, strict=True)
            listeners.points(PointsOf(trial.trial_id, list(points)[step : step + 10]))
        listeners.trial_ended(trial)
    result = build_result(ended, kind="optimization", direction="max", optimization_key="accuracy")
    listeners.experiment_ended(result)
    listeners.close(PROCESS_SECONDS)
    assert [line for line in lines if "points were not passed on" not in line] == []
    runs = runs_of(client, name, "trial")
    assert len(runs) == 1000
    [parent] = runs_of(client, name, "experiment").values()
    assert (parent.info.status, parent.data.metrics["best_accuracy"]) == ("FINISHED", 0.999)
    for trial in ended:
        run = runs[trial.trial_id]
        assert run.info.status == "FINISHED"
        assert run.data.params == {"x": str(trial.params["x"])}
        assert run.data.metrics["final_accuracy"] == trial.final_metric
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    for trial in ended[::100]:
        history = client.get_metric_history(runs[trial.trial_id].info.run_id, "accuracy")
        assert [metric.step for metric in sorted(history, key=lambda metric: metric.step)] == [
            *range(POINTS)
        ]
    result.directory = str(tmp_path)
    assert export(result, experiment_name=name, tracking_uri=server.uri) == 0


class PointsOf:
    """The points of a trial, as the ledger gives them."""

    def __init__(self, trial_id, points):
        self.trial_id, self.points = trial_id, points


def test_a_server_that_is_killed_costs_one_line_and_what_it_missed_is_written_later(
    server, client, name, tmp_path, monkeypatch
):
    monkeypatch.setattr(mlflow_writer, "LIVE_SECONDS", 0.0)

    def train(params, reporter, interrupted):
        for step in range(POINTS):
            reporter.broadcast(step / POINTS)
        if params["x"] == 3:
            server.kill()
        return params["x"] / 10

    policy = Given(one_after_another(trials(8)), 8)
    search = Experiment(
        tmp_path,
        policy,
        train,
        workers=1,
        listeners=[MLflow(name, server.uri)],
    )
    outcome = search.run()
    assert Counter(trial.status for trial in outcome.trials) == {"FINALIZED": 8}
    assert len(search.troubles) == 1
    assert "cannot be reached" in search.troubles[0]
    server.start()
    result = build_result(
        outcome.trials, kind="optimization", direction="max", optimization_key="metric"
    )
    result.directory = search.store.directory
    assert export(result, experiment_name=name, tracking_uri=server.uri) >= 4
    assert export(result, experiment_name=name, tracking_uri=server.uri) == 0
    runs = runs_of(client, name, "trial")
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    for trial in outcome.trials:
        history = client.get_metric_history(runs[trial.trial_id].info.run_id, "metric")
        assert sorted(metric.step for metric in history) == list(range(POINTS))
    assert len(runs_of(client, name, "experiment")) == 1


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_search_on_spark_is_tracked_with_the_runs_of_its_training_function(
    spark, experiments, server, client, name, capfd, isolation
):
    def train(x, reporter):
        import mlflow

        with mlflow.start_run(run_name="outer"):
            mlflow.log_metric("own", x)
            with mlflow.start_run(run_name="inner", nested=True):
                mlflow.log_metric("deep", x)
        for step in range(5):
            reporter.broadcast(x * step, step)
        if x > 3:
            raise ValueError("too large")
        return {"accuracy": x, "loss": -x}

    config = OptimizationConfig(
        4,
        "gridsearch",
        Searchspace(x=("DISCRETE", [1, 2, 3, 4])),
        optimization_key="accuracy",
        name=name,
        es_policy="none",
        hb_interval=0.1,
        isolation=isolation,
        listeners=[MLflow(tracking_uri=server.uri, tags={"team": "a"})],
    )
    result = experiment.lagom(train, config)
    output = capfd.readouterr().out
    assert output.rstrip().endswith("Finished Experiment")
    assert "The listener" not in output
    runs, [parent] = runs_of(client, name, "trial"), runs_of(client, name, "experiment").values()
    assert Counter(run.info.status for run in runs.values()) == {"FINISHED": 3, "FAILED": 1}
    for row in result.trials:
        run = runs[row["trial_id"]]
        assert run.data.params == {"x": str(row["params"]["x"])}
        assert run.data.tags["team"] == "a"
        history = client.get_metric_history(run.info.run_id, "accuracy")
        assert [(metric.step, metric.value) for metric in history] == [
            *zip(row["steps"], row["history"], strict=True)
        ]
        children = client.search_runs(
            [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
        )
        assert [child.data.tags["mlflow.runName"] for child in children] == ["outer"]
    artifacts = [artifact.path for artifact in client.list_artifacts(parent.info.run_id)]
    assert artifacts == ["result.json"]
    assert parent.info.status == "FINISHED"
    assert export(result, tracking_uri=server.uri) == 0


def export_process(server, directory):
    command = [sys.executable, "-m", "maggy", "export", str(directory), "--mlflow"]
    return process([*command, "--tracking-uri", server.uri], stderr=subprocess.PIPE, text=True)


def test_the_command_exports_what_two_exports_at_once_and_a_third_have_written_once(
    server, client, tmp_path
):
    recorded = record_search(tmp_path, [number / 100 for number in range(60)])
    for number in range(3):
        with ExitStack() as stack:
            exports = [
                stack.enter_context(export_process(server, recorded.path))
                for _ in range(1 if number else 2)
            ]
            ends = [(export.communicate()[1], export.returncode) for export in exports]
        if number:
            assert ends[0][1] == 0
            assert "It had 60 already." in ends[0][0]
        else:
            assert {code for _, code in ends} <= {0, 1}
            assert any(code == 0 for _, code in ends)
            for text, code in ends:
                assert ("by one process at a time" in text) == (code == 1)
    assert len(runs_of(client, "demo", "trial")) == 60
    assert len(runs_of(client, "demo", "experiment")) == 1
    server.kill()
    with export_process(server, recorded.path) as again:
        # What is recorded as complete asks no server.
        assert "It had 60 already." in again.communicate()[1]
    other = record_search(tmp_path)
    with export_process(server, other.path) as refused:
        assert "cannot be reached" in refused.communicate()[1]
    assert refused.returncode == 1
