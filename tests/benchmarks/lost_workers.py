"""Measure how many epochs are trained again when workers are killed and trials have checkpoints.

    python tests/benchmarks/lost_workers.py

Each trial saves a checkpoint after every epoch. After an epoch its process kills itself with a
probability of one in ten, so there is about one kill for every ten epochs that a worker trains. The
search runs on Spark, once in each isolation mode. Every epoch that is trained is written to a file
before it begins; undisturbed, each is trained once. An epoch is trained again if its checkpoint was
not at the driver when the process was killed: the kill comes right after the epoch, when its
checkpoint is still on its way.
"""

import argparse
import os
import tempfile
from pathlib import Path

from report import json_line, quiet, quiet_session, table

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

HEADERS = ["epochs", "undisturbed", "kills", "again for each kill", "trials with a metric"]


def make_train(log, epochs, seconds):
    """Return a training function; the workers get it by value."""

    def train(x, reporter):
        import os
        import random
        import signal
        import time

        start, total = 0, 0.0
        if (checkpoint := reporter.restore()) is not None:
            start, total = checkpoint.step + 1, float((checkpoint / "total").read_text())
        chance = random.Random(f"{x} {start} {time.time()}")
        for epoch in range(start, epochs):
            with open(log, "a") as file:
                file.write(f"epoch {x} {epoch}\n")
            time.sleep(seconds)
            total += x
            reporter.broadcast(total, step=epoch)
            with reporter.checkpoint(step=epoch) as folder:
                (folder / "total").write_text(repr(total))
            if chance.random() < 0.1 and epoch < epochs - 1:
                with open(log, "a") as file:
                    file.write("kill\n")
                os.kill(os.getpid(), signal.SIGKILL)
        return total

    return train


def measure(isolation, options, folder):
    """Run the search in an isolation mode, and return the figures."""
    log = Path(folder, isolation)
    config = OptimizationConfig(
        options.trials,
        "randomsearch",
        Searchspace(x=("DOUBLE", [0, 1])),
        es_policy="none",
        hb_interval=0.1,
        isolation=isolation,
        num_workers=options.workers,
        trial_attempts=1000,
        seed=1,
    )
    with quiet():
        rows = experiment.lagom(
            make_train(str(log), options.epochs, options.seconds), config
        ).trials
    lines = log.read_text().splitlines()
    kills = lines.count("kill")
    trained = len(lines) - kills
    undisturbed = options.trials * options.epochs
    for row in rows:  # each curve has each step once
        assert row["steps"] == list(range(options.epochs))
    return {
        "epochs": trained,
        "undisturbed": undisturbed,
        "kills": kills,
        "again_for_each_kill": (trained - undisturbed) / max(1, kills),
        "trials_with_a_metric": sum(row["metric"] is not None for row in rows),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=20, help="epochs of each trial")
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds of each epoch")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_LOG_DIR"] = folder
        session = quiet_session(options.workers)
        figures = {mode: measure(mode, options, folder) for mode in ("worker", "process")}
        session.stop()
    rows = [
        [
            mode,
            numbers["epochs"],
            numbers["undisturbed"],
            numbers["kills"],
            f"{numbers['again_for_each_kill']:.2f}",
            numbers["trials_with_a_metric"],
        ]
        for mode, numbers in figures.items()
    ]
    title = f"{options.trials} trials of {options.epochs} epochs on {options.workers} workers"
    table(["isolation", *HEADERS], rows, title=title)
    json_line("lost_workers", figures)


if __name__ == "__main__":
    main()
