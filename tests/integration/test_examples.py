"""Examples run as for a newcomer, and so do notebooks for earlier releases of Maggy."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from helpers.notebooks import panels, printed, run_notebook, tables

from maggy import experiment
from maggy.ablation import AblationStudy, register_training_dataset
from maggy.common.exceptions import ExperimentError

EXAMPLES = Path(__file__).parents[2] / "examples"

# The feature and the layer of each trial after the base, in the order of inclusion.
COMPONENTS = [
    ("fare", "None"),
    ("sibsp", "None"),
    ("pclass", "None"),
    ("None", "my_dense_two"),
    ("None", "my_dense_three"),
    ("None", "my_dense_four"),
    ("None", "my_dense_sigmoid"),
    ("None", "Layers prefixed my_dense"),
    ("None", "['my_dense_four', 'my_dense_two']"),
    ("None", "Custom model: a small model"),
]


def run_script(name, directory, *arguments):
    """Run an example as a newcomer does; return the finished process and the records' directory."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("MAGGY_", "PYSPARK_", "TF_CPP_"))
    }
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    script = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert script.returncode == 0, script.stdout + script.stderr
    assert "Traceback" not in script.stdout + script.stderr
    (records,) = [path for path in (directory / "Experiments").iterdir() if path.is_dir()]
    assert f"Everything is recorded in {records}" in script.stdout
    return script, records


def trials_of(directory):
    """Return the records of an experiment's trials, in the order in which they started."""
    trials = [json.loads(path.read_text()) for path in directory.glob("*/trial.json")]
    return sorted(trials, key=lambda trial: trial["start"])


def labels_of(trial):
    return trial["params"]["ablated_feature"], trial["params"]["ablated_layer"]


def run_copy(name, directory, monkeypatch):
    """Run a copy of a notebook with the files beside it; return it with its outputs."""
    shutil.copytree(
        EXAMPLES,
        directory,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("Experiments", "__pycache__"),
    )
    return run_notebook(directory / name, directory, monkeypatch)


@pytest.mark.slow
def test_the_titanic_script_trains_eleven_models_in_repeats_and_shows_the_differences(tmp_path):
    # Two repeats in place of five, to save time.
    script, directory = run_script("titanic_ablation.py", tmp_path, "--repeats", "2")
    trials = trials_of(directory)
    assert [labels_of(trial) for trial in trials] == [("None", "None"), *COMPONENTS] * 2
    assert all(trial["status"] == "FINALIZED" for trial in trials)
    result = json.loads((directory / "result.json").read_text())
    assert (result["num_trials"], result["failed"]) == (22, 0)
    bases = [trial["final_metric"] for trial in (trials[0], trials[11])]
    assert min(bases) > 0.7  # a model that learns nothing reaches 0.62, the share of the dead
    for number, (difference, labels) in enumerate(
        zip(result["differences"], COMPONENTS, strict=True), start=1
    ):
        assert (difference["ablated_feature"], difference["ablated_layer"]) == labels
        metrics = [trials[number]["final_metric"], trials[number + 11]["final_metric"]]
        assert difference["difference"] == pytest.approx(sum(metrics) / 2 - sum(bases) / 2)
        assert (difference["n"], difference["failed"]) == (2, 0)
        label = next(label for label in labels if label != "None")
        assert re.search(
            rf"^  (feature |layers? )?{re.escape(label)} +2 .* (inconclusive|helps|hurts) +\d",
            script.stdout,
            re.MULTILINE,
        )
    assert "------ LOCO Results ------" in script.stdout
    assert "22/22" in script.stderr
    # Spark and TensorFlow are quiet, so the terminal shows the example only.
    assert script.stdout.startswith("Starting Spark on ")
    assert not re.sub(r"Maggy experiment: [^\r\n]*", "", script.stderr).split()
    lines = script.stdout.splitlines()
    # A busy machine has lines that others have not.
    lines = [line for line in lines if not line.startswith("Waiting for executors: ")]
    lines_of_trials = [line for line in lines if re.match(r"trial \d+: ", line)]
    assert (len(lines_of_trials), len(lines) < 52) == (22, True)


@pytest.mark.slow
def test_the_digits_script_stops_some_trials_early(tmp_path):
    script, directory = run_script("digits_search.py", tmp_path)
    result = json.loads((directory / "result.json").read_text())
    assert (result["num_trials"], result["failed"]) == (15, 0)
    early_trials = [trial for trial in trials_of(directory) if trial["early_stop"]]
    assert result["early_stopped"] == len(early_trials) >= 1
    assert f"EARLY STOPPED Trials -- {len(early_trials)}" in script.stdout
    assert all(len(trial["metric_history"]) < 12 for trial in early_trials)
    assert result["best_val"] > 0.8
    assert "WARN" not in script.stderr


@pytest.mark.slow
def test_the_titanic_notebook_runs_and_shows_its_result_as_a_table(tmp_path, monkeypatch):
    notebook = run_copy("titanic_ablation.ipynb", tmp_path, monkeypatch)
    text = printed(notebook)
    assert "pclass\nfare\nsibsp\n" in text
    assert "Included single layers are: \n\nmy_dense_two\n" in text
    assert (
        "Included layer groups are: \n\n"
        '---- All layers prefixed "my_dense"\n'
        "--- Layer group ['my_dense_four', 'my_dense_two']\n"
    ) in text
    assert "Started Maggy Experiment: Titanic-LOCO, local-" in text
    assert "BEST Config Excludes {" in text
    html = tables(notebook)[-1]  # the passengers are a table, too
    assert html.count("<tr") == 12
    assert html.count(">base</td>") == 1
    assert ">11 trials: 11 finished" in html


@pytest.mark.slow
def test_the_digits_notebook_runs_and_shows_the_trials_that_were_stopped(tmp_path, monkeypatch):
    notebook = run_copy("digits_search.ipynb", tmp_path, monkeypatch)
    assert int(re.search(r"EARLY STOPPED Trials -- (\d+)", printed(notebook))[1]) >= 1
    (html,) = tables(notebook)
    assert html.count("<tr") == 16
    (panel,) = panels(notebook)
    assert "finished</span>" in panel
    assert "15 of 15 trials" in panel
    # Trials are in the panel, and neither their lines nor a widget are left.
    assert "\ntrial 1: " not in printed(notebook)
    assert "widgets" not in notebook.metadata
    assert ">stopped early</td>" in html


@pytest.mark.parametrize(
    "name", ["titanic_ablation.ipynb", "digits_search.ipynb", "paper_ablation.ipynb"]
)
def test_a_notebook_is_kept_with_the_outputs_of_a_good_run_and_no_path_of_a_machine(name):
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.split("\n")[2].startswith("After this notebook you can ")
    assert tables(notebook)
    assert not any(
        output.output_type == "error"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )
    assert not re.search(r"(/home|/root|/tmp|/usr|/opt|/Users|[A-Z]:\\\\)[/\w]", text)


# The rest are programs for earlier releases.


@pytest.fixture
def titanic_train_dataset(spark, experiments):
    passengers = spark.read.csv(str(EXAMPLES / "titanic.csv"), header=True, inferSchema=True)
    passengers = passengers.withColumn("sex", (passengers.sex == "female").cast("int"))
    register_training_dataset(passengers, "titanic_train_dataset", version=1)


def base_model_generator():
    import tensorflow as tf

    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Dense(64, activation="relu"))
    model.add(tf.keras.layers.Dense(64, name="my_dense_two", activation="relu"))
    model.add(tf.keras.layers.Dense(32, name="my_dense_three", activation="relu"))
    model.add(tf.keras.layers.Dense(32, name="my_dense_four", activation="relu"))
    model.add(tf.keras.layers.Dense(2, name="my_dense_sigmoid", activation="sigmoid"))
    # This is the output layer.
    model.add(tf.keras.layers.Dense(1, activation="linear"))
    return model


@pytest.mark.slow
@pytest.mark.usefixtures("titanic_train_dataset")
def test_a_notebook_of_release_1_0_runs_and_a_custom_model_without_its_import_fails_alone(capsys):
    from maggy.experiment_config import AblationConfig

    ablation_study = AblationStudy(
        "titanic_train_dataset", training_dataset_version=1, label_name="survived"
    )
    ablation_study.features.include("pclass")
    list_of_features = ["fare", "sibsp"]
    ablation_study.features.include(list_of_features)
    ablation_study.model.set_base_model_generator(base_model_generator)
    ablation_study.model.layers.include(
        "my_dense_two", "my_dense_three", "my_dense_four", "my_dense_sigmoid"
    )
    ablation_study.model.layers.include_groups(["my_dense_two", "my_dense_four"])
    ablation_study.model.layers.include_groups(prefix="my_dense")

    def my_custom_model():
        model = tf.keras.Sequential()  # noqa: F821 (this is the mistake)
        model.add(tf.keras.layers.Dense(1, activation="linear"))  # noqa: F821
        return model

    ablation_study.model.add_custom_model_generator(my_custom_model, "a custom model")

    def training_fn(dataset_function, model_function):
        import tensorflow as tf

        epochs = 5
        batch_size = 10
        tf_dataset = dataset_function(epochs, batch_size)
        model = model_function()
        model.compile(
            optimizer=tf.keras.optimizers.Adam(0.001),
            loss="binary_crossentropy",
            metrics=["accuracy"],
        )
        history = model.fit(tf_dataset, epochs=5, steps_per_epoch=30, verbose=0)
        return float(history.history["accuracy"][-1])

    config = AblationConfig(
        name="Titanic-LOCO",
        ablation_study=ablation_study,
        ablator="loco",
        description="",
        hb_interval=1,
    )
    result = experiment.lagom(train_fn=training_fn, config=config)

    assert (result["num_trials"], result["failed"]) == (10, 1)
    (failure,) = [trial for trial in result.trials if trial["status"] == "ERROR"]
    assert failure["params"]["ablated_layer"] == "Custom model: a custom model"
    # The check before the first trial detects the mistake, though the trial's turn is the last.
    assert result.trials[0] == failure
    assert (failure["attempts"], failure["duration"]) == (0, 0)
    assert "NameError: name 'tf' is not defined" in failure["error"]
    assert "add `import tensorflow as tf` inside my_custom_model()" in failure["error"]
    assert "model = tf.keras.Sequential()" in failure["error"]  # the user's own line
    out = capsys.readouterr().out
    assert out.count(failure["error"].rstrip()) == 1
    assert re.search(r"Custom model: a custom model +failed", out)
    assert "Started Maggy Experiment: Titanic-LOCO, local-" in out
    assert "Finished Experiment" in out


@pytest.mark.slow
@pytest.mark.usefixtures("titanic_train_dataset")
def test_the_call_of_release_0_3_with_map_fun_and_keywords():
    ablation_study = AblationStudy("titanic_train_dataset", label_name="survived")
    ablation_study.features.include("pclass", "fare")
    ablation_study.model.layers.include("my_dense_two", "my_dense_three")
    ablation_study.model.layers.include_groups(["my_dense_two", "my_dense_four"])
    ablation_study.model.layers.include_groups(prefix="my_dense")
    ablation_study.model.set_base_model_generator(base_model_generator)

    def training_function(dataset_function, model_function, reporter):
        import tensorflow as tf

        from maggy.callbacks import KerasBatchEnd

        tf_dataset = dataset_function(5, 10)
        model = model_function()
        # Changes that Keras 3 needs: a new optimizer for each model, and the metric's name "acc",
        # because the history is read as "acc".
        model.compile(
            optimizer=tf.keras.optimizers.Adam(0.001), loss="binary_crossentropy", metrics=["acc"]
        )
        callbacks = [KerasBatchEnd(reporter, metric="acc")]
        history = model.fit(
            tf_dataset, epochs=5, steps_per_epoch=30, callbacks=callbacks, verbose=0
        )
        return float(history.history["acc"][-1])

    result = experiment.lagom(
        map_fun=training_function,
        experiment_type="ablation",
        ablation_study=ablation_study,
        ablator="loco",
        name="Titanic-LOCO",
        hb_interval=5,
    )
    assert (result["num_trials"], result["failed"]) == (7, 0)
    assert all(trial["steps"] == list(range(150)) for trial in result.trials)


@pytest.mark.slow
@pytest.mark.usefixtures("titanic_train_dataset")
def test_a_name_that_keras_3_no_longer_knows_is_shown_with_the_line_that_asks_for_it():
    ablation_study = AblationStudy("titanic_train_dataset", label_name="survived")
    ablation_study.model.set_base_model_generator(base_model_generator)

    def training_function(dataset_function, model_function, reporter):
        from maggy.callbacks import KerasBatchEnd

        model = model_function()
        model.compile(loss="binary_crossentropy", metrics=["accuracy"])
        callbacks = [KerasBatchEnd(reporter, metric="acc")]  # Maggy's callback accepts both names
        history = model.fit(
            dataset_function(1, 10), epochs=1, steps_per_epoch=3, callbacks=callbacks, verbose=0
        )
        return float(history.history["acc"][-1])

    with pytest.raises(ExperimentError, match=r'history\.history\["acc"\](?s:.)*KeyError: \'acc\''):
        experiment.lagom(
            map_fun=training_function, experiment_type="ablation", ablation_study=ablation_study
        )
