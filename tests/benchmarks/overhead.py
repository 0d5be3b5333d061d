"""Measure what a trial costs beyond its own time, for Maggy and its peers in one run.

    python tests/benchmarks/overhead.py

Trials return at once, and records are on disk. The script times searches of two sizes in a warm
session. The difference is the cost of the trials; the rest is the fixed cost of a search. Memory
is the growth of the calling process per trial. The figures are medians of up to five repeats.
"""

import argparse
import resource
import statistics
import tempfile
import time
from importlib.metadata import version

import psutil
from peers import Maggy, Missing, measure_all, timed
from report import json_line, table

from maggy import Searchspace, experiment
from maggy.core.reporter import Reporter
from maggy.experiment_config import OptimizationConfig

IDLE_SECONDS = 5


def measure(peer):
    process = psutil.Process()
    few = statistics.median(timed(peer, [0.0] * peer.workers) for _ in range(peer.repeats))
    timed(peer, [0.0] * peer.few)  # loads and allocates what later searches need only once
    before = process.memory_info().rss
    many = statistics.median(timed(peer, [0.0] * peer.few) for _ in range(peer.repeats))
    grown = (process.memory_info().rss - before) / (peer.few * peer.repeats)
    per_trial = (many - few) / (peer.few - peer.workers)
    return {
        "per_trial_s": per_trial,
        "fixed_s": max(0.0, few - peer.workers * per_trial),
        "memory_per_trial_kb": max(0.0, grown / 1e3),
        "trials": peer.few,
    }


def driver_share(peer):
    """Return the share of a core that the driver uses while trials report ten times a second."""

    def slow(x, reporter):
        import time

        for step in range(IDLE_SECONDS * 10):
            reporter.broadcast(x, step)
            time.sleep(0.1)
        return x

    before = resource.getrusage(resource.RUSAGE_SELF)
    config = OptimizationConfig(
        peer.workers, "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), es_policy="none"
    )
    experiment.lagom(slow, config)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / IDLE_SECONDS


def file_seconds(count=100):
    """Return how long it takes to create one small file where the records are.

    Some file systems are slow for minutes after many files were deleted, for example the files of
    an earlier run. Then this time is most of a trial's cost.
    """
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        for number in range(count):
            with open(f"{folder}/{number}", "wb") as file:
                file.write(b"x")
        return (time.perf_counter() - began) / count


def broadcast_seconds(count=100_000):
    """Return how long ``broadcast`` takes, which keeps the point for the next heartbeat."""
    reporter = Reporter()
    began = time.perf_counter()
    for step in range(count):
        reporter.broadcast(0.5, step)
    return (time.perf_counter() - began) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of peers' classes")
    options = parser.parse_args()

    def all_of(peer):
        measurement = {"version": version(peer.package), **measure(peer)}
        if isinstance(peer, Maggy):
            measurement["driver_share"] = driver_share(peer)
        return measurement

    file_s = file_seconds()  # first, because the searches delete files
    figures = {"workers": options.workers}
    for peer, measurement in measure_all(options.workers, all_of, options.only):
        figures[peer.name] = {"missing": peer.reason} if isinstance(peer, Missing) else measurement
    ours = figures.get(Maggy.name, {}).get("per_trial_s")
    rows = []
    for name, measurement in figures.items():
        if name == "workers":
            continue
        if "missing" in measurement:
            rows.append([name, "missing", "", "", "", ""])
            continue
        ratio = f"{measurement['per_trial_s'] / ours:.0f}" if ours else ""
        rows.append(
            [
                name,
                measurement["version"],
                f"{measurement['per_trial_s'] * 1e3:.2f}",
                ratio,
                f"{measurement['fixed_s']:.2f}",
                f"{measurement['memory_per_trial_kb']:.1f}",
            ]
        )
    table(
        [
            "",
            "version",
            "a trial (ms)",
            "times Maggy's",
            "the call beyond its trials (s)",
            "memory of the driver a trial (kB)",
        ],
        rows,
        title=f"Trials that return at once, {options.workers} workers",
    )
    for name, measurement in figures.items():
        if name != "workers" and "missing" in measurement:
            print(f"{name} is missing: {measurement['missing']}")
    share = figures.get(Maggy.name, {}).get("driver_share")
    if share is not None:
        print(
            f"While {options.workers} trials train and report, "
            f"Maggy's driver takes {share:.1%} of a core."
        )
    figures["broadcast_s"] = broadcast_seconds()
    print(f"reporter.broadcast takes {figures['broadcast_s'] * 1e6:.1f} microseconds.")
    figures["file_s"] = file_s
    print(
        f"Creating a small file takes {file_s * 1e6:.0f} microseconds here (where the records are)."
    )
    json_line("overhead", figures)


if __name__ == "__main__":
    main()
