"""Measure how good the optimizers are, against random search and against Optuna used alone.

    python tests/benchmarks/optimizers.py [name ...] [--seeds N] [--trials N] [--function WORD]

The measure is the median regret over 20 seeds. A name is that of an optimizer (random, qmc, tpe,
gp, cmaes, nsgaii) or ``curves``. Without a name all of them run, which takes about twenty minutes
on two free cores. "Sequential" means one trial at a time, "asynchronous" means eight simulated
workers of different speeds. Optuna alone gets the same seeds as our samplers, and also runs both
ways. ``--trials`` replaces the numbers of trials, ``--function`` chooses the functions whose title
contains the word. The script prints tables and one JSON line.

The third table compares eight workers with one. It shows which share of the sequential gain over
random search they keep, after how many sequential trials the same median is reached, and what one
worker reaches in the time of the eight. The fourth table is the geometric mean, over the seeds, of
our regret divided by the regret of Optuna alone, with its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import statistics
import sys
import time
from bisect import bisect_right
from itertools import accumulate

import functions
import optuna
from simulation import Simulation

from maggy.earlystop import MedianStoppingRule, SuccessiveHalvingRule
from maggy.optimizer import NSGAII, QMC, Asha, CmaEs, Hyperband, RandomSearch
from maggy.optimizer.bayes import GP, TPE

WORKERS = 8
CURVE_SEEDS = range(20)
SMALLEST = 1e-9  # replaces a regret of 0, which has no logarithm

# Our optimizer, Optuna's sampler, and the numbers of trials on which both are measured. Optimizers
# that are slow or do not learn get few trials, and optimizers with generations get more.
OPTIMIZERS = {
    "random": (RandomSearch, lambda seed: optuna.samplers.RandomSampler(seed=seed), (30, 100)),
    "qmc": (QMC, lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True), (30, 100)),
    "tpe": (TPE, lambda seed: optuna.samplers.TPESampler(seed=seed), (30, 100)),
    "gp": (GP, lambda seed: optuna.samplers.GPSampler(seed=seed), (30,)),
    "cmaes": (
        CmaEs,
        lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
        (100,),
    ),
    "nsgaii": (
        NSGAII,
        lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=10),
        (100,),
    ),
}


def simulated(make, function, space, num_trials, workers, seed):
    def train(params):
        yield function(params)

    return Simulation(
        make(), space.seeded(seed), train, "min", workers, random.Random(seed), num_trials
    )


def reached(run):
    """Return the smallest regret so far, after each trial."""
    return list(accumulate((trial.final_metric for trial in run.final_store), min))


def optuna_alone(make, function, space, num_trials, workers, seed):
    """Return the smallest regret of Optuna without Maggy.

    The durations are drawn as in the simulation.
    """

    def suggested(trial):
        params = {}
        for name, (kind, values, *log) in space.to_dict().items():
            if kind == "DOUBLE":
                params[name] = trial.suggest_float(name, *values, log=bool(log))
            elif kind == "INTEGER":
                params[name] = trial.suggest_int(name, *values)
            else:
                params[name] = trial.suggest_categorical(name, values)
        return params

    # Our sampler gets the same seed, so that the comparison is trial by trial.
    study = optuna.create_study(sampler=make(space.seeded(seed).draw_seed()))
    rng, now, running = random.Random(seed), 0.0, []
    for number in range(num_trials):
        if number >= workers:
            now, _, trial, value = heapq.heappop(running)
            study.tell(trial, value)
        trial = study.ask()
        ends = now + math.exp(rng.gauss(0, 0.5))
        heapq.heappush(running, (ends, number, trial, function(suggested(trial))))
    return min(
        [value for *_, value in running]
        + [trial.value for trial in study.trials if trial.value is not None]
    )


def regrets(names, seeds, trials, word):
    problems = {
        title: pair for title, pair in functions.FUNCTIONS.items() if word.lower() in title.lower()
    }
    rows = []
    for name in names:
        counts = OPTIMIZERS[name][2]
        for title, (function, space) in problems.items():
            for count in [trials] if trials else counts:
                began = time.perf_counter()
                row = {"function": title, "trials": count, "optimizer": name}
                rows.append(row | measured(name, function, space, count, seeds))
                print(f"{row} {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


def measured(name, function, space, count, seeds):
    mine, theirs, _ = OPTIMIZERS[name]
    alone = [simulated(mine, function, space, count, 1, seed) for seed in seeds]
    eight = [simulated(mine, function, space, count, WORKERS, seed) for seed in seeds]
    chance = [
        reached(simulated(RandomSearch, function, space, count, 1, seed))[-1] for seed in seeds
    ]
    finals = {
        "sequential": [reached(run)[-1] for run in alone],
        "asynchronous": [reached(run)[-1] for run in eight],
        "Optuna alone": [optuna_alone(theirs, function, space, count, 1, seed) for seed in seeds],
        "Optuna asynchronous": [
            optuna_alone(theirs, function, space, count, WORKERS, seed) for seed in seeds
        ],
    }
    row = {way: statistics.median(values) for way, values in finals.items()}
    row["random"] = statistics.median(chance)
    gain = row["random"] - row["sequential"]
    row["share kept"] = (row["random"] - row["asynchronous"]) / gain if gain > 0 else None
    so_far = [statistics.median(values) for values in zip(*map(reached, alone), strict=True)]
    # If eight workers were luckier than one, one worker does not reach their median in time.
    row["worth"] = next(
        (n for n, value in enumerate(so_far, 1) if value <= row["asynchronous"]), f">{count}"
    )
    in_time = [
        reached(one)[max(1, bisect_right(one.ended_at, run.time)) - 1]
        for one, run in zip(alone, eight, strict=True)
    ]
    row["one worker in the same time"] = statistics.median(in_time)
    row["log ratios"] = {
        way: [
            math.log(max(one, SMALLEST) / max(other, SMALLEST))
            for one, other in zip(*pair, strict=True)
        ]
        for way, pair in {
            "sequential": (finals["sequential"], finals["Optuna alone"]),
            "asynchronous": (finals["asynchronous"], finals["Optuna asynchronous"]),
        }.items()
    }
    return row


def ratios(rows, way):
    """Return our regret divided by Optuna's, for each function and for all together.

    There is one row for each optimizer and number of trials.
    """
    groups = {}
    for row in rows:
        groups.setdefault((row["optimizer"], row["trials"]), {})[row["function"]] = row[
            "log ratios"
        ][way]
    return [
        {"optimizer": name, "trials": count}
        | {function: geometric_mean([logs]) for function, logs in group.items()}
        | {"all": geometric_mean(list(group.values()))}
        for (name, count), group in groups.items()
    ]


def geometric_mean(groups):
    """Return the geometric mean with its 95 % bootstrap interval; all groups have equal weight."""
    rng = random.Random(0)
    mean = statistics.fmean(map(statistics.fmean, groups))
    samples = sorted(
        statistics.fmean(statistics.fmean(rng.choices(g, k=len(g))) for g in groups)
        for _ in range(2000)
    )
    return "{:.2f} ({:.2f} to {:.2f})".format(*map(math.exp, (mean, samples[50], samples[1949])))


def curve_regrets():
    """Return the regrets on eight workers, with the steps of 10, 20 and 40 full trainings."""
    table = functions.learning_curves()
    best = max(max(curve) for curve in table.values())
    epochs = functions.CURVE_EPOCHS

    def train(params):
        names = ("rate", "alpha", "units")
        yield from table[tuple(params[name] for name in names)][: params.get("budget", epochs)]

    ways = {
        "random": (RandomSearch, None),
        "random, median rule": (RandomSearch, MedianStoppingRule),
        "random, successive halving rule": (RandomSearch, lambda: SuccessiveHalvingRule(1, 3)),
        "tpe": (TPE, None),
        "tpe, successive halving rule": (TPE, lambda: SuccessiveHalvingRule(1, 3)),
        "asha": (lambda: Asha(3, 1, epochs), None),
        "hyperband": (lambda: Hyperband(3, 1, epochs), None),
        "hyperband of tpe": (lambda: Hyperband(resource_max=epochs, sampler=TPE()), None),
    }
    rows = []
    for way, (make, rule) in ways.items():
        row = {"optimizer": way}
        for trainings in (10, 20, 40):
            values = []
            for seed in CURVE_SEEDS:
                run = Simulation(
                    make(),
                    functions.CURVE_SPACE.seeded(seed),
                    train,
                    "max",
                    WORKERS,
                    random.Random(seed),
                    10_000,
                    rule and rule(),
                    4,
                    trainings * epochs,
                )
                values.append(best - max(trial.final_metric for trial in run.final_store))
            row[f"{trainings} trainings"] = statistics.median(values)
        rows.append(row)
    return rows


def pivoted(rows, cell):
    """Return one row for each optimizer and number of trials, with a cell for each function."""
    table = {}
    for row in rows:
        table.setdefault((row["optimizer"], row["trials"]), {})[row["function"]] = cell(row)
    return [{"optimizer": name, "trials": count, **cells} for (name, count), cells in table.items()]


def shown(regret):
    return f"{regret:.0f}" if regret >= 100 else f"{regret:.2g}"


def medians(rows, *ways):
    return " / ".join(ways), pivoted(rows, lambda row: " / ".join(shown(row[way]) for way in ways))


def kept(row):
    share = "-" if row["share kept"] is None else f"{row['share kept']:.0%}"
    return f"{share} / {row['worth']} / {shown(row['one worker in the same time'])}"


def print_table(rows):
    heads = list(rows[0])
    print("| " + " | ".join(heads) + " |")
    print("|" + " --- |" * len(heads))
    for row in rows:
        cells = (
            f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()
        )
        print("| " + " | ".join(cells) + " |")
    print()


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--function", default="")
    options = parser.parse_args()
    names = options.names or [*OPTIMIZERS, "curves"]
    searched = [name for name in names if name != "curves"]
    tables = {"regret": regrets(searched, range(options.seeds), options.trials, options.function)}
    learners = [row for row in tables["regret"] if row["optimizer"] not in ("random", "qmc")]
    for title, table in (
        medians(tables["regret"], "sequential", "asynchronous", "Optuna alone"),
        medians(tables["regret"], "sequential", "asynchronous", "Optuna asynchronous"),
        (
            "share kept / equal to this number of sequential trials / one worker in the same time",
            pivoted(learners, kept),
        ),
        ("sequential divided by Optuna alone", ratios(learners, "sequential")),
        ("asynchronous divided by Optuna asynchronous", ratios(learners, "asynchronous")),
    ):
        if table:
            print(title, end="\n\n")
            print_table(table)
    for row in tables["regret"]:
        del row["log ratios"]
    if "curves" in names:
        tables["curves"] = curve_regrets()
        print_table(tables["curves"])
    print(json.dumps(tables))


if __name__ == "__main__":
    main()
