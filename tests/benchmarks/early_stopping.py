"""What asynchrony and early stopping save: random search over a CNN on real images, one Spark job per round or Maggy.

    python tests/benchmarks/early_stopping.py --plot early_stopping.png

The experiment of Maggy's paper in small: scikit-learn's handwritten digits (1,797 images), a CNN with four
hyperparameters, a fixed number of trials. Within one seed each variant trains the same configurations in the same
order, with the same random numbers, so without stopping all reach the same metrics.
"""

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass

from report import json_line, quiet, quiet_session, table

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

ROUNDS, ASYNCHRONOUS, MEDIAN, HALVING = (
    "a Spark job per round",
    "Maggy, no stopping",
    "Maggy, median rule",
    "Maggy, successive halving",
)
RULES = {ASYNCHRONOUS: "none", MEDIAN: "median", HALVING: "successivehalving"}
SPACE = {
    "kernel": ("INTEGER", [2, 8]),
    "pool": ("INTEGER", [2, 8]),
    "dropout": ("DOUBLE", [0.01, 0.99]),
    "learning_rate": ("DOUBLE", [1e-4, 1e-1], "log"),
}


def make_train(epochs):
    """The training function, for so many epochs; the workers get it by value."""

    def train(kernel, pool, dropout, learning_rate, reporter=None):
        import tensorflow as tf
        from sklearn.datasets import load_digits

        from maggy.callbacks import KerasEpochEnd

        tf.keras.backend.clear_session(free_memory=False)
        digits = load_digits()
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
        optimizer = tf.keras.optimizers.Adam(learning_rate)
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(
            digits.images[..., None] / 16,
            digits.target,
            validation_split=0.25,
            batch_size=64,
            epochs=epochs,
            verbose=0,
            callbacks=[] if reporter is None else [KerasEpochEnd(reporter, metric="val_accuracy")],
        )
        return history.history["val_accuracy"][-1]

    return train


@dataclass
class Run:
    """One search: how long it took, and when (seconds after its begin) which metric was there."""

    seconds: float
    ends: list[tuple[float, float]]
    stopped: int = 0

    def __str__(self):
        return f"{self.seconds:.1f} s, best {self.best:.4f}, {self.stopped} of {len(self.ends)} stopped early"

    @property
    def best(self):
        return max(metric for _, metric in self.ends)


def spark_rounds(session, train, configurations, workers):
    def timed_train(params):
        import time

        return train(**params), time.time()

    began, ends = time.time(), []
    for first in range(0, len(configurations), workers):
        batch = configurations[first : first + workers]
        ends += session.sparkContext.parallelize(batch, len(batch)).map(timed_train).collect()
    return Run(time.time() - began, sorted((ended - began, metric) for metric, ended in ends))


def maggy_search(variant, train, configurations, options):
    config = OptimizationConfig(
        len(configurations),
        "randomsearch",
        Searchspace(**SPACE),
        initial_trials=configurations,
        es_policy=RULES[variant],
        es_min=options.es_min,
        hb_interval=options.hb_interval,
        num_workers=options.workers,
    )
    began = time.time()
    with quiet():
        result = experiment.lagom(train, config)
    seconds = time.time() - began
    ends = sorted((row["start"] + row["duration"] / 1e3 - began, row["metric"]) for row in result.trials)
    assert len(ends) == len(configurations)
    return Run(seconds, ends, result["early_stopped"])


def warm_up(session, workers):
    """Have every worker's process ready with what the trials import, alike for all variants."""
    train = make_train(1)
    session.sparkContext.parallelize(range(workers), workers).map(lambda _: train(3, 2, 0.5, 0.01)).collect()


def run_seed(session, seed, options):
    configurations = Searchspace(**SPACE).seeded(seed).get_random_parameter_values(options.trials)
    train, runs = make_train(options.epochs), {}
    for variant in (ROUNDS, *RULES):
        warm_up(session, options.workers)
        if variant == ROUNDS:
            runs[variant] = spark_rounds(session, train, configurations, options.workers)
        else:
            runs[variant] = maggy_search(variant, train, configurations, options)
        print(f"seed {seed}, {variant}: {runs[variant]}", flush=True)
    return runs


def saved(runs, variant, against=ROUNDS):
    """By which share of the rounds' time a variant is shorter than another, in percent."""
    return (runs[against].seconds - runs[variant].seconds) / runs[ROUNDS].seconds * 100


def report(by_seed):
    rows = []
    for seed, runs in by_seed.items():
        for variant, run in runs.items():
            rows.append([f"seed {seed}: {variant}", f"{run.seconds:.1f}", f"{saved(runs, variant):.0f}"])
            rows[-1] += [f"{run.best:.4f}", f"{run.best - runs[ROUNDS].best:+.4f}", str(run.stopped)]
    table(["", "seconds", "saved (%)", "best accuracy", "against the rounds", "stopped early"], rows)
    figures, rows = {}, []
    for variant in (ASYNCHRONOUS, MEDIAN, HALVING):
        all_saved = [saved(runs, variant) for runs in by_seed.values()]
        by_stopping = [saved(runs, variant, ASYNCHRONOUS) for runs in by_seed.values()]
        lost = [runs[ROUNDS].best - runs[variant].best for runs in by_seed.values()]
        figures[variant] = {
            "saved_percent": statistics.median(all_saved),
            "saved_percent_least": min(all_saved),
            "saved_percent_most": max(all_saved),
            "of_that_by_stopping": statistics.median(by_stopping),
            "accuracy_lost_median": statistics.median(lost),
            "accuracy_lost_most": max(lost),
        }
        rows.append(
            [
                variant,
                *(f"{value:.4f}" if "lost" in name else f"{value:.0f}" for name, value in figures[variant].items()),
            ]
        )
    table(
        ["", "time saved (%)", "least", "most", "of that by stopping", "accuracy lost, median", "most"],
        rows,
        title=f"Against {ROUNDS}: medians of {len(by_seed)} seeds",
    )
    return figures


def plot(by_seed, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    variants = [ROUNDS, *RULES]
    colours = dict(zip(variants, ("#888888", "#4477aa", "#ee6677", "#228833"), strict=True))
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    seconds = {variant: [runs[variant].seconds for runs in by_seed.values()] for variant in variants}
    for at, variant in enumerate(variants):
        left.barh(at, statistics.median(seconds[variant]), color=colours[variant])
        left.plot(seconds[variant], [at] * len(by_seed), "k.", markersize=4)
    left.set_yticks(range(len(variants)), variants)
    left.invert_yaxis()
    left.set_xlabel("seconds for the whole search (dots: seeds, bars: medians)")
    seeds = sorted(by_seed, key=lambda seed: saved(by_seed[seed], MEDIAN))
    seed = seeds[len(seeds) // 2]
    for variant, run in by_seed[seed].items():
        best, times, values = 0.0, [], []
        for ended, metric in run.ends:
            best = max(best, metric)
            times.append(ended)
            values.append(best)
        right.step([*times, run.seconds], [*values, best], where="post", color=colours[variant], label=variant)
    right.set_xlabel(f"seconds (seed {seed})")
    right.set_ylabel("best validation accuracy so far")
    right.set_ylim(bottom=0.8)
    right.legend(fontsize="small", loc="lower right")
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--es-min", type=int, default=10, help="so many trials end before the median rule begins")
    parser.add_argument(
        "--hb-interval", type=float, default=0.1, help="seconds between heartbeats; an epoch is shorter"
    )
    parser.add_argument("--plot", help="write a picture there")
    options = parser.parse_args()
    # Each worker has a core for itself.
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1")
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3")
    session = quiet_session(options.workers)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_LOG_DIR"] = folder
        by_seed = {seed: run_seed(session, seed, options) for seed in range(1, options.seeds + 1)}
    session.stop()
    figures = report(by_seed)
    if options.plot:
        plot(by_seed, options.plot)
    json_line("early_stopping", {**vars(options), **figures})


if __name__ == "__main__":
    main()
