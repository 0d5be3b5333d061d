"""Measure how many epochs are trained again when workers are killed and trials have checkpoints.

    python tests/benchmarks/lost_workers.py

Each trial saves a checkpoint after every epoch. After an epoch its process kills itself with a
probability of one in ten, so there is about one kill for every ten epochs that a worker trains. The
search runs once in each isolation mode, on ``local[2]``, on a local cluster of two executors, and
on a standalone cluster of two workers. Every epoch that is trained is written to a file before it
begins; undisturbed, each is trained once. An epoch is trained again if its checkpoint was not at
the driver when the process was killed: the kill comes right after the epoch, when its checkpoint is
still on its way.
"""

import argparse
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from report import json_line, quiet, quiet_session, table

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

HEADERS = ["epochs", "undisturbed", "kills", "again for each kill", "trials with a metric"]


MASTERS = ["local", "local-cluster", "standalone"]


@contextmanager
def session_on(master, workers, folder):
    """Give a Spark session on a kind of master for as long as the block lasts."""
    if master == "standalone":
        sys.path.append(str(Path(__file__).parents[1]))
        from helpers.standalone_cluster import StandaloneCluster

        place = Path(folder, "cluster")
        place.mkdir()
        with StandaloneCluster(place, workers, "1g") as cluster:
            session = quiet_session(workers, cluster.url)
            yield
            session.stop()
        return
    is_local = master == "local"
    session = quiet_session(workers, None if is_local else f"local-cluster[{workers},1,1024]")
    yield
    session.stop()


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


def measure(master, isolation, options, folder):
    """Run the search in an isolation mode, and return the figures."""
    log = Path(folder, f"{master}-{isolation}")
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
    parser.add_argument("--masters", nargs="+", choices=MASTERS, default=MASTERS)
    options = parser.parse_args()
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_LOG_DIR"] = folder
        for master in options.masters:
            with session_on(master, options.workers, folder):
                for mode in ("worker", "process"):
                    figures[f"{master}, {mode}"] = measure(master, mode, options, folder)
    rows = [
        [
            name,
            numbers["epochs"],
            numbers["undisturbed"],
            numbers["kills"],
            f"{numbers['again_for_each_kill']:.2f}",
            numbers["trials_with_a_metric"],
        ]
        for name, numbers in figures.items()
    ]
    title = f"{options.trials} trials of {options.epochs} epochs on {options.workers} workers"
    table(["master, isolation", *HEADERS], rows, title=title)
    json_line("lost_workers", figures)


if __name__ == "__main__":
    main()
