"""Whether an experiment stays as quick as it began: trials of 100 points each, 1,000 to 100,000 of them.

    python tests/benchmarks/growth.py

50 simulated workers send each trial's points in ten heartbeats, as fast as they are answered; random search, median
rule, records on disk. Then the result, its table and its data frame are made. The events of a trial are its ten
reports, of which each has its answer, and its assignment.
"""

import argparse
import time

import pandas  # noqa: F401  (its import is none of what is timed)
from report import apart, json_line, table
from simulated_workers import Load, simulate

from maggy.result import build_result, summary_text

WORKERS, REPORTS, POINTS = 50, 10, 10
HEADERS = [
    "trials",
    "ms a trial",
    "us an event",
    "last tenth (ms a trial)",
    "kB a trial",
    "result (s)",
    "summary (s)",
    "table (s)",
    "data frame (s)",
]


def timed(function, *args, **keywords):
    began = time.perf_counter()
    made = function(*args, **keywords)
    return made, time.perf_counter() - began


def measure(trials, directory):
    load = Load((REPORTS, REPORTS), POINTS, 0, 0.0)
    # All metrics are so close that the rule, which is asked at each report, stops nobody.
    done = simulate(WORKERS, load, num_trials=trials, worst=0.99, directory=directory)
    ended = done.outcome.trials
    assert len(ended) == trials
    # Each worker's first trial begins somewhere in its middle.
    assert sum(len(trial.metric_history) == REPORTS * POINTS for trial in ended) >= trials - WORKERS
    ends = sorted(trial.start + trial.duration / 1e3 for trial in ended)
    tenth = trials // 10
    seconds = ends[-1] - ends[0]  # without the start of the simulated workers' process
    result, result_s = timed(
        build_result, ended, kind="optimization", direction="max", optimization_key="metric"
    )
    _, summary_s = timed(
        summary_text, result, name="RandomSearch", kind="optimization", direction="max", seconds=1
    )
    _, table_s = timed(result._repr_html_)
    _, frame_s = timed(result.to_pandas)
    return {
        "trials": trials,
        "ms_per_trial": seconds / trials * 1e3,
        "us_per_event": seconds / (trials * (REPORTS + 1)) * 1e6,
        "last_tenth_ms_per_trial": (ends[-1] - ends[-tenth - 1]) / tenth * 1e3,
        "kb_per_trial": done.memory / trials / 1e3,
        "result_s": result_s,
        "summary_s": summary_s,
        "table_s": table_s,
        "frame_s": frame_s,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--directory", help="where records go; a temporary directory if left out")
    options = parser.parse_args()
    rows, first = [], None
    for trials in options.trials:
        found = apart(measure, trials, options.directory)
        first = first or found
        rows.append(
            [f"{trials:,}", *(f"{value:.3g}" for name, value in found.items() if name != "trials")]
        )
        json_line("growth", found)
    table(HEADERS, rows, title="One driver, a growing experiment")
    ratio = found["last_tenth_ms_per_trial"] / first["ms_per_trial"]
    print(
        f"Of {trials:,} trials the last tenth took {ratio:.2f} times as long each as {first['trials']:,} alone."
    )


if __name__ == "__main__":
    main()
