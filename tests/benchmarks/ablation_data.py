"""Compare a pass over a registered data set with slicing whole arrays, in memory.

    python tests/benchmarks/ablation_data.py

``dataset_function(1, 1024)`` is compared with a ``tf.data`` pipeline that cuts its batches out of
whole tensors. ``dataset_function.batches(1, 1024)`` is compared with slices of whole arrays. In
both, each batch goes through one step of a linear regression, the cheapest training there is, or is
only taken. All are timed by turns, and the fastest passes are compared: other programs on the
machine can only make a pass slower.
"""

import argparse
import os
import tempfile
import time

import numpy as np
import pandas as pd
import tensorflow as tf
from report import json_line, table

from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import LOCO


def registered_function(rows, features):
    generator = np.random.default_rng(1)
    frame = pd.DataFrame(
        generator.random((rows, features), dtype=np.float32),
        columns=[f"feature_{number}" for number in range(features)],
    )
    register_training_dataset(frame.assign(label=frame["feature_0"] * 2), "benchmark")
    return LOCO(AblationStudy("benchmark", label_name="label"), []).get_dataset_generator()


def sliced_arrays(arrays, size):
    features, labels = arrays
    for start in range(0, len(labels), size):
        yield features[start : start + size], labels[start : start + size]


def sliced_tensors(tensors, size):
    features, labels = tensors
    count = len(labels)

    def cut(index):
        start = index * size
        stop = tf.minimum(start + size, count)
        return features[start:stop], labels[start:stop]

    return tf.data.Dataset.range(-(-count // size)).map(cut)


def rows_of_tensors(tensors, size):
    return tf.data.Dataset.from_tensor_slices(tensors).batch(size)


def step_seconds(make_batches, width, is_tensor):
    """Return how long one pass takes in which a linear regression learns from each batch."""
    weights = tf.Variable(tf.zeros(width)) if is_tensor else np.zeros(width, np.float32)
    began = time.perf_counter()
    for features, labels in make_batches():
        if is_tensor:
            error = tf.linalg.matvec(features, weights) - labels
            weights.assign_sub(tf.linalg.matvec(features, error, transpose_a=True) * 1e-4)
        else:
            weights -= (features @ weights - labels) @ features * 1e-4
    return time.perf_counter() - began


def taking_seconds(make_batches, *_):
    """Return how long one pass takes in which nothing is done with a batch."""
    began = time.perf_counter()
    for _ in make_batches():
        pass
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    size = options.batch_size
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_DATASET_DIR"] = folder
        function = registered_function(options.rows, options.features)
        arrays = function.arrays()
    tensors = tuple(map(tf.constant, arrays))
    passes = {
        ("TensorFlow", "whole"): lambda: sliced_tensors(tensors, size),
        ("TensorFlow", "maggy"): lambda: function(1, size),
        ("NumPy", "whole"): lambda: sliced_arrays(arrays, size),
        ("NumPy", "maggy"): lambda: function.batches(1, size),
        ("TensorFlow", "rows"): lambda: rows_of_tensors(tensors, size),
    }
    figures, lines = {}, []
    for word, measure in (("one step", step_seconds), ("nothing", taking_seconds)):
        seconds = {key: [] for key in passes}
        # The first round prepares the arrays and loads what TensorFlow loads late.
        for number in range(options.repeats + 1):
            for key, make_batches in passes.items():
                took = measure(make_batches, options.features, key[0] == "TensorFlow")
                if number:
                    seconds[key].append(took)
        for (library, kind), values in seconds.items():
            ratio = min(values) / min(seconds[library, "whole"])
            figures[f"{library}_{kind}_{word}".replace(" ", "_").lower()] = ratio
            lines.append([library, kind, word, f"{min(values) * 1e3:.1f}", f"{ratio:.2f}"])
    table(
        ["library", "batches", "work on a batch", "a pass (ms)", "ratio to whole arrays"],
        lines,
        title=f"{options.rows} rows of {options.features} features in batches of {size}",
    )
    json_line("ablation_data", figures)


if __name__ == "__main__":
    main()
