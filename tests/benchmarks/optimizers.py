"""Are the optimizers good? Median regret over 20 seeds, against random search and against Optuna used alone.

    python tests/benchmarks/optimizers.py [name ...] [--trials N] [--function WORD]

A name is an optimizer's (random, qmc, tpe, gp, cmaes, nsgaii) or ``curves``; without one all are run, which takes about
twenty minutes on two free cores. Sequential is one trial at a time, asynchronous eight simulated workers of different
speeds. Optuna alone gets the seeds that our samplers get, and is run both ways too. ``--trials`` replaces the numbers
of trials, ``--function`` chooses the functions whose title has the word. Prints tables and one JSON line.
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

import functions
import optuna
from simulation import Simulation

from maggy.earlystop import MedianStoppingRule, SuccessiveHalvingRule
from maggy.optimizer import NSGAII, QMC, Asha, CmaEs, Hyperband, RandomSearch
from maggy.optimizer.bayes import GP, TPE

SEEDS = range(20)
WORKERS = 8

# How each is made by us and by Optuna, and on how many trials it is measured: few for those that are slow or do not
# learn, more for those that need generations.
OPTIMIZERS = {
    "random": (RandomSearch, lambda seed: optuna.samplers.RandomSampler(seed=seed), (30, 100)),
    "qmc": (QMC, lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True), (30, 100)),
    "tpe": (TPE, lambda seed: optuna.samplers.TPESampler(seed=seed), (30, 100)),
    "gp": (GP, lambda seed: optuna.samplers.GPSampler(seed=seed), (30,)),
    "cmaes": (CmaEs, lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False), (100,)),
    "nsgaii": (
        NSGAII,
        lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=10),
        (100,),
    ),
}


def ours(make, function, space, num_trials, workers, seed):
    def train(params):
        yield function(params)

    run = Simulation(make(), space.seeded(seed), train, "min", workers, random.Random(seed), num_trials)
    return min(trial.final_metric for trial in run.final_store)


def optuna_alone(make, function, space, num_trials, workers, seed):
    """As ours, but Optuna is asked and told directly; the durations are drawn as the simulation draws them."""

    def suggested(trial):
        params = {}
        for name, (kind, values, *log) in space.items():
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
    return min([value for *_, value in running] + [trial.value for trial in study.trials if trial.value is not None])


def regrets(names, trials, word):
    chosen = {title: pair for title, pair in functions.FUNCTIONS.items() if word.lower() in title.lower()}
    rows = []
    for name in names:
        mine, theirs, counts = OPTIMIZERS[name]
        for title, (function, space) in chosen.items():
            for count in [trials] if trials else counts:
                began = time.perf_counter()
                measured = {
                    "sequential": [ours(mine, function, space, count, 1, seed) for seed in SEEDS],
                    "asynchronous": [ours(mine, function, space, count, WORKERS, seed) for seed in SEEDS],
                    "Optuna alone": [optuna_alone(theirs, function, space, count, 1, seed) for seed in SEEDS],
                    "Optuna asynchronous": [
                        optuna_alone(theirs, function, space, count, WORKERS, seed) for seed in SEEDS
                    ],
                }
                row = {"function": title, "trials": count, "optimizer": name}
                row |= {way: statistics.median(values) for way, values in measured.items()}
                rows.append(row)
                print(f"{row} {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


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
        "hyperband of tpe": (lambda: TPE(pruner="hyperband", pruner_kwargs={"resource_max": epochs}).pruner, None),
    }
    rows = []
    for way, (make, rule) in ways.items():
        row = {"optimizer": way}
        for trainings in (10, 20, 40):
            values = []
            for seed in SEEDS:
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


def pivoted(rows, ways):
    """One row for each optimizer and number of trials: these ways, with slashes between them, for each function."""
    table = {}
    for row in rows:
        cells = table.setdefault((row["optimizer"], row["trials"]), {})
        cells[row["function"]] = " / ".join(f"{row[way]:.2g}" for way in ways)
    return [{"optimizer": name, "trials": count, **cells} for (name, count), cells in table.items()]


def print_table(rows):
    heads = list(rows[0])
    print("| " + " | ".join(heads) + " |")
    print("|" + " --- |" * len(heads))
    for row in rows:
        cells = (f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values())
        print("| " + " | ".join(cells) + " |")
    print()


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--function", default="")
    chosen = parser.parse_args()
    names = chosen.names or [*OPTIMIZERS, "curves"]
    found = {"regret": regrets([name for name in names if name != "curves"], chosen.trials, chosen.function)}
    for ways in (
        ("sequential", "asynchronous", "Optuna alone"),
        ("sequential", "asynchronous", "Optuna asynchronous"),
    ):
        if found["regret"]:
            print(" / ".join(ways), end="\n\n")
            print_table(pivoted(found["regret"], ways))
    if "curves" in names:
        found["curves"] = curve_regrets()
        print_table(found["curves"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
