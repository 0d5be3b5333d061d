"""Ablation studies with Keras on a real Spark session, as users run them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.real_tensorboard import GROUPS, TensorBoard, wait_for

from maggy import Trial, experiment
from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import AbstractAblator
from maggy.common.exceptions import AblationError, SignatureError
from maggy.experiment_config import AblationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

FEATURES = ["age", "fare", "sex"]


@pytest.fixture
def passengers(experiments):
    rows = np.random.default_rng(0).random((40, 3)).astype("float32")
    frame = pd.DataFrame(rows, columns=FEATURES)
    frame.insert(1, "survived", (rows[:, 0] > 0.5).astype(int))
    register_training_dataset(frame, "passengers")
    return frame


def base_model():
    import tensorflow as tf

    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Dense(8))
    model.add(tf.keras.layers.Dense(16, name="wide"))
    model.add(tf.keras.layers.Dense(4, name="narrow"))
    model.add(tf.keras.layers.Dense(1))
    return model


def study_of(**options):
    study = AblationStudy("passengers", label_name="survived", **options)
    study.model.set_base_model_generator(base_model)
    return study


def describe(dataset_function, model_function):
    """Return the sums of the features, the shapes, and the model's layers after one batch."""
    features, label = next(iter(dataset_function(1, 40)))
    model = model_function()
    model(features)
    return {
        "metric": len(model.layers),
        "layers": [layer.name for layer in model.layers],
        "weights": [list(weight.shape) for weight in model.weights],
        "shape": list(features.shape),
        "sums": features.numpy().sum(axis=0),
        "label": label.numpy().sum(),
    }


def ablate(study, train=describe, **options):
    return experiment.lagom(train, AblationConfig(study, **{"hb_interval": 0.2, **options}))


def by_component(result):
    return {
        (trial["params"]["ablated_feature"], trial["params"]["ablated_layer"]): trial["outputs"]
        for trial in result.trials
    }


def test_every_component_is_really_left_out_and_a_custom_model_is_really_trained(
    passengers, capsys
):
    def custom():
        import tensorflow as tf

        return tf.keras.Sequential(
            [tf.keras.layers.Dense(3, name="only"), tf.keras.layers.Dense(1, name="end")]
        )

    study = study_of()
    study.features.include("fare")
    study.model.layers.include("wide")
    study.model.layers.include_groups(["narrow", "wide"])
    study.model.layers.include_groups(prefix="NARR")
    study.model.add_custom_model_generator(custom, "mine")
    result = ablate(study)
    parts = by_component(result)
    assert (result["num_trials"], result["failed"]) == (6, 0)
    base = parts["None", "None"]
    assert base["layers"] == ["dense", "wide", "narrow", "dense_1"]
    assert base["sums"] == pytest.approx([passengers[name].sum() for name in FEATURES])
    assert base["label"] == passengers["survived"].sum()
    assert parts["fare", "None"]["sums"] == pytest.approx(
        [passengers[name].sum() for name in ("age", "sex")]
    )
    assert parts["None", "wide"]["layers"] == ["dense", "narrow", "dense_1"]
    assert [8, 4] in parts["None", "wide"]["weights"]
    assert parts["None", "['narrow', 'wide']"]["layers"] == ["dense", "dense_1"]
    assert parts["None", "Layers prefixed NARR"]["layers"] == ["dense", "wide", "dense_1"]
    assert parts["None", "Custom model: mine"]["layers"] == ["only", "end"]
    first = min(result.trials, key=lambda trial: trial["start"])
    assert first["trial_id"] == Trial({"ablated_feature": "None", "ablated_layer": "None"}).trial_id
    differences = {
        (d["ablated_feature"], d["ablated_layer"]): d["difference"] for d in result["differences"]
    }
    assert differences["None", "wide"] == -1
    assert differences["fare", "None"] == 0
    out = capsys.readouterr().out
    assert "------ LOCO Results ------\nBEST Config Excludes {" in out
    assert "EARLY STOPPED" not in out
    assert "best_hp" not in result


def test_the_direction_is_respected(passengers):
    study = study_of()
    study.model.layers.include("wide")
    assert ablate(study, direction="min")["best_config"]["ablated_layer"] == "wide"


@pytest.mark.parametrize(
    ("include", "message"),
    [
        (lambda study: study.model.layers.include("wyde"), "Did you mean 'wide'"),
        (lambda study: study.model.layers.include("dense"), "first"),
        (lambda study: study.model.layers.include_groups(prefix="conv"), "conv"),
    ],
)
def test_a_layer_that_is_not_there_costs_no_trial(passengers, experiments, include, message):
    study = study_of()
    include(study)
    with pytest.raises(AblationError, match=message):
        ablate(study)
    directory = next(experiments.glob("*_1"))
    assert [path.name for path in directory.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (lambda: AblationStudy("pasengers", label_name="survived"), "Did you mean 'passengers'"),
        (lambda: AblationStudy("passengers"), "label"),
        (lambda: AblationStudy("passengers", label_name="survive"), "Did you mean 'survived'"),
    ],
)
def test_what_the_driver_can_know_is_said_before_spark_is_touched(
    passengers, experiments, study, message
):
    wrong = study()
    wrong.model.set_base_model_generator(base_model)
    with pytest.raises(AblationError, match=message):
        ablate(wrong)
    mistyped = study_of()
    mistyped.features.include("fair")
    with pytest.raises(AblationError, match="Did you mean 'fare'"):
        ablate(mistyped)
    assert not experiments.exists()


def test_a_training_function_that_ignores_what_is_ablated_is_refused(passengers):
    study = study_of()
    study.features.include("fare")
    with pytest.raises(SignatureError, match="dataset_function"):
        ablate(study, lambda model_function: 1)
    with pytest.raises(SignatureError, match="kernel"):
        ablate(study, lambda dataset_function, model_function, kernel: 1)


def test_a_users_dataset_generator_gets_the_ablated_feature_and_nothing_is_looked_up():
    def dataset(num_epochs, batch_size, ablated):
        return [num_epochs, batch_size, ablated]

    def train(dataset_function):
        epochs, batch, ablated = dataset_function(5, 10)
        assert (epochs, batch) == (5, 10)
        return {"metric": 1, "ablated": ablated}

    study = AblationStudy("nowhere", 1, "y", dataset_generator=dataset)
    study.features.include("anything")
    result = ablate(study, train)
    assert sorted(str(trial["outputs"]["ablated"]) for trial in result.trials) == [
        "None",
        "anything",
    ]


def test_a_users_own_ablator_makes_the_functions_on_the_executor(passengers):
    class Halves(AbstractAblator):
        def get_number_of_trials(self):
            return 2

        def initialize(self):
            self.left = ["None", "half"]

        def get_trial(self, ablation_trial=None):
            if not self.left:
                return None
            return Trial(
                {"ablated_feature": "None", "ablated_layer": self.left.pop(0)},
                trial_type="ablation",
            )

        def get_dataset_generator(self, ablated_feature=None):
            return lambda num_epochs, batch_size: [1, 2]

        def get_model_generator(self, layer_identifier=None):
            return lambda: 0.5 if layer_identifier == "half" else 1

        def finalize_experiment(self, trials):
            self.final = len(trials)

    study = AblationStudy("passengers", label_name="survived")
    ablator = Halves(study, [])
    result = ablate(
        study, lambda dataset_function, model_function: model_function(), ablator=ablator
    )
    assert sorted(result["metric_list"]) == [0.5, 1]
    assert ablator.final == 2


def test_a_real_tensorboard_lists_every_trial_of_an_ablation(passengers):
    study = study_of()
    study.features.include("fare", "age")
    result = ablate(study, lambda dataset_function, model_function: 0.25)
    with TensorBoard(Path(result.directory).parent) as tensorboard:

        def shown():
            groups = tensorboard("session_groups", GROUPS).get("sessionGroups", [])
            return (
                groups
                if len(groups) == 3 and all(group.get("metricValues") for group in groups)
                else None
            )

        groups = wait_for(shown)
    assert {json.dumps(group["hparams"], sort_keys=True) for group in groups} == {
        json.dumps(trial["params"], sort_keys=True) for trial in result.trials
    }
    assert {group["metricValues"][0]["value"] for group in groups} == {0.25}


def test_modules_of_a_torch_model_are_left_out_on_the_workers(experiments):
    pytest.importorskip("torch")

    def model():
        from torch import nn

        return nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 1))

    def rows():
        import torch

        return torch.ones(2, 3)

    def train(model_function):
        return sum(weight.numel() for weight in model_function().parameters())

    study = AblationStudy(None, dataset_generator=lambda num_epochs, batch_size: None)
    study.model.set_base_model_generator(model)
    study.model.set_example_input(rows)
    study.model.layers.include("1")
    result = ablate(study, train)
    assert [(d["ablated_layer"], d["metric"]) for d in result["differences"]] == [("1", 16)]
    assert sorted(path.read_text() for path in experiments.rglob("output.log"))[-1] == (
        "Left out: 1.\n"
    )
    study.model.layers.include("2")
    with pytest.raises(AblationError, match=r"Without layer '2' .*shape \(2, 3\).*\(2, 1\)"):
        ablate(study, train)
