"""Compare population based training with ASHA and random search at equal epochs on digits.

    python tests/benchmarks/populations.py

Each search runs on Spark and trains the same small network on scikit-learn's handwritten digits.
Its learning rate, weight decay and momentum are searched. All trials save and restore real
checkpoints, so a turn and a promotion train only the epochs that their parent has not trained. ASHA
has several ladders, of which the one with the best median counts.

The metric is the loss (cross entropy) on a fifth of the images. A search that looks at more trained
models is luckier with it, so the best model of each search is judged by the loss on another fifth,
which no search has seen. A search gets its trials in the order of their ends, up to the first one
with which it has trained all its epochs. So those of ASHA may be a few more.
"""

import argparse
import os
import tempfile
from statistics import median

from promotions import epochs_of
from report import json_line, quiet, quiet_session, table

from maggy import PBT, Searchspace, experiment
from maggy.earlystop import AbstractExperimentStop
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import Asha

LADDERS = [(2, 1), (4, 2), (2, 4)]
SPACE = {
    "learning_rate": ("DOUBLE", [1e-3, 1.0], "log"),
    "alpha": ("DOUBLE", [1e-6, 1e-1], "log"),
    "momentum": ("DOUBLE", [0.5, 0.99]),
}
HEADERS = ["loss found", "loss unseen", "error unseen (%)", "epochs", "trials", "longest"]


class AfterEpochs(AbstractExperimentStop):
    """End a search when its trials have trained a number of epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def experiment_check(self, finalized_trials, direction):
        used = sum(trial.outputs["epochs"] for trial in finalized_trials)
        return f"{used} epochs" if used >= self.epochs else None


def make_train(seed, most_epochs):
    """Return a training function; the workers get it by value.

    Args:
        seed: The seed of the split and of the network.
        most_epochs: How long a trial trains if no optimizer says so.
    """

    def train(learning_rate, alpha, momentum, reporter, budget=most_epochs):
        import pickle

        from sklearn.datasets import load_digits
        from sklearn.metrics import log_loss
        from sklearn.model_selection import train_test_split
        from sklearn.neural_network import MLPClassifier

        images, labels = load_digits(return_X_y=True)
        x, x_others, y, y_others = train_test_split(
            images / 16, labels, test_size=0.4, random_state=seed
        )
        x_seen, x_unseen, y_seen, y_unseen = train_test_split(
            x_others, y_others, test_size=0.5, random_state=seed
        )
        model = MLPClassifier([32], solver="sgd", batch_size=32, random_state=seed)
        start = 0
        if (checkpoint := reporter.restore()) is not None:
            start = checkpoint.step + 1
            model = pickle.loads((checkpoint / "model").read_bytes())
            # The solver has its own copy of these, and a turn may have other ones than its parent.
            model._optimizer.learning_rate = learning_rate
            model._optimizer.learning_rate_init = learning_rate
            model._optimizer.momentum = momentum
        model.set_params(alpha=alpha, learning_rate_init=learning_rate, momentum=momentum)
        epochs = 0
        for _ in range(start, budget):
            model.partial_fit(x, y, classes=range(10))
            epochs += 1
        with reporter.checkpoint(step=budget - 1) as folder:
            (folder / "model").write_bytes(pickle.dumps(model))
        return {
            "loss": log_loss(y_seen, model.predict_proba(x_seen)),
            "unseen_loss": log_loss(y_unseen, model.predict_proba(x_unseen)),
            "unseen_error": 1 - model.score(x_unseen, y_unseen),
            "epochs": epochs,
        }

    return train


def optimizers(options):
    """Return the optimizers by name, each with the number of trials that takes all epochs."""
    most, total = options.most_epochs, options.members * options.most_epochs
    population = PBT(options.members, options.interval)
    found = {
        "PBT": (population, total // options.interval),
        "random search": ("randomsearch", options.members),
    }
    for factor, low in LADDERS:
        # No more trials are ever needed: each trains at least the lowest budget.
        trials = total // low
        found[f"Asha({factor}, {low}, {most})"] = (Asha(factor, low, most), trials)
    return found


def search(optimizer, trials, seed, options):
    """Return the rows of the trials that took the epochs which each search has."""
    epochs = options.members * options.most_epochs
    config = OptimizationConfig(
        trials,
        optimizer,
        Searchspace(**SPACE),
        optimization_key="loss",
        direction="min",
        es_policy=[AfterEpochs(epochs)],
        num_workers=options.workers,
        hb_interval=0.1,
        seed=seed,
    )
    with quiet():
        rows = experiment.lagom(make_train(seed, options.most_epochs), config).trials
    assert all(row["metric"] is not None for row in rows)
    used = 0
    for number, row in enumerate(rows, start=1):
        used += row["outputs"]["epochs"]
        if used >= epochs:
            return rows[:number]
    raise AssertionError(f"only {used} of {epochs} epochs")


def figures_of(rows, most_epochs):
    """Return what a search has found: its best model, judged with images that it has not seen."""
    best = min(rows, key=lambda row: row["metric"])
    return {
        "loss": best["metric"],
        "unseen_loss": best["outputs"]["unseen_loss"],
        "unseen_error": best["outputs"]["unseen_error"],
        "epochs": epochs_of(rows),
        "trials": len(rows),
        "longest": max(row["params"].get("budget", most_epochs) for row in rows),
    }


def medians(runs):
    return {name: median(run[name] for run in runs) for name in runs[0]}


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=8, help="members of the population")
    parser.add_argument("--interval", type=int, default=2, help="epochs of a turn")
    parser.add_argument("--most-epochs", type=int, default=32, help="of a trial of random search")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    return parser.parse_args()


def main():
    options = parsed_options()
    # Each worker gets one core.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    runs = {}
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_LOG_DIR"] = folder
        session = quiet_session(options.workers)
        for seed in seeds:
            for name, (optimizer, trials) in optimizers(options).items():
                rows = search(optimizer, trials, seed, options)
                figures = figures_of(rows, options.most_epochs)
                runs.setdefault(name, []).append(figures)
                print(f"seed {seed}: {name}: unseen loss {figures['unseen_loss']:.4f}", flush=True)
        session.stop()
    figures = {name: medians(entries) for name, entries in runs.items()}
    best_ladder = min(
        (name for name in figures if name.startswith("Asha")),
        key=lambda name: figures[name]["unseen_loss"],
    )
    table(
        ["", *HEADERS],
        [
            [
                name,
                f"{numbers['loss']:.4f}",
                f"{numbers['unseen_loss']:.4f}",
                f"{numbers['unseen_error'] * 100:.2f}",
                *(f"{numbers[key]:g}" for key in ("epochs", "trials", "longest")),
            ]
            for name, numbers in figures.items()
        ],
        title=f"medians over {options.seeds} seeds, on {options.workers} workers",
    )
    ratios = {
        name: {key: figures["PBT"][key] / figures[name][key] for key in ("loss", "unseen_loss")}
        for name in (best_ladder, "random search")
    }
    for name, ratio in ratios.items():
        wins = sum(
            one["unseen_loss"] < other["unseen_loss"]
            for one, other in zip(runs["PBT"], runs[name], strict=True)
        )
        print(
            f"PBT / {name}: loss found {ratio['loss']:.2f}, unseen {ratio['unseen_loss']:.2f}; "
            f"PBT has the smaller unseen loss with {wins} of {options.seeds} seeds"
        )
    json_line("populations", {**vars(options), "medians": figures, "ratios": ratios, "runs": runs})


if __name__ == "__main__":
    main()
