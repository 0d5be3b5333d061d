"""Run an ablation study of a residual network on two workers: blocks, a stage, training choices.

    python tests/benchmarks/ablation_scale.py

The network has the layers and the names of Keras' ResNet50, but a quarter of its channels, and
three stages of two blocks, since ResNet50 itself learns too slowly on two cores. (With ``--width 64
--blocks 3 4 6 3`` it is ResNet50.) The images are scikit-learn's handwritten digits, enlarged to 32
by 32 pixels. The study leaves out one block of each stage, a whole stage, the augmentation and the
dropout. The script prints the plan, trains each variant with several seeds (``--repeats``), and
prints the table for LaTeX. The metric is the accuracy on images that do not train, others for each
seed.

For a quick run: ``--repeats 2 --epochs 1 --images 300``.
"""

import argparse
import os
import tempfile
import time

from report import json_line, quiet_session

from maggy import experiment
from maggy.ablation import AblationStudy, register_training_dataset
from maggy.experiment_config import AblationConfig

WORKERS = 2
SIDE, ENLARGEMENT = 8, 4
TEST_FRACTION = 0.3
BATCH_SIZE, LEARNING_RATE = 32, 0.002
EPSILON = 1.001e-5  # of keras.applications.ResNet50
MOMENTUM = 0.9
"""The moving averages of the normalization: Keras' 0.99 needs more steps than these trials have."""


def residual_network(width, blocks):
    """Return a network that turns an image into a vector.

    Args:
        width: The number of channels of the first layer; ResNet50 has 64.
        blocks: The number of blocks in each stage. The stages are called conv2, conv3, ...
    """
    import keras
    from keras import layers

    def convolution(values, name, channels, size, strides=1, padding="same"):
        convolved = layers.Conv2D(
            channels, size, strides=strides, padding=padding, name=f"{name}_conv"
        )(values)
        return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_bn")(
            convolved
        )

    def block(values, name, channels, strides, changes_shape):
        shortcut = values
        if changes_shape:
            shortcut = convolution(values, f"{name}_0", 4 * channels, 1, strides)
        values = convolution(values, f"{name}_1", channels, 1, strides)
        values = layers.Activation("relu", name=f"{name}_1_relu")(values)
        values = convolution(values, f"{name}_2", channels, 3)
        values = layers.Activation("relu", name=f"{name}_2_relu")(values)
        values = convolution(values, f"{name}_3", 4 * channels, 1)
        values = layers.Add(name=f"{name}_add")([shortcut, values])
        return layers.Activation("relu", name=f"{name}_out")(values)

    side = SIDE * ENLARGEMENT
    inputs = keras.Input((side, side, 3))
    values = layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
    values = convolution(values, "conv1", width, 7, strides=2, padding="valid")
    values = layers.Activation("relu", name="conv1_relu")(values)
    values = layers.ZeroPadding2D(1, name="pool1_pad")(values)
    values = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(values)
    for stage, count in enumerate(blocks):
        for number in range(1, count + 1):
            is_first = number == 1
            strides = 2 if stage and is_first else 1
            name = f"conv{stage + 2}_block{number}"
            values = block(values, name, width * 2**stage, strides, is_first)
    return keras.Model(inputs, layers.GlobalAveragePooling2D(name="avg_pool")(values))


def make_train(epochs):
    """Return a training function for this number of epochs; the workers get it by value."""

    def train(dataset_function, model_function, augment=True, dropout=0.3):
        import keras
        import numpy as np

        def enlarged(images):
            """Return the rows of pixels as large images with three channels."""
            large = images.reshape(-1, SIDE, SIDE, 1) / 16
            return large.repeat(ENLARGEMENT, 1).repeat(ENLARGEMENT, 2).repeat(3, 3)

        def shifted(images):
            """Return the images, each shifted by one pixel or less in both directions."""
            square = images.reshape(-1, SIDE, SIDE)
            steps = np.random.randint(-1, 2, (len(images), 2))
            pairs = zip(square, steps, strict=True)
            return np.stack([np.roll(image, step, (0, 1)) for image, step in pairs])

        model = keras.Sequential(
            [model_function(), keras.layers.Dropout(dropout), keras.layers.Dense(10)]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(LEARNING_RATE), loss)
        images, labels = dataset_function.arrays()
        for _ in range(epochs):
            inputs = enlarged(shifted(images) if augment else images)
            model.fit(inputs, labels, batch_size=BATCH_SIZE, verbose=0)
        images, labels = dataset_function.arrays("test")
        # A call costs less than evaluate(), which compiles a graph first.
        outputs = np.asarray(model(enlarged(images), training=False))
        return float((outputs.argmax(axis=1) == labels).mean())

    return train


def make_study(width, blocks, images):
    """Return the study, with a training data set of this number of images."""
    from sklearn.datasets import load_digits

    digits = load_digits(as_frame=True).frame.sample(images, random_state=1)
    register_training_dataset(digits, "digits")
    study = AblationStudy("digits", label_name="target", test_fraction=TEST_FRACTION)
    study.model.set_base_model_generator(lambda: residual_network(width, blocks))
    for stage, count in enumerate(blocks):
        if count > 1:  # The first block changes the number of channels, so the next one needs it.
            study.model.layers.include_groups(prefix=f"conv{stage + 2}_block2")
    study.model.layers.include_groups(prefix="conv3_")
    study.choices.include(augment=False, dropout=0.0)
    return study


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="trainings of each component")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=1797, help="at most 1797")
    parser.add_argument("--width", type=int, default=16, help="channels of the first layer")
    parser.add_argument("--blocks", type=int, nargs="+", default=[2, 2, 2], help="in each stage")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the study")
    parser.add_argument("--plan", action="store_true", help="print the plan, and train nothing")
    return parser.parse_args()


def main():
    options = parsed_options()
    # A worker has one core. One thread adds numbers in one order: equal seeds, equal metrics.
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1")
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3")
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(MAGGY_LOG_DIR=folder, MAGGY_DATASET_DIR=folder)
        study = make_study(options.width, options.blocks, options.images)
        config = AblationConfig(
            study,
            name="Residual-blocks",
            optimization_key="accuracy",
            repeats=options.repeats,
            seed=options.seed,
        )
        began = time.perf_counter()
        print(study.plan(config))
        plan_seconds = time.perf_counter() - began
        if options.plan:
            return
        session = quiet_session(WORKERS)
        began = time.perf_counter()
        result = experiment.lagom(make_train(options.epochs), config)
        seconds = time.perf_counter() - began
        session.stop()
    print(result.to_latex())
    of_trials = sum(trial["duration"] for trial in result.trials) / 1000
    figures = {
        "trials": result["num_trials"],
        "failed": result["failed"],
        "plan_s": round(plan_seconds, 1),
        "seconds": round(seconds, 1),
        # What is missing to 1 are the start, the check, and a worker that waits for the last trial.
        "busy": round(of_trials / (WORKERS * seconds), 3),
        "base": result["base"],
        "differences": result["differences"],
    }
    json_line("ablation_scale", {**vars(options), **figures})


if __name__ == "__main__":
    main()
