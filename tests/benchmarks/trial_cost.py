"""Compare what a trial costs in this tree and in an earlier revision, to one part in a hundred.

    python tests/benchmarks/trial_cost.py REVISION

Both trees hold a Spark session of their own, and take turns of two seconds for some minutes. So a
change in the machine's speed meets both, which new processes for each measurement do not ensure.
A turn is two searches whose trials return at once: the difference is the cost of the trials, and
the smaller search is the cost of the call. Records are in memory where the system has a file system
for that. The quartiles are those of the ratios of all pairs.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from against import MEMORY, ROOT, unpack
from report import json_line, quiet, quiet_session, table

WORKERS = 2
TRIALS = 1000


class Tree:
    """A process that runs searches with the code of one tree."""

    def __init__(self, path):
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            env={**os.environ, "PYTHONPATH": str(path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def measure(self):
        """Return milliseconds a trial, those of processor time in the driver, and a call's."""
        few_s, few_cpu_s = self._search(WORKERS)
        many_s, many_cpu_s = self._search(TRIALS)
        trials = (TRIALS - WORKERS) / 1e3
        return (many_s - few_s) / trials, (many_cpu_s - few_cpu_s) / trials, few_s * 1e3

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _search(self, trials):
        print(trials, file=self._process.stdin)
        return map(float, self._process.stdout.readline().split())


def serve():
    """Run a search for each number that comes in; print its seconds and its processor time."""
    from maggy import Searchspace, experiment
    from maggy.experiment_config import OptimizationConfig

    def train(x):
        return x

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    with tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None) as folder:
        os.environ["MAGGY_LOG_DIR"] = folder
        session = quiet_session(WORKERS)
        for line in sys.stdin:
            space = Searchspace(x=("DOUBLE", [0.0, 1.0]))
            config = OptimizationConfig(int(line), "randomsearch", space, es_policy="none")
            start, start_cpu = time.perf_counter(), time.process_time()
            with quiet():
                experiment.lagom(train, config)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
            for name in os.listdir(folder):
                shutil.rmtree(os.path.join(folder, name))
            print(seconds, cpu_seconds, file=answers)
        session.stop()


def measure_pairs(trees, count):
    """Return what was measured in both trees, pair by pair; the other tree begins each time."""
    for tree in trees:  # loads and compiles what later searches need only once
        tree.measure()
    pairs = []
    for number in range(count):
        order = (0, 1) if number % 2 else (1, 0)
        measured = {position: trees[position].measure() for position in order}
        pairs.append((measured[0], measured[1]))
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", nargs="?", help="the commit to compare with")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    if options.revision is None:
        parser.error("the revision to compare with is missing")
    with tempfile.TemporaryDirectory() as folder:
        trees = [Tree(unpack(options.revision, folder)), Tree(ROOT)]
        pairs = measure_pairs(trees, options.pairs)
        for tree in trees:
            tree.close()
    names = ["a trial (ms)", "the driver's processor time a trial (ms)", "the call (ms)"]
    rows, figures = [], {}
    for position, name in enumerate(names):
        old = [pair[0][position] for pair in pairs]
        new = [pair[1][position] for pair in pairs]
        ratios = [after / before for before, after in zip(old, new, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        figures[name] = middle
        rows.append(
            [
                name,
                f"{statistics.median(old):.3f}",
                f"{statistics.median(new):.3f}",
                f"{middle:.3f}",
                f"{low:.3f} to {high:.3f}",
            ]
        )
    table(
        ["", "old", "new", "new/old", "quartiles"],
        rows,
        title=f"This tree beside {options.revision}: {options.pairs} pairs, {WORKERS} workers",
    )
    json_line("trial_cost", figures)


if __name__ == "__main__":
    main()
