"""The same experiments run with all trials in the worker's process, or in their own processes."""

import os
import threading
from pathlib import Path

import pytest

from maggy import Searchspace, experiment, tensorboard
from maggy.ablation import AblationStudy
from maggy.common.exceptions import ExperimentError, NotSupportedError
from maggy.experiment_config import AblationConfig, LagomConfig, OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(x=("DOUBLE", [0, 1]))


@pytest.fixture(params=["worker", "process"])
def isolation(request):
    return request.param


def search(train, num_trials, isolation, **options):
    options = {"seed": 1, "hb_interval": 0.1, "isolation": isolation, **options}
    return experiment.lagom(train, OptimizationConfig(num_trials, "randomsearch", SPACE, **options))


def test_a_search_reports_prints_and_fails_alike(isolation, capsys):
    def train(x, reporter):
        print(f"x is {x}")
        reporter.log("only for the log")
        for step in range(5):
            reporter.broadcast(x, step)
        if x < 0.5:
            raise ValueError("x is too small")
        return {"metric": x, "logdir": tensorboard.logdir()}

    result = search(train, 8, isolation)
    assert {trial["params"]["x"] < 0.5 for trial in result.trials} == {False, True}
    for trial in result.trials:
        directory = Path(result.directory, trial["trial_id"])
        x = trial["params"]["x"]
        assert trial["status"] == ("ERROR" if x < 0.5 else "FINALIZED")
        assert trial["history"] == [x] * 5
        assert (directory / "output.log").read_text().splitlines()[:2] == [
            f"x is {x}",
            "only for the log",
        ]
        if x >= 0.5:
            assert trial["outputs"]["logdir"] == str(directory)
        else:
            assert (trial["error"] or "").rstrip().endswith("ValueError: x is too small")
    assert "x is 0." in capsys.readouterr().out


def test_trials_are_stopped_early_alike(isolation):
    def train(x, reporter):
        for step in range(5_000):
            reporter.broadcast(x, step)
            if x == 1:  # the worse trial goes on until the rule stops it
                threading.Event().wait(0.01)
        return x

    space = Searchspace(x=("DISCRETE", [2, 1]))
    options = {
        "isolation": isolation,
        "num_workers": 1,
        "hb_interval": 0.1,
        "es_min": 0,
        "max_trial_seconds": 60,
    }
    result = experiment.lagom(train, OptimizationConfig(2, "gridsearch", space, **options))
    assert (result["early_stopped"], result["failed"]) == (1, 0)
    assert sorted(result["metric_list"]) == [1, 2]


@pytest.mark.parametrize("value", [None, {"any": {1, 2}}, [1.5], float("nan")], ids=str)
def test_a_function_that_is_run_once_gives_its_value_alike(isolation, value):
    result = experiment.lagom(lambda: value, LagomConfig(isolation=isolation))
    assert repr(result) == repr(value)


def test_a_function_that_is_run_once_and_raises_is_told_alike(isolation):
    def train():
        raise ValueError("no luck")

    with pytest.raises(ExperimentError, match="ValueError: no luck"):
        experiment.lagom(train, LagomConfig(isolation=isolation))


def test_an_ablation_is_alike(isolation):
    def model():
        import keras

        layers = [keras.layers.Dense(2, name=name) for name in ("first", "second", "third")]
        return keras.Sequential([keras.Input((3,)), *layers])

    def train(model_function):
        return {"metric": 1, "layers": [layer.name for layer in model_function().layers]}

    study = AblationStudy("none", label_name="y")
    study.model.set_base_model_generator(model)
    study.model.layers.include("second")
    result = experiment.lagom(
        train, AblationConfig(study, isolation=isolation, hb_interval=0.1, num_workers=1)
    )
    layers = {
        trial["params"]["ablated_layer"]: trial["outputs"]["layers"] for trial in result.trials
    }
    assert layers == {"None": ["first", "second", "third"], "second": ["first", "third"]}
    assert {trial["params"]["ablated_layer"]: trial["model"] for trial in result.trials} == {
        "None": {"parameters": 20, "layers": [], "restarts": []},
        "second": {"parameters": 14, "layers": ["second"], "restarts": []},
    }


def test_a_system_that_cannot_fork_is_told_before_anything_is_recorded(monkeypatch, experiments):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(
        NotSupportedError,
        match=r"by fork, which this system does not have\. Set isolation='worker'",
    ):
        search(lambda x: x, 2, "process")
    assert not list(experiments.glob("*"))
