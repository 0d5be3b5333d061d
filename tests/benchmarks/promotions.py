"""Measure how many epochs are saved when a promoted trial continues from its checkpoint.

    python tests/benchmarks/promotions.py

Each search of ASHA or Hyperband is run twice on Spark, with the same seed: once with a training
function that saves and restores checkpoints, and once with one that does not, so every trial begins
anew. The trials train a small network on scikit-learn's handwritten digits, and count the epochs
that they train.

A trial above the lowest rung saves 1 / eta of its budget. ASHA: if exactly one in eta trials is
promoted, every rung takes the same budget in total. So with k promotions up to the highest rung the
rungs allow a search to save k / ((k + 1) eta) of its epochs. Hyperband: the sizes of its brackets
are fixed (Li et al. 2018), and each kind of bracket runs equally often. The ratio is the saved
share over the allowed one. It may be above 1 for ASHA, which waits for nobody and promotes more
than one in eta. Training is deterministic, so each configuration must reach the same metric at the
same budget both ways.
"""

import argparse
import math
import os
import tempfile
from functools import partial

from report import json_line, quiet, quiet_session, table

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import Asha, Hyperband

LADDERS = [(2, 1, 4), (2, 1, 16), (3, 1, 9)]
BRACKETS = [(3, 1, 9, 12), (2, 1, 16, 10)]
"""The factor, the lowest and the full budget of Hyperband, and the number of its brackets."""
HEADERS = [
    "epochs restarted",
    "epochs continued",
    "saved (%)",
    "allowed (%)",
    "ratio",
    "promotions",
    "trials in both",
    "of the same metric",
    "best restarted",
    "best continued",
]
SPACE = {
    "units": ("INTEGER", [4, 64]),
    "learning_rate": ("DOUBLE", [1e-4, 1e-1], "log"),
    "alpha": ("DOUBLE", [1e-6, 1e-1], "log"),
}


def make_train(with_checkpoints):
    """Return a training function; the workers get it by value."""

    def train(units, learning_rate, alpha, budget, reporter):
        import pickle

        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
        from sklearn.neural_network import MLPClassifier

        images, labels = load_digits(return_X_y=True)
        x, x_test, y, y_test = train_test_split(images / 16, labels, random_state=1)
        model = MLPClassifier(
            [units], alpha=alpha, learning_rate_init=learning_rate, random_state=1
        )
        checkpoint = reporter.restore() if with_checkpoints else None
        start = 0
        if checkpoint is not None:
            start = checkpoint.step + 1
            model = pickle.loads((checkpoint / "model").read_bytes())
        epochs = 0
        for epoch in range(start, budget):
            model.partial_fit(x, y, classes=range(10))
            epochs += 1
            accuracy = model.score(x_test, y_test)
            reporter.broadcast(accuracy, step=epoch)
            if with_checkpoints:
                with reporter.checkpoint(step=epoch) as folder:
                    (folder / "model").write_bytes(pickle.dumps(model))
        return {"accuracy": accuracy, "epochs": epochs}

    return train


def search(optimizer, num_trials, with_checkpoints, options):
    """Return the rows of all trials."""
    config = OptimizationConfig(
        num_trials,
        optimizer,
        Searchspace(**SPACE),
        optimization_key="accuracy",
        es_policy="none",
        num_workers=options.workers,
        hb_interval=0.1,
        seed=options.seed,
    )
    with quiet():
        rows = experiment.lagom(make_train(with_checkpoints), config).trials
    assert len(rows) == num_trials or num_trials is None
    assert all(row["metric"] is not None for row in rows)
    return rows


def epochs_of(rows):
    return sum(row["outputs"]["epochs"] for row in rows)


def metrics_of(rows):
    """Return the metric of each configuration at each budget."""
    return {tuple(row["params"].values()): row["metric"] for row in rows}


def allowed_by_rungs(factor, low, high):
    """Return the share of the epochs that ASHA's rungs allow to save."""
    promotions = 0
    while low * factor ** (promotions + 1) <= high:
        promotions += 1
    return promotions / ((promotions + 1) * factor)


def allowed_by_brackets(factor, low, high):
    """Return the share of the epochs that Hyperband's brackets allow to save, one of each kind."""
    highest = 0
    while low * factor ** (highest + 1) <= high:
        highest += 1
    epochs = saved = 0
    for promotions in range(highest + 1):
        size = math.ceil((highest + 1) / (promotions + 1) * factor**promotions)
        for rung in range(promotions + 1):
            budget = high // factor ** (promotions - rung)
            epochs += size // factor**rung * budget
            saved += size // factor**rung * budget // factor if rung else 0
    return saved / epochs


def compare(make_optimizer, num_trials, allowed, options):
    """Run a search both ways, and return the figures."""
    restarted, continued = (
        search(make_optimizer(), num_trials, way, options) for way in (False, True)
    )
    assert all(row["outputs"]["epochs"] == row["params"]["budget"] for row in restarted)
    saved = 1 - epochs_of(continued) / epochs_of(restarted)
    metrics, others = metrics_of(restarted), metrics_of(continued)
    common = metrics.keys() & others.keys()
    return {
        "epochs_restarted": epochs_of(restarted),
        "epochs_continued": epochs_of(continued),
        "promotions": sum("parent" in row for row in continued),
        "saved": saved,
        "allowed": allowed,
        "ratio": saved / allowed,
        "trials_in_both": len(common),
        "of_the_same_metric": sum(metrics[key] == others[key] for key in common),
        "best_restarted": max(metrics.values()),
        "best_continued": max(others.values()),
    }


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200, help="trials of each search of ASHA")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    options = parsed_options()
    # Each worker gets one core, and the order of its sums does not depend on the number of cores.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_LOG_DIR"] = folder
        session = quiet_session(options.workers)
        for ladder in LADDERS:
            figures[f"Asha{ladder}"] = compare(
                partial(Asha, *ladder), options.trials, allowed_by_rungs(*ladder), options
            )
        for *budgets, num_brackets in BRACKETS:
            figures[f"Hyperband{tuple(budgets)}"] = compare(
                partial(Hyperband, *budgets, n_iterations=num_brackets),
                None,
                allowed_by_brackets(*budgets),
                options,
            )
        session.stop()
    table(
        ["", *HEADERS],
        [
            [
                name,
                numbers["epochs_restarted"],
                numbers["epochs_continued"],
                f"{numbers['saved'] * 100:.1f}",
                f"{numbers['allowed'] * 100:.1f}",
                f"{numbers['ratio']:.2f}",
                numbers["promotions"],
                numbers["trials_in_both"],
                numbers["of_the_same_metric"],
                f"{numbers['best_restarted']:.4f}",
                f"{numbers['best_continued']:.4f}",
            ]
            for name, numbers in figures.items()
        ],
        title=f"{options.trials} trials of each search of ASHA, on {options.workers} workers, "
        f"seed {options.seed}",
    )
    json_line("promotions", {"trials": options.trials, "workers": options.workers, **figures})


if __name__ == "__main__":
    main()
