"""Measure how long trials of very unequal length take, for Maggy and its peers, over the ideal.

    python tests/benchmarks/makespan.py

The lengths are log-normal. The ideal is greedy list scheduling: each trial goes, in the order of
the list, to the worker that is free first, and nothing else takes any time. Trials sleep, so that
there can be more workers than cores.
"""

import argparse
import heapq
import random

from peers import Missing, measure_all, timed
from report import json_line, table


def lengths_of(trials, median, sigma, seed):
    rng = random.Random(seed)
    return [median * rng.lognormvariate(0, sigma) for _ in range(trials)]


def ideal_of(lengths, workers):
    free = [0.0] * workers
    for seconds in lengths:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--median", type=float, default=1.0, help="median length in seconds")
    parser.add_argument(
        "--sigma", type=float, default=1.0, help="standard deviation of the logarithm"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of peers' classes")
    options = parser.parse_args()
    lengths = lengths_of(options.trials, options.median, options.sigma, options.seed)
    ideal = ideal_of(lengths, options.workers)

    def measure(peer):
        return timed(peer, [0.0] * options.workers), timed(peer, lengths)

    rows, figures = [], {"trials": options.trials, "workers": options.workers, "ideal_s": ideal}
    for peer, measurement in measure_all(options.workers, measure, options.only):
        if isinstance(peer, Missing):
            rows.append([peer.name, "missing", "", ""])
            figures[peer.name] = {"missing": peer.reason}
            continue
        fixed, whole = measurement
        rows.append(
            [peer.name, f"{whole:.2f}", f"{whole / ideal:.3f}", f"{(whole - fixed) / ideal:.3f}"]
        )
        figures[peer.name] = {"makespan_s": whole, "over_ideal": whole / ideal, "fixed_s": fixed}
    table(
        ["", "makespan (s)", "over the ideal", "without the time of a round of empty trials"],
        rows,
        title=f"{options.trials} trials of {min(lengths):.2f} to {max(lengths):.2f} s, "
        f"{options.workers} workers, ideal {ideal:.2f} s",
    )
    for name, measurement in figures.items():
        if isinstance(measurement, dict) and "missing" in measurement:
            print(f"{name} is missing: {measurement['missing']}")
    json_line("makespan", figures)


if __name__ == "__main__":
    main()
