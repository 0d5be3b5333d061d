"""Measure what asynchrony and early stopping save, against one Spark job per round of trials.

    python tests/benchmarks/early_stopping.py --plot early_stopping.png

The script repeats the experiment of Maggy's paper in small: random search over a CNN with four
hyperparameters, on scikit-learn's handwritten digits (1,797 images), with a fixed number of
trials. With one seed, each variant trains the same configurations in the same order and with the
same random numbers. So all variants without stopping reach the same metrics. In this space all
trials take about the same time, so asynchrony can save little. ``--batch-sizes 16 32 64 128`` adds
a hyperparameter that makes their times differ.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from report import json_line, quiet, quiet_session, table

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

PLOT = Path(__file__).parents[2] / "docs" / "images" / "early_stopping.svg"
ROUNDS, ASYNCHRONOUS = "a Spark job per round", "Maggy, no stopping"
CHOSEN = {
    "default": "Maggy, median rule, defaults",
    "median": "Maggy, median rule",
    "halving": "Maggy, successive halving",
}
RULES = {
    ASYNCHRONOUS: "none",
    CHOSEN["default"]: "median",
    CHOSEN["median"]: "median",
    CHOSEN["halving"]: "successivehalving",
}
COLOURS = dict(
    zip([ROUNDS, *RULES], ("#777777", "#4477aa", "#ddaa33", "#ee6677", "#228833"), strict=True)
)
SPACE = {
    "kernel": ("INTEGER", [2, 8]),
    "pool": ("INTEGER", [2, 8]),
    "dropout": ("DOUBLE", [0.01, 0.99]),
    "learning_rate": ("DOUBLE", [1e-4, 1e-1], "log"),
}


def make_train(epochs):
    """Return a training function for this number of epochs; the workers get it by value."""

    def train(kernel, pool, dropout, learning_rate, batch_size=64, reporter=None):
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
        model.compile(
            optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        history = model.fit(
            digits.images[..., None] / 16,
            digits.target,
            validation_split=0.25,
            batch_size=batch_size,
            epochs=epochs,
            verbose=0,
            callbacks=[] if reporter is None else [KerasEpochEnd(reporter, metric="val_accuracy")],
        )
        return history.history["val_accuracy"][-1]

    return train


@dataclass
class Ended:
    """A trial that has ended.

    Attributes:
        number: Its position among the configurations.
        at: Seconds from the start of the search to the trial's end.
        seconds: How long it ran.
        metric: Its final metric.
        epochs: How many epochs it trained.
    """

    number: int
    at: float
    seconds: float
    metric: float
    epochs: int


@dataclass
class Run:
    """One search with all its trials."""

    seconds: float
    trials: list[Ended]
    all_epochs: int

    @property
    def best(self):
        return max(self.trials, key=lambda trial: trial.metric)

    @property
    def stopped(self):
        """Return how many trials ended before their last epoch."""
        return sum(trial.epochs < self.all_epochs for trial in self.trials)

    @property
    def trained(self):
        """Return the percentage of all epochs that were trained.

        It does not depend on the machine's other load.
        """
        return (
            sum(trial.epochs for trial in self.trials) / (self.all_epochs * len(self.trials)) * 100
        )

    def epochs_of(self, number):
        return next(trial.epochs for trial in self.trials if trial.number == number)

    def __str__(self):
        lengths = [trial.seconds for trial in self.trials]
        return (
            f"{self.seconds:.1f} s, best {self.best.metric:.4f}, "
            f"{self.stopped} of {len(self.trials)} stopped early, "
            f"a trial {min(lengths):.2f} to {max(lengths):.2f} s, "
            f"median {statistics.median(lengths):.2f} s"
        )


def spark_rounds(session, train, configurations, options):
    def timed_train(numbered):
        import time

        number, params = numbered
        started = time.time()
        metric = train(**params)
        end = time.time()
        return number, end, end - started, metric

    began, ends = time.time(), []
    numbered = list(enumerate(configurations))
    for first in range(0, len(numbered), options.workers):
        batch = numbered[first : first + options.workers]
        ends += session.sparkContext.parallelize(batch, len(batch)).map(timed_train).collect()
    seconds = time.time() - began
    trials = [
        Ended(number, at - began, took, metric, options.epochs) for number, at, took, metric in ends
    ]
    return Run(seconds, sorted(trials, key=lambda trial: trial.at), options.epochs)


def maggy_search(variant, train, configurations, options):
    settings = {"es_min": options.es_min, "hb_interval": options.hb_interval}
    config = OptimizationConfig(
        len(configurations),
        "randomsearch",
        space_of(options),
        initial_trials=configurations,
        es_policy=RULES[variant],
        num_workers=options.workers,
        **({} if variant == CHOSEN["default"] else settings),
    )
    began = time.time()
    with quiet():
        result = experiment.lagom(train, config)
    seconds = time.time() - began
    trials = []
    for row in result.trials:
        took = row["duration"] / 1e3
        number = configurations.index(row["params"])
        trials.append(
            Ended(number, row["start"] + took - began, took, row["metric"], len(row["steps"]))
        )
    assert sorted(trial.number for trial in trials) == list(range(len(configurations)))
    return Run(seconds, sorted(trials, key=lambda trial: trial.at), options.epochs)


def space_of(options):
    space = Searchspace(**SPACE)
    if options.batch_sizes:
        space.add("batch_size", ("DISCRETE", options.batch_sizes))
    return space


@contextlib.contextmanager
def warm_session(workers):
    """Start a session whose Python workers have already imported what the trials import.

    Every variant gets a new session. ``fit`` of TensorFlow leaves thousands of objects in memory
    for good, and PySpark collects garbage after each task. So a search in an old session would
    also pay for the searches before it.
    """
    session, train = quiet_session(workers), make_train(1)
    session.sparkContext.parallelize(range(workers), workers).map(
        lambda _: train(3, 2, 0.5, 0.01)
    ).collect()
    yield session
    session.stop()


def run_variant(variant, configurations, options):
    train = make_train(options.epochs)
    with warm_session(options.workers) as session:
        if variant == ROUNDS:
            return spark_rounds(session, train, configurations, options)
        return maggy_search(variant, train, configurations, options)


def run_seed(seed, variants, options):
    """Run each variant once, and begin with another variant for each seed.

    So no variant is always the first or the last.
    """
    configurations = space_of(options).seeded(seed).get_random_parameter_values(options.trials)
    first, runs = seed % len(variants), {}
    for variant in [*variants[first:], *variants[:first]]:
        runs[variant] = run_variant(variant, configurations, options)
        print(f"seed {seed}, {variant}: {runs[variant]}", flush=True)
    return {variant: runs[variant] for variant in variants}


def saved(runs, variant, against=ROUNDS):
    """Return how much shorter a variant is than another, in percent of the rounds' time."""
    return (runs[against].seconds - runs[variant].seconds) / runs[ROUNDS].seconds * 100


def lost(runs, variant):
    """Return by how much the best metric is below the best metric of the rounds."""
    return runs[ROUNDS].best.metric - runs[variant].best.metric


def best_was_stopped(runs, variant):
    """Return whether the variant stopped the configuration that is best in the rounds."""
    return runs[variant].epochs_of(runs[ROUNDS].best.number) < runs[variant].all_epochs


def report(by_seed, variants):
    rows = []
    for seed, runs in by_seed.items():
        for variant, run in runs.items():
            fate = (
                ""
                if variant == ROUNDS
                else "stopped"
                if best_was_stopped(runs, variant)
                else "trained"
            )
            rows.append(
                [f"seed {seed}: {variant}", f"{run.seconds:.1f}", f"{saved(runs, variant):.0f}"]
            )
            rows[-1] += [f"{run.trained:.0f}", str(run.stopped), f"{run.best.metric:.4f}"]
            rows[-1] += [f"{0 - lost(runs, variant):+.4f}", fate]
    table(
        [
            "",
            "seconds",
            "saved (%)",
            "epochs (%)",
            "stopped",
            "best accuracy",
            "against",
            "its best was",
        ],
        rows,
        title=f"'saved', 'against' and 'its best' refer to {ROUNDS}",
    )
    figures = {variant: summary(by_seed, variant) for variant in variants}
    rows = [
        [
            variant,
            *(
                f"{value:.4f}" if "accuracy" in name else f"{value:.1f}"
                for name, value in values.items()
            ),
        ]
        for variant, values in figures.items()
    ]
    names = [name.replace("_", " ") for name in figures[ROUNDS]]
    table(
        ["", *names],
        rows,
        title=f"Medians of {len(by_seed)} seeds; percent of the time of {ROUNDS}",
    )
    return figures


def summary(by_seed, variant):
    def median(values):
        return statistics.median(list(values))

    def of_all(number):
        return [number(runs) for runs in by_seed.values()]

    all_saved = of_all(lambda runs: saved(runs, variant))
    stopping = (
        [0.0] if variant == ROUNDS else of_all(lambda runs: saved(runs, variant, ASYNCHRONOUS))
    )
    asynchrony = [0.0] if variant == ROUNDS else of_all(lambda runs: saved(runs, ASYNCHRONOUS))
    return {
        "seconds": median(of_all(lambda runs: runs[variant].seconds)),
        "saved": median(all_saved),
        "least": min(all_saved),
        "most": max(all_saved),
        "by_asynchrony": median(asynchrony),
        "by_stopping": median(stopping),
        "epochs_trained": median(of_all(lambda runs: runs[variant].trained)),
        "trials_stopped": median(of_all(lambda runs: runs[variant].stopped)),
        "best_stopped_seeds": sum(of_all(lambda runs: best_was_stopped(runs, variant))),
        "accuracy": median(of_all(lambda runs: runs[variant].best.metric)),
        "accuracy_lost": median(of_all(lambda runs: lost(runs, variant))),
        "accuracy_lost_most": max(of_all(lambda runs: lost(runs, variant))),
    }


def plot(by_seed, variants, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = (
        "early stopping"  # without it, names inside the file differ from run to run
    )
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for at, variant in enumerate(variants):
        seconds = [runs[variant].seconds for runs in by_seed.values()]
        left.barh(at, statistics.median(seconds), color=COLOURS[variant])
        left.plot(seconds, [at] * len(by_seed), "k.", markersize=4)
    left.set_yticks(range(len(variants)), variants)
    left.invert_yaxis()
    left.set_xlabel("seconds for the whole search (dots: seeds, bars: medians)")
    seeds = sorted(by_seed, key=lambda seed: saved(by_seed[seed], variants[-1]))
    seed = seeds[len(seeds) // 2]
    for variant, run in by_seed[seed].items():
        best, times, values = 0.0, [], []
        for trial in run.trials:
            best = max(best, trial.metric)
            times.append(trial.at)
            values.append(best)
        right.step([*times, run.seconds], [*values, best], where="post", color=COLOURS[variant])
        right.plot(run.seconds, best, "o", color=COLOURS[variant], markersize=5)
    top = by_seed[seed][ROUNDS].best.metric
    right.set_ylim(top - 0.1, top + 0.01)
    right.set_xlim(left=0)
    right.set_xlabel(f"seconds since the start (seed {seed}; dots: ends)")
    right.set_ylabel("best validation accuracy so far")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    print(f"The picture is in {path} ({path.stat().st_size / 1e3:.0f} kB).")


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--variants",
        nargs="*",
        choices=list(CHOSEN),
        default=list(CHOSEN),
        help="run beside the two without stopping",
    )
    parser.add_argument(
        "--batch-sizes", type=int, nargs="*", help="make the batch size a fifth hyperparameter"
    )
    parser.add_argument(
        "--es-min",
        type=int,
        default=3,
        help="the median rule begins when more trials than this have ended",
    )
    parser.add_argument(
        "--hb-interval",
        type=float,
        default=0.1,
        help="seconds between heartbeats; about as long as an epoch",
    )
    parser.add_argument("--plot", default=str(PLOT), help="write a picture there; '' for none")
    return parser.parse_args()


def main():
    options = parsed_options()
    variants = [
        ROUNDS,
        ASYNCHRONOUS,
        *(title for name, title in CHOSEN.items() if name in options.variants),
    ]
    # Each worker gets one core.
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1")
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_LOG_DIR"] = folder
        # The first search of this process loads libraries, which must count for no variant.
        run_variant(
            ASYNCHRONOUS, space_of(options).seeded(0).get_random_parameter_values(2), options
        )
        by_seed = {seed: run_seed(seed, variants, options) for seed in range(1, options.seeds + 1)}
    figures = report(by_seed, variants)
    if options.plot:
        plot(by_seed, variants, options.plot)
    arguments = {name: value for name, value in vars(options).items() if name != "plot"}
    json_line("early_stopping", {**arguments, **figures})


if __name__ == "__main__":
    main()
