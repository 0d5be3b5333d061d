"""Ablation studies with Keras on a real Spark session, as users run them."""

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.real_tensorboard import GROUPS, TensorBoard, wait_for

from maggy import Trial, experiment
from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import AbstractAblator
from maggy.common.exceptions import AblationError, ResumeError, SignatureError
from maggy.common.seeding import derive_seed
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
    records = [
        json.loads(Path(result.directory, row["trial_id"], "trial.json").read_text())
        for row in result.trials
    ]
    assert [record["info_dict"]["model"] for record in records] == [
        row["model"] for row in result.trials
    ]
    assert {row["params"]["ablated_layer"]: row["model"]["layers"] for row in result.trials} == {
        "None": [],
        "wide": ["wide"],
        "['narrow', 'wide']": ["wide", "narrow"],  # in the order of the model
        "Layers prefixed NARR": ["narrow"],
        "Custom model: mine": [],
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


def train_with_choices(augment=True, rate=0.5, size=3):
    return augment + rate + (size == 3) * augment


def test_an_ablator_by_name_adds_to_the_result_of_a_study_without_keras():
    study = AblationStudy(None)
    study.choices.include(augment=False, rate=0.25, size=1)
    result = ablate(study, train_with_choices, ablator="pairs", repeats=2, confidence=0.9)
    assert result.confidence == 0.9
    assert [(entry["components"], entry["interaction"]) for entry in result["interactions"]] == [
        (["augment=False", "rate=0.25"], 0.0),
        (["augment=False", "size=1"], 1.0),
        (["rate=0.25", "size=1"], 0.0),
    ]
    assert [entry["ablated_choice"] for entry in result["differences"]][-1] == "rate=0.25 + size=1"
    # Two workers: the trial that began first need not be the first to end.
    first = min(result.trials, key=lambda trial: trial["start"])
    assert first["trial_id"] == "5b254f8048b3784d"


def test_a_component_that_a_rule_stops_early_is_marked(capsys):
    def train(reporter, augment=True):
        for step in range(5_000):
            reporter.broadcast(augment + 1, step)
            if not augment:  # the worse trial goes on until the rule stops it
                threading.Event().wait(0.01)
        return augment + 1

    study = AblationStudy(None)
    study.choices.include(augment=False)
    options = {"es_policy": "median", "es_min": 0, "num_workers": 1, "max_trial_seconds": 60}
    result = ablate(study, train, **options)
    assert (result["early_stopped"], result["failed"]) == (1, 0)
    (entry,) = result["differences"]
    assert (entry["difference"], entry["stopped_early"]) == (-1, 1)
    assert "augment=False  -1, stopped early" in capsys.readouterr().out


def test_backward_elimination_goes_on_where_it_was_interrupted(experiments):
    study = AblationStudy(None)
    study.choices.include(augment=False, rate=0.25, size=1)
    options = {"ablator": "backward", "ablator_options": {"stop_at": 0.5}, "repeats": 2}
    whole = ablate(study, train_with_choices, **options)
    assert [entry["component"] for entry in whole["rounds"]] == ["rate=0.25", "size=1"]
    records = sorted(Path(whole.directory).glob("*/trial.json"))
    assert len(records) == 12
    for record in records[::3]:  # as if these trials had not ended
        shutil.rmtree(record.parent)
    resumed = ablate(study, train_with_choices, resume=whole.directory, **options)
    assert resumed["rounds"] == whole["rounds"]
    assert len(resumed.trials) == 12


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


def numbers(num_epochs, batch_size, ablated_feature=None):
    import random

    return {name: random.random() for name in ("age", "fare", "sex") if name != ablated_feature}


def noise():
    import random

    return random.random()


def score(dataset_function, model_function, repeat, seed):
    """Return a metric of which every number comes from the shared generators."""
    import random

    features = dataset_function(1, 1)
    if repeat == 1 and "fare" not in features:
        raise ValueError("this run fails")
    chance = int(1000 * (model_function() + random.random()))
    return {"metric": chance + len(features), "seed": seed}


def repeated_study(*features):
    study = AblationStudy(None, dataset_generator=numbers)
    study.model.set_base_model_generator(noise)
    study.features.include(*features)
    return study


def test_repeats_pair_components_and_a_study_can_be_completed(spark):
    first = experiment.lagom(score, AblationConfig(repeated_study("age"), repeats=2, seed=3))
    assert {trial["trial_id"] for trial in first.trials} >= {
        "5b254f8048b3784d",
        "5b254f8048b3784d_2",
    }
    for trial in first.trials:
        path = Path(first.directory) / trial["trial_id"] / "trial.json"
        notes = json.loads(path.read_text())["info_dict"]
        assert (notes["repeat"], notes["seed"]) == (
            trial["repeat"],
            derive_seed(3, trial["repeat"]),
        )
    # All random numbers of a repeat are the same, so only the missing feature makes a difference.
    (age,) = first["differences"]
    assert (age["difference"], age["difference_std"], age["p_value"]) == (-1.0, 0.0, 0.0)
    assert age["verdict"] == "helps"
    extended = AblationConfig(
        repeated_study("age", "fare"), repeats=3, seed=3, resume=first.directory
    )
    result = experiment.lagom(score, extended)
    runs = {trial["trial_id"]: trial for trial in result.trials}
    assert len(runs) == 3 * 3
    for trial in first.trials:
        assert runs[trial["trial_id"]]["start"] == trial["start"]  # it did not run again
    age, fare = result["differences"]
    assert (age["n"], age["failed"], fare["n"], fare["failed"]) == (3, 0, 2, 1)
    record = json.loads((Path(first.directory) / "maggy.json").read_text())
    assert record["identity"]["repeats"] == 3
    assert record["identity"]["components"]["included_features"] == ["age", "fare"]
    again = AblationConfig(
        repeated_study("age", "fare"),
        repeats=3,
        seed=3,
        resume=first.directory,
        retry_failed=True,
    )
    last = experiment.lagom(
        lambda dataset_function, model_function, seed: score(
            dataset_function, model_function, 0, seed
        ),
        again,
    )
    assert last["differences"][1]["failed"] == 0
    assert [entry["difference"] for entry in last["differences"]] == [-1.0, -1.0]
    smaller = AblationConfig(repeated_study("age"), repeats=3, seed=3, resume=first.directory)
    with pytest.raises(ResumeError, match="components"):
        experiment.lagom(score, smaller)


def test_a_study_is_the_same_on_any_number_of_workers():
    results = [
        experiment.lagom(
            score,
            AblationConfig(repeated_study("age"), repeats=3, seed=3, num_workers=workers),
        )
        for workers in (1, 2)
    ]
    metrics = [
        {trial["trial_id"]: trial["metric"] for trial in result.trials} for result in results
    ]
    assert metrics[0] == metrics[1]


def test_the_trials_of_a_repeat_share_rows_and_permutation(passengers, experiments):
    def train(dataset_function, repeat):
        features, _ = dataset_function.arrays()
        held_out, _ = dataset_function.arrays("test")
        streamed = sum(len(batch[1]) for batch in dataset_function(1, 7, split="test"))
        return {
            "metric": repeat,
            "rows": [features.shape, held_out.shape, streamed],
            "age": held_out[:, 0],
            "pairs": features[:, 1:],
        }

    study = AblationStudy(
        "passengers", label_name="survived", test_fraction=0.25, feature_ablation="permute"
    )
    study.features.include("fare")
    study.features.include_groups(["sex", "fare"], regex="^f")
    result = ablate(study, train, repeats=2, seed=3)
    trials = [(trial["repeat"], trial["params"], trial["outputs"]) for trial in result.trials]
    assert len(trials) == 8
    assert {str(outputs["rows"]) for _, _, outputs in trials} == {"[[30, 3], [10, 3], 10]"}
    tests = [
        {str(one["age"]) for repeat, _, one in trials if repeat == number} for number in (0, 1)
    ]
    assert [len(test) for test in tests] == [1, 1]
    assert tests[0] != tests[1]
    pairs = {
        params["ablated_feature"]: one["pairs"] for repeat, params, one in trials if not repeat
    }
    assert pairs["Features matching ^f"] == pairs["fare"] != pairs["None"]
    assert sorted(pairs["['fare', 'sex']"]) == sorted(pairs["None"]) != pairs["['fare', 'sex']"]
    notes = [
        json.loads(path.read_text()).get("info_dict", {})
        for path in Path(experiments).rglob("trial.json")
    ]
    assert len({note["data_seed"] for note in notes}) == 2


def test_nan_is_explained_by_missing_values_if_there_are_some(experiments):
    frame = pd.DataFrame({"age": [1, np.nan], "fare": [1, 2], "survived": [0, 1]})
    register_training_dataset(frame, "gaps")
    study = AblationStudy("gaps", label_name="survived", missing="keep")
    study.features.include("age")
    result = ablate(study, lambda dataset_function: dataset_function.arrays()[0].sum())
    base, without_age = sorted(result.trials, key=lambda trial: trial["params"]["ablated_feature"])
    assert without_age["metric"] == 3
    assert "metric is NaN. The training data set has missing values (age: 1)" in base["error"]
