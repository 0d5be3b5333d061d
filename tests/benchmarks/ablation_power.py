"""Measure how many runs an ablation study saves when its components share the seeds of the base.

    python tests/benchmarks/ablation_power.py

The study is a real one in small: a Keras model of scikit-learn's handwritten digits, without two
of its layers and without two groups of pixels. It trains as Maggy does, with one seed for all
runs of a repeat, but without Spark. The variance of a mean difference is (var(a) + var(b)) / n
for n independent runs of each, and var(a - b) / n for n pairs. So pairs need
(var(a) + var(b)) / var(a - b) times fewer runs for an interval of the same width. (For few repeats
this leaves out that independent runs have more degrees of freedom.) The intervals of that
ratio are those of the jackknife over the seeds, for its logarithm.

The metric comes from rows that do not train. The seed of the repeat draws them; with
``--rows same`` they are the same in all repeats, so less of the noise is shared.
"""

import argparse
import os
import time

import numpy as np
from report import json_line, table
from scipy import stats
from sklearn.datasets import load_digits

from maggy.common.seeding import TrainingSeed, derive_seed

BASE = "(base)"
LAYERS = {"layer 'second'": "second", "layer 'dropout'": "dropout"}
PIXELS = {
    "middle rows": np.arange(64).reshape(8, 8)[3:5].ravel(),
    "outer columns": np.arange(64).reshape(8, 8)[:, [0, 7]].ravel(),
}
COMPONENTS = [*LAYERS, *PIXELS]
HELD_OUT = 597
BATCH_SIZE, LEARNING_RATE = 128, 0.005
METRICS = ("accuracy", "loss")
CONFIDENCE = 0.95


def base_model():
    import keras
    from keras import layers

    return keras.Sequential(
        [
            layers.Dense(32, activation="relu"),
            layers.Activation("linear", name="idle"),
            layers.Dropout(0.25, name="dropout"),
            layers.Dense(32, activation="relu", name="second"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def model_without(layers):
    from maggy.ablation.keras_surgery import remove_layers

    return remove_layers(base_model(), layers)


def split_rows(count, seed):
    """Return the rows for training and those that are held out."""
    order = np.random.default_rng(seed).permutation(count)
    return order[HELD_OUT:], order[:HELD_OUT]


def run(component, seed, split_seed, epochs):
    """Train once and return the metrics of the held-out rows."""
    import keras

    keras.backend.clear_session()
    digits = load_digits()
    features = np.delete(digits.data / 16, PIXELS.get(component, []), axis=1)
    training, held_out = split_rows(len(features), split_seed)
    training_seed = TrainingSeed(seed)
    layers = [LAYERS.get(component, component)] if component in (*LAYERS, "idle") else []
    with training_seed.training():
        model = training_seed.apart(model_without)(layers)
        optimizer = keras.optimizers.Adam(LEARNING_RATE)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        model.fit(
            features[training],
            digits.target[training],
            batch_size=BATCH_SIZE,
            epochs=epochs,
            verbose=0,
        )
    # A call costs less than evaluate(), which compiles a graph first.
    probabilities = np.asarray(model(features[held_out]))
    of_target = probabilities[np.arange(HELD_OUT), digits.target[held_out]]
    return {
        "accuracy": float((probabilities.argmax(axis=1) == digits.target[held_out]).mean()),
        "loss": float(-np.log(np.maximum(of_target, 1e-7)).mean()),
    }


def check_pairing(epochs):
    """Assert that a layer that does nothing changes nothing."""
    base, other = (run(component, 1, 0, epochs) for component in (BASE, "idle"))
    assert base == other, (base, other)


def log_ratio(base, others):
    """Return the logarithm of how many times fewer runs pairs need.

    Args:
        base: The metric of the base for each seed.
        others: The same for components, a row each. Their logarithms are averaged.
    """
    independent = np.var(base, ddof=1) + np.var(others, axis=1, ddof=1)
    return float(np.mean(np.log(independent / np.var(others - base, axis=1, ddof=1))))


def savings(base, others):
    """Return how many times fewer runs pairs need, and the ends of its interval."""
    count = len(base)
    whole = log_ratio(base, others)
    rows = np.arange(count)
    parts = [log_ratio(base[rows != row], others[:, rows != row]) for row in rows]
    pseudovalues = count * whole - (count - 1) * np.array(parts)
    half_width = stats.t.isf((1 - CONFIDENCE) / 2, count - 1) * stats.sem(pseudovalues)
    return {
        "fewer": np.exp(whole),
        "low": np.exp(whole - half_width),
        "high": np.exp(whole + half_width),
    }


def measure(options):
    """Return the figures of each component, and of all, for each metric."""
    metrics = {component: [] for component in [BASE, *COMPONENTS]}
    for repeat in range(options.seeds):
        seed = derive_seed(options.seed, repeat)
        split_seed = seed if options.rows == "seed" else 0
        for component, values in metrics.items():
            values.append(run(component, seed, split_seed, options.epochs))
    figures = {}
    for metric in METRICS:
        numbers = {
            component: np.array([value[metric] for value in values])
            for component, values in metrics.items()
        }
        base, others = numbers[BASE], np.array([numbers[name] for name in COMPONENTS])
        figures[metric] = {
            name: {
                "difference": (row - base).mean(),
                "std_base": base.std(ddof=1),
                "std_component": row.std(ddof=1),
                "std_difference": (row - base).std(ddof=1),
                **savings(base, row[None]),
            }
            for name, row in zip(COMPONENTS, others, strict=True)
        }
        figures[metric]["all (geometric mean)"] = savings(base, others)
    return figures


def report(figures, rows):
    fields = ["difference", "std_base", "std_component", "std_difference"]
    headers = [field.replace("_", " ") for field in fields]
    for metric, figures_by_name in figures.items():
        table(
            ["", *headers, "fewer runs", f"{100 * CONFIDENCE:g} % interval"],
            [
                [
                    name,
                    *(f"{row[field]:.4f}" if field in row else "" for field in fields),
                    f"{row['fewer']:.1f} times",
                    f"{row['low']:.1f} to {row['high']:.1f}",
                ]
                for name, row in figures_by_name.items()
            ],
            title=f"{metric}; rows held out: {rows}",
        )


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="the seed of the study")
    parser.add_argument(
        "--rows",
        choices=["seed", "same"],
        default="seed",
        help="hold out rows by the seed of the repeat, or the same rows in all repeats",
    )
    return parser.parse_args()


def main():
    options = parsed_options()
    # One thread adds numbers in one order, so equal seeds give equal metrics.
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1")
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3")
    began = time.perf_counter()
    check_pairing(options.epochs)
    figures = measure(options)
    report(figures, options.rows)
    seconds = round(time.perf_counter() - began, 1)
    numbers = {
        metric: {
            name: {field: round(float(value), 5) for field, value in row.items()}
            for name, row in rows.items()
        }
        for metric, rows in figures.items()
    }
    json_line("ablation_power", {**vars(options), "seconds": seconds, **numbers})


if __name__ == "__main__":
    main()
