"""Measure what a trial costs in a process of its own, and by default, in one run.

    python tests/benchmarks/isolation.py

Trials return at once, and records are on disk. The script times searches of two sizes by turns, in
a warm session. The difference is the cost of the trials; the rest is the fixed cost of a search.
It also times a single fork, in a process that has loaded the same modules as the trials' template.
"""

import argparse
import os
import statistics
import time

from report import apart, json_line, quiet, quiet_session, table

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

MODES = ("worker", "process")


def search_seconds(isolation, trials, workers):
    config = OptimizationConfig(
        trials,
        "randomsearch",
        Searchspace(x=("DOUBLE", [0, 1])),
        es_policy="none",
        num_workers=workers,
        isolation=isolation,
    )
    began = time.perf_counter()
    with quiet():
        experiment.lagom(lambda x: x, config)
    return time.perf_counter() - began


def fork_seconds(count=200):
    """Return how long it takes to fork a process and wait for its end."""
    from maggy.core.executors import child  # noqa: F401

    began = time.perf_counter()
    for _ in range(count):
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
    return (time.perf_counter() - began) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    fork = apart(fork_seconds)
    session = quiet_session(options.workers)
    sizes = (options.workers, options.trials)
    seconds = {(mode, size): [] for mode in MODES for size in sizes}
    for mode in MODES:
        # The first search loads what the later ones find in memory.
        search_seconds(mode, options.workers, options.workers)
    for _ in range(options.repeats):
        for mode, size in seconds:
            seconds[mode, size].append(search_seconds(mode, size, options.workers))
    session.stop()
    few, many = sizes
    figures = {"workers": options.workers, "trials": many, "fork_s": fork}
    for mode in MODES:
        small, large = (statistics.median(seconds[mode, size]) for size in sizes)
        figures[f"{mode}_trial_s"] = (large - small) / (many - few)
        figures[f"{mode}_fixed_s"] = small
    ratio = figures["process_trial_s"] / figures["worker_trial_s"]
    table(
        ["isolation", "a trial (ms)", "times the default's", f"a search of {few} trials (s)"],
        [
            [
                mode,
                f"{figures[f'{mode}_trial_s'] * 1e3:.2f}",
                f"{figures[f'{mode}_trial_s'] / figures['worker_trial_s']:.1f}",
                f"{figures[f'{mode}_fixed_s']:.2f}",
            ]
            for mode in MODES
        ],
        title=f"Trials that return at once, {options.workers} workers",
    )
    print(f"A fork alone takes {fork * 1e3:.2f} ms.")
    json_line("isolation", {**figures, "ratio": ratio})


if __name__ == "__main__":
    main()
