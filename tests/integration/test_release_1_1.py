"""Programs for release 1.1 run on a real Spark session."""

import json

import pytest

from maggy import Searchspace, Trial
from maggy.ablation import AblationStudy
from maggy.ablation.ablator import AbstractAblator
from maggy.config import AblationConfig, BaseConfig, HyperparameterOptConfig
from maggy.experiment import experiment
from maggy.experiment_config import OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]


class Doubling:
    """A model class as in release 1.1, where the training function makes the instance."""

    def __init__(self, width):
        self.width = width

    def evaluate(self, data):
        return [self.width * 2 * len(data), "a second value"]


def space():
    return Searchspace(width=("INTEGER", [1, 9]))


def test_a_search_of_release_1_1_runs_with_its_model_and_dataset(capsys, experiments):
    def training_function(model, dataset, hparams, reporter):
        train_set, test_set = dataset
        reporter.broadcast(hparams["width"])
        return model(hparams["width"]).evaluate(train_set + test_set)

    config = HyperparameterOptConfig(
        num_trials=3,
        optimizer="randomsearch",
        searchspace=space(),
        direction="min",
        es_policy="none",
        name="hp_tuning_test",
        hb_interval=1,
        model=Doubling,
        dataset=[[1, 2], [3]],
    )
    result = experiment.lagom(train_fn=training_function, config=config)
    assert (result["num_trials"], result["failed"]) == (3, 0)
    assert result["best_val"] == 6 * result["best_hp"]["width"]
    for trial in result.trials:
        assert trial["outputs"] == {
            "Metric": trial["metric"],
            "returned": [trial["metric"], "a second value"],
        }
    assert (
        capsys.readouterr().out.count(
            "A returned list counts with its first item, and this is the metric."
        )
        == 1
    )
    (outputs,) = [
        json.loads(path.read_text())
        for path in experiments.glob(f"*/{result['best_id']}/.outputs.json")
    ]
    assert outputs["Metric"] == result["best_val"]
    assert not [
        path
        for path in experiments.rglob("*")
        if path.is_file() and b"Doubling" in path.read_bytes()
    ]


def test_an_experiment_that_release_2_0_recorded_with_another_default_key_goes_on():
    """Resume a search of release 2.0, whose ``HyperparameterOptConfig`` had the key 'metric'.

    There it was another name of ``OptimizationConfig``.
    """
    first = experiment.lagom(
        lambda width: width, OptimizationConfig(2, "randomsearch", space(), seed=1)
    )
    config = HyperparameterOptConfig(3, "randomsearch", space(), seed=1, resume=first.directory)
    result = experiment.lagom(lambda width: {"loss": width + 100}, config)
    assert {trial["trial_id"] for trial in first.trials} < {
        trial["trial_id"] for trial in result.trials
    }
    assert [sorted(trial["outputs"]) for trial in result.trials] == [
        ["metric"],
        ["metric"],
        ["loss", "metric"],
    ]
    assert result.optimization_key == "metric"
    assert config.optimization_key == "Metric"


class WithFunctions(AbstractAblator):
    """An ablator of release 1.x, with trials in ``trial_buffer`` that hold their functions."""

    def get_number_of_trials(self):
        return 2

    def get_dataset_generator(self, ablated_feature, dataset_type="tfrecord"):
        return lambda num_epochs, batch_size: [ablated_feature, num_epochs, batch_size]

    def get_model_generator(self, ablated_layer):
        return lambda: {"layers": 2 if ablated_layer is None else 1}

    def initialize(self):
        for layer in ("None", "dense"):
            params = {
                "dataset_function": self.get_dataset_generator(None),
                "model_function": self.get_model_generator(layer),
                "ablated_feature": "None",
                "ablated_layer": layer,
            }
            self.trial_buffer.append(Trial(params, trial_type="ablation"))

    def get_trial(self, ablation_trial=None):
        return self.trial_buffer.pop(0) if self.trial_buffer else None

    def finalize_experiment(self, trials):
        self.final = trials


def test_an_ablator_that_puts_functions_into_its_trials_runs(capsys):
    def train(dataset_function, model_function):
        return {"metric": model_function()["layers"], "data": dataset_function(3, 4)}

    study = AblationStudy("passengers", label_name="survived")
    ablator = WithFunctions(study, [])
    result = experiment.lagom(train, AblationConfig(study, ablator))
    assert (result["failed"], [trial["outputs"]["data"] for trial in result.trials]) == (
        0,
        [[None, 3, 4]] * 2,
    )
    assert {trial["params"]["ablated_layer"]: trial["metric"] for trial in result.trials} == {
        "None": 2,
        "dense": 1,
    }
    assert min(result.trials, key=lambda trial: trial["start"])["trial_id"] == "5b254f8048b3784d"
    remark = (
        "get_dataset_generator and get_model_generator of WithFunctions "
        "are asked for them on the worker"
    )
    assert capsys.readouterr().out.count(remark) == 1
    assert len(ablator.final) == 2


def test_an_ablation_of_release_1_1_finds_its_functions_in_hparams():
    def train(model, dataset, hparams, reporter):
        generator = hparams["model_function"]
        return [generator()["layers"], model, dataset, hparams["dataset_function"](1, 2)]

    study = AblationStudy("passengers", label_name="survived")
    config = AblationConfig(study, WithFunctions(study, []), model="a model", dataset=["train.csv"])
    result = experiment.lagom(train, config)
    assert (result["failed"], sorted(result["metric_list"])) == (0, [1, 2])
    assert result.trials[0]["outputs"]["returned"][1:] == ["a model", ["train.csv"], [None, 1, 2]]


def test_the_base_config_runs_a_function_once_as_no_config_does():
    def train(model, dataset, hparams, reporter):
        return [model, dataset, hparams]

    assert experiment.lagom(train, BaseConfig("mine", 1, "")) == [None, None, {}]
    assert experiment.lagom(train, BaseConfig(dataset=["d"])) == [None, ["d"], {}]
    assert experiment.lagom(train) == [None, None, {}]
