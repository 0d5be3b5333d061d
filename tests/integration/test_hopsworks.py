"""Experiments on Hopsworks: the real hops package, a local server of the endpoints, HopsFS in a folder, real Spark."""

import json
import threading

import hopsworks_platform
import pytest
from hopsworks_platform import Notebook

from maggy import Searchspace, experiment
from maggy.config import HyperparameterOptConfig
from maggy.core.exceptions import ExperimentError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark")]


@pytest.fixture
def platform(tmp_path, monkeypatch):
    platform, server = hopsworks_platform.set_up(tmp_path, monkeypatch)
    yield platform
    server.shutdown()
    server.server_close()
    hopsworks_platform.forget_hops()


def search(train, trials=3, **others):
    space = Searchspace(x=("DOUBLE", [0.0, 1.0]))
    config = HyperparameterOptConfig(trials, "randomsearch", space, name="mine", seed=1, hb_interval=0.05, **others)
    return experiment.lagom(train, config)


def records(platform):
    return platform.files / "Projects/demo/Experiments"


def test_a_notebook_draws_the_bar_while_the_experiment_runs(platform, spark, capsys):
    """The front end finds the driver, polls every half second, and sees every line once and every trial."""

    def train(x, reporter):
        import time

        for step in range(4):
            reporter.broadcast(x, step)
            print("step", step)
            time.sleep(0.2)
        return {"metric": x, "ml_id": __import__("os").environ.get("ML_ID")}

    answers, results = [], []
    runner = threading.Thread(target=lambda: results.append(search(train, 4)))
    runner.start()
    tick = threading.Event()
    while not platform.drivers and runner.is_alive():
        tick.wait(0.05)
    notebook = Notebook(platform.endpoint, spark.sparkContext.applicationId)
    while runner.is_alive():
        answers.append(notebook.poll())
        tick.wait(0.5)
    answers.append(notebook.poll())  # within the grace
    runner.join()
    assert [answer["type"] for answer in answers] == ["OK"] * len(answers)
    assert len(answers) >= 4
    done = [answer["to_date"] for answer in answers]
    assert done == sorted(done)
    assert (done[0], done[-1], answers[-1]["num_trials"]) == (0, 4, 4)
    assert answers[-1]["metric"] == results[0]["best_val"]
    lines = "\n".join(answer["ex_logs"] for answer in answers if answer["ex_logs"]).splitlines()
    assert len([line for line in lines if line.endswith("step 3")]) == 4
    assert Notebook.bar(answers[-1]).startswith("[####] 4/4 | stopped 0 | 0.")
    assert {trial["outputs"]["ml_id"] for trial in results[0].trials} == {results[0].directory.rsplit("/", 1)[-1]}


def test_the_records_lie_in_hopsfs_and_the_service_knows_the_best_trial(platform, spark):
    result = search(lambda x: x)
    ml_id = f"{spark.sparkContext.applicationId}_1"
    folder = records(platform) / ml_id
    assert result.directory == f"hdfs://namenode:8020/Projects/demo/Experiments/{ml_id}"
    assert {"maggy.json", "maggy.log", "result.json", ".summary.json"} <= {path.name for path in folder.iterdir()}
    for trial in result.trials:
        names = {path.name for path in (folder / trial["trial_id"]).iterdir()}
        assert {".hparams.json", ".outputs.json", ".metric", "trial.json"} <= names
    record = platform.experiments[ml_id]
    assert (record["state"], record["metric"]) == ("FINISHED", result["best_val"])
    assert record["bestDir"] == f"Experiments/{ml_id}/{result['best_id']}"
    assert (record["direction"], record["optimizationKey"], record["name"]) == ("max", "metric", "mine")
    assert platform.directories[next(iter(platform.directories))]
    first = next(index for index, each in enumerate(platform.requests) if "INIT" in each.path)
    assert first == 0


def test_an_experiment_can_go_on_in_hopsfs(platform):
    def fails_once(x):
        if x > 0.5:
            raise ValueError("no")
        return x

    first = search(fails_once, 2)
    resumed = search(lambda x: x, 4, resume=first.directory)
    assert resumed.directory == first.directory
    assert len(resumed.trials) == 4
    assert len(list(records(platform).iterdir())) == 1


def test_a_failed_experiment_is_shown_as_failed(platform):
    def fails(x):
        raise ValueError("no")

    with pytest.raises(ExperimentError):
        search(fails, 2)
    assert [each["state"] for each in platform.experiments.values()] == ["FAILED"]


def test_a_stopped_experiment_is_shown_as_killed(platform):
    def slow(x):
        import time

        time.sleep(30)

    search(slow, 2, max_seconds=1)
    assert [each["state"] for each in platform.experiments.values()] == ["KILLED"]


@pytest.mark.parametrize("ill", ["down", "401"])
def test_an_ill_platform_is_not_noticed_by_the_experiment(platform, monkeypatch, capsys, ill):
    if ill == "down":
        monkeypatch.setenv("REST_ENDPOINT", "http://127.0.0.1:9")
    platform.token = "another"
    result = search(lambda x: x)
    assert result["num_trials"] == 3
    printed = capsys.readouterr().out
    assert printed.count("Hopsworks does not show this experiment as it should") == 1
    log = next(records(platform).iterdir()) / "maggy.log"
    assert log.read_text().count("Hopsworks does not show this experiment as it should") == 1
    assert json.loads((log.parent / "maggy.json").read_text())["state"] == "FINISHED"
