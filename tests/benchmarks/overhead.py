"""What Maggy costs beyond the trials themselves, next to a Spark job per round of trials, in one run.

    python tests/benchmarks/overhead.py

Trials return at once, two workers, records on disk. Prints a table and one JSON line. Medians of ``REPEATS`` calls in
a warm session.
"""

import contextlib
import io
import json
import os
import resource
import statistics
import sys
import tempfile
import time

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

REPEATS = 5
TRIALS = 2000
WORKERS = 2
IDLE_SECONDS = 5


def train(x):
    return x


def timed(function, *args):
    began = time.perf_counter()
    function(*args)
    return time.perf_counter() - began


def search(num_trials, train_fn=train):
    space = Searchspace(x=("DOUBLE", [0, 1]))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return experiment.lagom(train_fn, OptimizationConfig(num_trials, "randomsearch", space, seed=1))


def spark_job_per_round(context, num_trials):
    for first in range(0, num_trials, WORKERS):
        context.parallelize(range(first, first + WORKERS), WORKERS).map(train).collect()


def driver_cpu_share():
    """Share of a core that the driver's process takes while two trials run and report."""

    def slow(x, reporter):
        import time

        for step in range(IDLE_SECONDS * 10):
            reporter.broadcast(x, step)
            time.sleep(0.1)
        return x

    before = resource.getrusage(resource.RUSAGE_SELF)
    took = timed(search, WORKERS, slow)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / took


def main():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master(f"local[{WORKERS}]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_LOG_DIR"] = folder
        search(TRIALS)
        spark_job_per_round(spark.sparkContext, WORKERS)
        few = statistics.median(timed(search, WORKERS) for _ in range(REPEATS))
        many = statistics.median(timed(search, TRIALS) for _ in range(REPEATS))
        hundreds = statistics.median(timed(search, 200) for _ in range(REPEATS))
        rounds = statistics.median(timed(spark_job_per_round, spark.sparkContext, 40) for _ in range(REPEATS))
        share = driver_cpu_share()
    spark.stop()
    per_trial = (many - few) / (TRIALS - WORKERS)
    fixed = few - WORKERS * per_trial
    per_trial_of_rounds = rounds / 40
    print(f"{'':44}{'Maggy':>12}{'Spark job per round':>22}")
    print(f"{'one trial that does nothing (ms)':44}{per_trial * 1e3:12.2f}{per_trial_of_rounds * 1e3:22.2f}")
    print(f"{'the call beyond its trials (s)':44}{fixed:12.2f}{'':>22}")
    print(f"{'driver process while trials run (% of a core)':44}{share * 100:11.1f}{'':>22}")
    print(f"{'a search of 200 trials, in all (s)':44}{hundreds:12.2f}{per_trial_of_rounds * 200:22.2f}")
    print(f"A Spark job per round takes {per_trial_of_rounds / per_trial:.0f} times as long per trial.")
    figures = {"per_trial_s": per_trial, "fixed_s": fixed, "driver_cpu_share": share, "search_of_200_s": hundreds}
    print(json.dumps({**figures, "spark_job_per_round_s": per_trial_of_rounds}))


if __name__ == "__main__":
    main()
