"""Trials of a Keras model on the other backends of Keras: `tox -e backends`."""

import os
import subprocess
import sys

import pytest

CODE = """
import sys

import keras
import pandas as pd

from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import LOCO
from maggy.core.cluster import dumps, loads
from maggy.core.executors.workload import AblationWorkload
from maggy.core.reporter import Reporter


def base():
    import keras

    layers = keras.layers
    parts = [
        layers.Dense(8, name="first"),
        layers.Activation("linear", name="nothing"),
        layers.Dropout(0.5),
        layers.Dense(4, name="hidden"),
        layers.Dense(1, name="last"),
    ]
    return keras.Sequential([keras.Input((2,)), *parts])


def train(dataset_function, model_function, is_streamed=False):
    model = model_function()
    model.compile("sgd", "mse")
    make = dataset_function.batches if is_streamed else dataset_function
    return model.fit(make(1, 4), shuffle=False, verbose=0).history["loss"][-1]


assert keras.backend.backend() == sys.argv[1]
frame = pd.DataFrame({"a": [1.0, 2.0, 3.0] * 4, "b": [2.0, 1.0, 0.0] * 4, "y": [0, 1, 1] * 4})
register_training_dataset(frame, "t")
study = AblationStudy("t", label_name="y", feature_ablation="zero")
study.model.set_base_model_generator(base)
study.features.include("a")
study.model.layers.include("nothing", "hidden")
study.choices.include(is_streamed=True)
ablator = LOCO(study, [])
ablator.prepare(frozenset({"dataset_function", "model_function"}))
workload = loads(dumps(AblationWorkload(train, "metric", ablator)))
workload.verify()
trials = {
    component.label: workload.call({**component.params(), "repeat": 0, "seed": 3}, Reporter())
    for component in ablator.components()
}
assert trials["None"] == trials["nothing"] == trials["is_streamed=True"], trials
assert len(set(trials.values())) == 3, trials
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_study_trains_on_every_backend(backend, tmp_path):
    variables = {"KERAS_BACKEND": backend, "MAGGY_DATASET_DIR": str(tmp_path)}
    command = [sys.executable, "-c", CODE, backend]
    subprocess.run(command, env={**os.environ, **variables}, check=True)
