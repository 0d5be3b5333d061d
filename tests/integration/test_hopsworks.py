"""Experiments on Hopsworks, with the real hops package, a local server, a folder as HopsFS."""

import json
import socket
import sys
import threading
import types
from contextlib import ExitStack, contextmanager, suppress

import pandas
import pytest
from helpers import hopsworks_platform
from helpers.hopsworks_platform import Notebook

from maggy import Searchspace, experiment
from maggy.ablation import AblationStudy
from maggy.common.exceptions import AblationError, ExperimentError
from maggy.config import AblationConfig, HyperparameterOptConfig
from maggy.core.experiment_driver.recorder import Recorder

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
    config = HyperparameterOptConfig(
        trials, "randomsearch", space, name="mine", seed=1, hb_interval=0.05, **others
    )
    return experiment.lagom(train, config)


@contextmanager
def begun_search(platform, spark, train, num_trials):
    """Yield the thread of a search, a list for its result, and a notebook that polls its driver.

    The block also ends after a failed assertion only when the search has ended, because a
    running search would block every later test.
    """
    results, registered = [], threading.Event()
    platform.on_driver = registered.set

    def run():
        try:
            results.append(search(train, num_trials))
        finally:
            registered.set()

    runner = threading.Thread(target=run)
    runner.start()
    try:
        registered.wait()
        yield runner, results, Notebook(platform.endpoint, spark.sparkContext.applicationId)
    finally:
        runner.join()


def records(platform):
    return platform.files / "Projects/demo/Experiments"


def test_a_notebook_draws_the_bar_while_the_experiment_runs(platform, spark, tmp_path, capsys):
    """Poll the driver every half second, and see every line once and every trial.

    All trials except the first one to end wait until the notebook has seen that one.
    """
    first, release = tmp_path / "first", tmp_path / "seen"

    def train(x, reporter):
        import os
        import time

        for step in range(4):
            reporter.broadcast(x, step)
            print("step", step)
            time.sleep(0.2)
        try:
            first.touch(exist_ok=False)
        except FileExistsError:
            while not release.exists():
                time.sleep(0.05)
        return {"metric": x, "ml_id": os.environ.get("ML_ID")}

    answers, tick = [], threading.Event()
    with begun_search(platform, spark, train, 4) as (runner, results, notebook):
        try:
            while runner.is_alive():
                answers.append(notebook.poll())
                if answers[-1]["to_date"] > 0:
                    release.touch()
                tick.wait(0.5)
            answers.append(notebook.poll())  # the driver answers a little longer than it runs
        finally:
            release.touch()  # also after a failed assertion, so that the search ends
    assert [answer["type"] for answer in answers] == ["OK"] * len(answers)
    assert len(answers) >= 4
    counts = [answer["to_date"] for answer in answers]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1], answers[-1]["num_trials"]) == (0, 4, 4)
    assert answers[-1]["metric"] == results[0]["best_val"]
    lines = "\n".join(answer["ex_logs"] for answer in answers if answer["ex_logs"]).splitlines()
    assert len([line for line in lines if line.endswith("step 3")]) == 4
    bars = [Notebook.bar(answer) for answer in answers]
    assert [bar for bar in bars if bar.startswith("[#---] 1/4 | stopped 0 | 0.")]
    assert bars[-1].startswith("[####] 4/4 | stopped 0 | 0.")
    content = b"".join(path.read_bytes() for path in records(platform).rglob("*") if path.is_file())
    assert notebook.secret not in content.decode("latin-1") + capsys.readouterr().out
    assert {trial["outputs"]["ml_id"] for trial in results[0].trials} == {
        results[0].directory.rsplit("/", 1)[-1]
    }


def test_the_records_lie_in_hopsfs_and_the_service_knows_the_best_trial(platform, spark):
    result = search(lambda x: x)
    ml_id = f"{spark.sparkContext.applicationId}_1"
    folder = records(platform) / ml_id
    assert result.directory == f"hdfs://namenode:8020/Projects/demo/Experiments/{ml_id}"
    assert {"maggy.json", "maggy.log", "result.json", ".summary.json"} <= {
        path.name for path in folder.iterdir()
    }
    for trial in result.trials:
        names = {path.name for path in (folder / trial["trial_id"]).iterdir()}
        assert {".hparams.json", ".outputs.json", ".metric", "trial.json"} <= names
    record = platform.experiments[ml_id]
    assert (record["state"], record["metric"]) == ("FINISHED", result["best_val"])
    assert record["bestDir"] == f"Experiments/{ml_id}/{result['best_id']}"
    assert (record["direction"], record["optimizationKey"], record["name"]) == (
        "max",
        "Metric",
        "mine",
    )
    assert platform.directories[next(iter(platform.directories))]


def test_the_experiment_is_registered_before_its_first_trial_begins(platform, monkeypatch):
    real, states = Recorder.trial_begins, []

    def begin(self, trial):
        states.append({ml_id: record["state"] for ml_id, record in platform.experiments.items()})
        real(self, trial)

    monkeypatch.setattr(Recorder, "trial_begins", begin)
    result = search(lambda x: x)
    assert states == [{result.directory.rsplit("/", 1)[-1]: "RUNNING"}] * 3
    assert list(platform.directories.values()) == [True, True]


def test_strangers_on_the_channel_disturb_neither_the_experiment_nor_the_notebook(
    platform, spark, tmp_path
):
    go_on = tmp_path / "go on"

    def train(x):
        import time

        while not go_on.exists():
            time.sleep(0.05)
        return x

    with ExitStack() as stack:
        runner, results, notebook = stack.enter_context(begun_search(platform, spark, train, 2))
        stack.callback(go_on.touch)  # the search must end, also after a failed assertion
        strangers = [
            stack.enter_context(socket.create_connection(notebook.address, timeout=5))
            for _ in range(50)
        ]
        for number, stranger in enumerate(strangers[10:]):  # the first ten send nothing
            with suppress(ConnectionError):
                stranger.sendall(
                    [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 8, b"\0\0\0\1\x80", b"\0\0\x0f\xff"][
                        number % 4
                    ]
                )
        assert notebook.poll()["num_trials"] == 2
        go_on.touch()
        runner.join()
        assert notebook.poll()["to_date"] == 2
    assert results[0]["num_trials"] == 2


def test_who_asks_as_soon_as_the_driver_is_registered_gets_the_number_of_trials(platform, spark):
    """Let the notebook ask before the driver's call of the platform has returned."""
    answers = []

    def ask():
        answers.append(Notebook(platform.endpoint, spark.sparkContext.applicationId).poll())

    platform.on_driver = ask
    search(lambda x: x, 2)
    assert [answer["num_trials"] for answer in answers] == [2]


def test_an_experiment_can_go_on_in_hopsfs(platform):
    def fails_once(x):
        if x > 0.5:
            raise ValueError("no")
        return x

    first = search(fails_once, 2)
    folder = records(platform) / first.directory.rsplit("/", 1)[-1]
    for path in (folder / "maggy.json", *folder.glob("*/trial.json")):
        # A driver that dies while it replaces a file leaves this.
        path.rename(f"{path}.previous")
    resumed = search(lambda x: 2.0, 4, resume=first.directory)
    assert resumed.directory == first.directory
    assert len(resumed.trials) == 4
    before = {trial["trial_id"]: trial["metric"] for trial in first.trials}
    assert {
        trial["trial_id"]: trial["metric"] for trial in resumed.trials if trial["metric"] != 2.0
    } == before
    assert len(list(records(platform).iterdir())) == 1


def test_a_failed_experiment_is_shown_as_failed(platform):
    def fails(x):
        raise ValueError("no")

    with pytest.raises(ExperimentError):
        search(fails, 2)
    assert [record["state"] for record in platform.experiments.values()] == ["FAILED"]


def test_a_stopped_experiment_is_shown_as_killed(platform):
    def slow(x):
        import time

        time.sleep(30)

    search(slow, 2, max_seconds=1)
    assert [record["state"] for record in platform.experiments.values()] == ["KILLED"]


def test_a_training_function_can_import_hops_util(platform):
    def train(x):
        from hops import util

        return {"metric": x, "module": util.send_request.__module__}

    result = search(train, 1)
    assert [trial["outputs"]["module"] for trial in result.trials] == ["hops.util"]


@pytest.mark.parametrize("ill", ["down", "401", "500", "broken", "slow"])
def test_an_ill_platform_is_not_noticed_by_the_experiment(platform, monkeypatch, capsys, ill):
    if ill == "down":
        monkeypatch.setenv("REST_ENDPOINT", "http://127.0.0.1:9")
    platform.token = "another" if ill == "401" else platform.token
    platform.status = 500 if ill == "500" else 200
    platform.broken = ill == "broken"
    platform.gate = threading.Event() if ill == "slow" else None
    result = search(lambda x: x)
    assert result["num_trials"] == 3
    output = capsys.readouterr().out
    assert output.count("Hopsworks does not show this experiment as it should") == 1
    log = next(records(platform).iterdir()) / "maggy.log"
    assert log.read_text().count("Hopsworks does not show this experiment as it should") == 1
    assert json.loads((log.parent / "maggy.json").read_text())["state"] == "FINISHED"
    if platform.gate is not None:
        assert platform.experiments == {}  # the platform has answered nothing yet
        platform.gate.set()


def view(frame):
    """Return a module that answers what Maggy asks the Feature Store's SDK, on the driver only."""
    feature_view = types.SimpleNamespace(
        labels=["survived"],
        get_training_data=lambda version, dataframe_type: (
            frame[["age", "fare"]],
            frame[["survived"]],
        ),
    )
    store = types.SimpleNamespace(get_feature_view=lambda name, version: feature_view)
    module = types.ModuleType("hopsworks")
    module.__spec__ = types.SimpleNamespace(name="hopsworks")
    module.login = lambda: types.SimpleNamespace(get_feature_store=lambda: store)
    return module


@pytest.mark.parametrize("source", ["feature view", "folder"])
def test_an_ablation_never_gets_the_label_or_the_ablated_feature_among_the_features(
    platform, monkeypatch, source
):
    frame = pandas.DataFrame({"age": [1.0, 3.0], "survived": [8, 9], "fare": [2.0, 4.0]})
    if source == "feature view":
        monkeypatch.setitem(sys.modules, "hopsworks", view(frame))
    else:
        folder = platform.files / "Projects/demo/demo_Training_Datasets/titanic_train_dataset_1"
        folder.mkdir(parents=True)
        frame.to_csv(folder / "part-0.csv", index=False)

    def train(dataset_function):
        features, labels = next(iter(dataset_function(1, 2)))
        return {
            "metric": 1.0,
            "features": features.numpy().tolist(),
            "labels": labels.numpy().tolist(),
        }

    study = AblationStudy(
        "titanic_train_dataset", training_dataset_version=1, label_name="survived"
    )
    study.features.include("age", "fare")
    result = experiment.lagom(train, AblationConfig(study, hb_interval=0.05))
    outputs_of = {trial["params"]["ablated_feature"]: trial["outputs"] for trial in result.trials}
    assert {feature: outputs["features"] for feature, outputs in outputs_of.items()} == {
        "None": [[1, 2], [3, 4]],
        "age": [[2], [4]],
        "fare": [[1], [3]],
    }
    assert [outputs["labels"] for outputs in outputs_of.values()] == [[8, 9]] * 3
    study.features.include("agee")
    with pytest.raises(
        AblationError, match=r"no feature 'agee'. Did you mean 'age'\? Its features are: age, fare"
    ):
        experiment.lagom(train, AblationConfig(study))
