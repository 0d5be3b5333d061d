"""Measure how many workers one driver can serve, with simulated workers.

    python tests/benchmarks/scale.py

A simulated worker sends one heartbeat a second, with a point and a line. Each row is one
experiment: a random search with the median rule, with records on disk. Trials take 10 to 110
seconds, and the rule stops many of them. The measurement starts when all workers have registered.
The answer to a heartbeat takes as long as the driver and the load generator together need.
Therefore the table shows the delay of the load generator, too.
"""

import argparse

import numpy as np
from report import apart, json_line, table
from simulated_workers import Load, simulate

# A worker takes two file descriptors, and the limit of a process is often 20,000.
MOST_IN_A_PROCESS = 9_000
HEADERS = [
    "workers",
    "heartbeats/s",
    "trials/s",
    "answer p50 (ms)",
    "p99 (ms)",
    "next trial p99 (ms)",
    "driver (cores)",
    "memory (MB)",
    "generator late p99 (ms)",
]


def milliseconds(seconds, percentile):
    return (
        float(np.percentile(np.array(seconds), percentile) * 1e3) if len(seconds) else float("nan")
    )


def measure(workers, options):
    ramp = max(2.0, workers / 800)
    warm_up = ramp + 5.0
    load = Load(
        (10, 110), options.points, options.lines, options.interval, ramp=ramp, warm_up=warm_up
    )
    processes = options.processes or -(-workers // MOST_IN_A_PROCESS)
    simulation = simulate(
        workers,
        load,
        max_seconds=warm_up + options.seconds,
        processes=processes,
        directory=options.directory,
    )
    answers, seconds = simulation.measured.answers, simulation.measured.seconds
    return {
        "workers": workers,
        "heartbeats_per_s": len(answers) / seconds,
        "trials_per_s": simulation.measured.trials / seconds,
        "answer_p50_ms": milliseconds(answers, 50),
        "answer_p99_ms": milliseconds(answers, 99),
        "assignment_p99_ms": milliseconds(simulation.measured.assignments, 99),
        "driver_cores": simulation.cpu_share,
        "memory_mb": simulation.memory / 1e6,
        "late_p99_ms": milliseconds(simulation.measured.late, 99),
        "threads": {
            name: round(share, 3) for name, share in simulation.threads.items() if share >= 0.005
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[100, 1_000, 5_000, 10_000])
    parser.add_argument("--seconds", type=float, default=20.0, help="duration of the measurement")
    parser.add_argument(
        "--interval", type=float, default=1.0, help="seconds between two heartbeats of a worker"
    )
    parser.add_argument("--points", type=int, default=1, help="points in a heartbeat")
    parser.add_argument("--lines", type=int, default=1, help="lines of output in a heartbeat")
    parser.add_argument(
        "--processes",
        type=int,
        help="number of processes that simulate the workers; by default one for 9,000 workers",
    )
    parser.add_argument("--directory", help="folder for the records; by default a temporary one")
    options = parser.parse_args()
    rows = []
    for workers in options.workers:
        figures = apart(measure, workers, options)
        rows.append([f"{figures[name]:,.{digits}f}" for name, digits in FORMATS.items()])
        json_line("scale", figures)
    table(HEADERS, rows, title="One driver, simulated workers")


FORMATS = {
    "workers": 0,
    "heartbeats_per_s": 0,
    "trials_per_s": 0,
    "answer_p50_ms": 2,
    "answer_p99_ms": 1,
    "assignment_p99_ms": 1,
    "driver_cores": 2,
    "memory_mb": 0,
    "late_p99_ms": 1,
}


if __name__ == "__main__":
    main()
