"""Are the optimizers good? Median regret over 20 seeds, against random search and against Optuna used alone.

    python tests/benchmarks/optimizers.py [name ...] [--seeds N] [--trials N] [--function WORD]

A name is an optimizer's (random, qmc, tpe, gp, cmaes, nsgaii) or ``curves``; without one all are run, which takes about
twenty minutes on two free cores. Sequential is one trial at a time, asynchronous eight simulated workers of different
speeds. Optuna alone gets the seeds that our samplers get, and is run both ways too. ``--trials`` replaces the numbers
of trials, ``--function`` chooses the functions whose title has the word. Prints tables and one JSON line.

The third table says what is left of the optimizer when eight workers run at once: which share of sequential's gain over
random search, after how many sequential trials the same median is reached, and what one worker reaches in the time of
the eight. The fourth is the geometric mean over the seeds of our regret divided by that of Optuna alone, with the
interval that holds it in 95 % of bootstrap samples.
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
SMALLEST = 1e-9  # a regret of 0 has no logarithm

# How each is made by us and by Optuna, and on how many trials it is measured: few for those that are slow or do not
# learn, more for those that need generations.
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
    """The smallest regret so far, each time a trial has ended."""
    return list(accumulate((trial.final_metric for trial in run.final_store), min))


def optuna_alone(make, function, space, num_trials, workers, seed):
    """As ours, but Optuna is asked and told directly; the durations are drawn as the simulation draws them."""

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

    # The very seed that our sampler gets, so that the comparison is trial by trial.
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
    chosen = {
        title: pair for title, pair in functions.FUNCTIONS.items() if word.lower() in title.lower()
    }
    rows = []
    for name in names:
        counts = OPTIMIZERS[name][2]
        for title, (function, space) in chosen.items():
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
    found = {way: statistics.median(values) for way, values in finals.items()}
    found["random"] = statistics.median(chance)
    gain = found["random"] - found["sequential"]
    found["share kept"] = (found["random"] - found["asynchronous"]) / gain if gain > 0 else None
    so_far = [statistics.median(values) for values in zip(*map(reached, alone), strict=True)]
    # Where eight workers were luckier than one, all trials of one are not enough.
    found["worth"] = next(
        (n for n, value in enumerate(so_far, 1) if value <= found["asynchronous"]), f">{count}"
    )
    in_time = [
        reached(one)[max(1, bisect_right(one.ended_at, run.time)) - 1]
        for one, run in zip(alone, eight, strict=True)
    ]
    found["one worker in the same time"] = statistics.median(in_time)
    found["log ratios"] = {
        way: [
            math.log(max(one, SMALLEST) / max(other, SMALLEST))
            for one, other in zip(*pair, strict=True)
        ]
        for way, pair in {
            "sequential": (finals["sequential"], finals["Optuna alone"]),
            "asynchronous": (finals["asynchronous"], finals["Optuna asynchronous"]),
        }.items()
    }
    return found


def ratios(rows, way):
    """One row for each optimizer and number of trials: our regret over Optuna's, for each function and all of them."""
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
    """Of all groups, each of which counts the same, with its 95 % bootstrap interval."""
    rng = random.Random(0)
    mean = statistics.fmean(map(statistics.fmean, groups))
    samples = sorted(
        statistics.fmean(statistics.fmean(rng.choices(g, k=len(g))) for g in groups)
        for _ in range(2000)
    )
    return "{:.2f} ({:.2f} to {:.2f})".format(*map(math.exp, (mean, samples[50], samples[1949])))


def curve_regrets():
    """What is reached with the training steps of so many full trainings, on eight workers."""
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
    """One row for each optimizer and number of trials, with a cell for each function."""
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
    chosen = parser.parse_args()
    names = chosen.names or [*OPTIMIZERS, "curves"]
    searched = [name for name in names if name != "curves"]
    found = {"regret": regrets(searched, range(chosen.seeds), chosen.trials, chosen.function)}
    learners = [row for row in found["regret"] if row["optimizer"] not in ("random", "qmc")]
    for title, table in (
        medians(found["regret"], "sequential", "asynchronous", "Optuna alone"),
        medians(found["regret"], "sequential", "asynchronous", "Optuna asynchronous"),
        (
            "share kept / worth so many sequential trials / one worker in the same time",
            pivoted(learners, kept),
        ),
        ("sequential divided by Optuna alone", ratios(learners, "sequential")),
        ("asynchronous divided by Optuna asynchronous", ratios(learners, "asynchronous")),
    ):
        if table:
            print(title, end="\n\n")
            print_table(table)
    for row in found["regret"]:
        del row["log ratios"]
    if "curves" in names:
        found["curves"] = curve_regrets()
        print_table(found["curves"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
