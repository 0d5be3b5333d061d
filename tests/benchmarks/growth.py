"""Measure whether an experiment stays as fast as at its start, with 1,000 to 100,000 trials.

    python tests/benchmarks/growth.py

50 simulated workers send the 100 points of each trial in ten heartbeats, without a pause. The
experiment is a random search with the median rule and with records on disk. Afterwards the script
builds the result, its table and its data frame. A trial consists of eleven events: ten reports,
which the driver answers, and one assignment.
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
    result = function(*args, **keywords)
    return result, time.perf_counter() - began


def measure(trials, directory):
    load = Load((REPORTS, REPORTS), POINTS, 0, 0.0)
    # All metrics are so close that the rule, which judges each report, stops no trial.
    simulation = simulate(WORKERS, load, num_trials=trials, worst=0.99, directory=directory)
    trials_at_end = simulation.outcome.trials
    assert len(trials_at_end) == trials
    # The first trial of each worker starts at a random heartbeat, so it may have fewer points.
    assert (
        sum(len(trial.metric_history) == REPORTS * POINTS for trial in trials_at_end)
        >= trials - WORKERS
    )
    ends = sorted(trial.start + trial.duration / 1e3 for trial in trials_at_end)
    tenth = trials // 10
    seconds = ends[-1] - ends[0]  # The start of the simulated workers' process does not count.
    result, result_s = timed(
        build_result, trials_at_end, kind="optimization", direction="max", optimization_key="metric"
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
        "kb_per_trial": simulation.memory / trials / 1e3,
        "result_s": result_s,
        "summary_s": summary_s,
        "table_s": table_s,
        "frame_s": frame_s,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--directory", help="folder for the records; by default a temporary one")
    options = parser.parse_args()
    rows, first = [], None
    for trials in options.trials:
        figures = apart(measure, trials, options.directory)
        first = first or figures
        rows.append(
            [
                f"{trials:,}",
                *(f"{value:.3g}" for name, value in figures.items() if name != "trials"),
            ]
        )
        json_line("growth", figures)
    table(HEADERS, rows, title="One driver, a growing experiment")
    ratio = figures["last_tenth_ms_per_trial"] / first["ms_per_trial"]
    print(
        f"In a search of {trials:,} trials, a trial of the last tenth took {ratio:.2f} "
        f"times as long as a trial in a search of {first['trials']:,} trials."
    )


if __name__ == "__main__":
    main()
