"""A search for the hyperparameters of a small CNN on scikit-learn's handwritten digits, on Spark.

Maggy stops trials that do worse than the median of the earlier ones, so that the good trials get
the time.
"""

import os

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig


def train(kernel, pool, dropout, learning_rate, reporter):
    import tensorflow as tf
    from sklearn.datasets import load_digits

    from maggy.callbacks import KerasEpochEnd

    digits = load_digits()
    images = digits.images[..., None] / 16  # 1797 images of 8 x 8 pixels, values from 0 to 16

    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Input((8, 8, 1)),
            tf.keras.layers.Conv2D(16, kernel, padding="same", activation="relu"),
            tf.keras.layers.MaxPooling2D(pool),
            tf.keras.layers.Dropout(dropout),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=tf.keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        images,
        digits.target,
        validation_split=0.25,
        batch_size=64,
        epochs=12,
        verbose=0,
        callbacks=[KerasEpochEnd(reporter, metric="val_accuracy")],
    )
    return history.history["val_accuracy"][-1]


def main():
    # The same numbers on every processor.
    os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")
    searchspace = Searchspace(
        kernel=("INTEGER", [2, 5]),
        pool=("DISCRETE", [1, 2, 4]),
        dropout=("DOUBLE", [0.0, 0.6]),
        learning_rate=("DOUBLE", [1e-5, 1e-1], "log"),
    )
    config = OptimizationConfig(
        num_trials=15,
        optimizer="randomsearch",
        searchspace=searchspace,
        direction="max",
        es_policy="median",
        es_min=3,  # judge no trial before four others have ended
        hb_interval=0.1,  # an epoch takes a fraction of a second
        name="digits",
        seed=1,
    )
    result = experiment.lagom(train, config)
    print(f"Everything is recorded in {result.directory}")


if __name__ == "__main__":
    main()
