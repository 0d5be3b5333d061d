"""Compare maggy.sklearn.search with the searches of scikit-learn and Optuna on 14 data sets.

    python tests/benchmarks/sklearn_search.py

Each library searches for the hyperparameters of a random forest, with the same space, the same
number of configurations, the same folds and the same number of workers, once for each seed. A
worker is a process, but a thread for OptunaSearchCV, which has no processes. The Spark session and
the processes of joblib are warm.

The score of a configuration is the mean over all folds (for HalvingRandomSearchCV the one that it
chose is scored again, without counting the time). Two libraries are compared by their time to the
same score: the lower one of their two final scores. It is the time until a library has run a
configuration at least as good on all folds; for HalvingRandomSearchCV, which learns this at the end
only, it is the whole time. The gap is the final score of another library minus Maggy's, means over
the seeds, in standard deviations of its scores of the folds. Maggy runs twice: with its defaults,
and with random search. Each search has a seed of its own, also on another data set.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from itertools import groupby
from pathlib import Path

from report import json_line, quiet, quiet_session, table
from sklearn.base import clone, is_classifier
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn_data import DATA_SETS, forest_for

FOLDS = 5
RANDOM = "Maggy, random search"
SPACE = {
    "max_depth": ("INTEGER", [1, 20]),
    "max_features": ("DOUBLE", [0.05, 1.0]),
    "min_samples_leaf": ("INTEGER", [1, 50], "log"),
}
GRID = {
    "max_depth": [2, 7, 20],
    "max_features": [0.1, 0.4, 1.0],
    "min_samples_leaf": [1, 7, 50],
}
CONFIGURATIONS = len(GRID["max_depth"]) ** len(GRID)
"""Number of configurations of each library: those of the grid."""


class WritesScores:
    """Score as the estimator does, and append the time and the score to a file.

    Processes of every library get a copy. One write of a short line to a file that is open for
    appending is not mixed with another one.
    """

    def __init__(self, path):
        self.path = path

    def __call__(self, estimator, data, target):
        score = estimator.score(data, target)
        key = [estimator.get_params()[name] for name in SPACE]
        line = json.dumps([time.time(), key, score]) + "\n"
        file = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(file, line.encode())
        os.close(file)
        return score


class Runs:
    """The runs of a library on a data set: when each configuration was complete, and its mean."""

    def __init__(self, path, start):
        scores = defaultdict(list)
        self.complete = []
        self.folds = 0
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        for at, key, score in sorted(map(json.loads, lines)):
            self.folds += 1
            scores[str(key)].append(score)
            if len(scores[str(key)]) % FOLDS == 0:
                self.complete.append((at - start, statistics.fmean(scores[str(key)][-FOLDS:])))

    def time_to(self, target):
        return next((at for at, mean in self.complete if mean >= target - 1e-9), None)


def distributions():
    """Return the space as distributions of scipy."""
    from scipy.stats import loguniform, randint, uniform

    class IntegersByLogarithm:
        """Integers that are spread evenly in their logarithm, which scipy lacks."""

        def __init__(self, low, high):
            self._reals = loguniform(low - 0.5, high + 0.5)

        def rvs(self, size=None, random_state=None):
            return round(float(self._reals.rvs(random_state=random_state)))

    low, high = SPACE["max_features"][1]
    return {
        "max_depth": randint(1, 21),
        "max_features": uniform(low, high - low),
        "min_samples_leaf": IntegersByLogarithm(1, 50),
    }


def maggy_search(options, optimizer):
    from maggy.sklearn import search

    def run(estimator, data, target, cv, scorer, seed):
        result = search(
            estimator,
            data,
            target,
            SPACE,
            cv=cv,
            num_trials=CONFIGURATIONS,
            scoring=scorer,
            seed=seed,
            refit=False,
            verbose=0,
            optimizer=optimizer,
            num_workers=options.workers,
        )
        return result.best_params_

    return run


def of_scikit_learn(make):
    def run(estimator, data, target, cv, scorer, seed):
        return make(estimator, cv, scorer, seed).fit(data, target).best_params_

    return run


def peers(options):
    """Return a function for each library by name: it searches, and returns the best parameters."""
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    common = {"n_jobs": options.workers, "refit": False}
    functions = {
        "Maggy": maggy_search(options, "tpe"),
        RANDOM: maggy_search(options, "randomsearch"),
        "GridSearchCV": of_scikit_learn(
            lambda estimator, cv, scorer, seed: GridSearchCV(
                estimator, GRID, cv=cv, scoring=scorer, **common
            )
        ),
        "RandomizedSearchCV": of_scikit_learn(
            lambda estimator, cv, scorer, seed: RandomizedSearchCV(
                estimator,
                distributions(),
                n_iter=CONFIGURATIONS,
                cv=cv,
                scoring=scorer,
                random_state=seed,
                **common,
            )
        ),
        "HalvingRandomSearchCV": of_scikit_learn(
            lambda estimator, cv, scorer, seed: HalvingRandomSearchCV(
                estimator,
                distributions(),
                n_candidates=CONFIGURATIONS,
                min_resources="exhaust",
                cv=cv,
                scoring=scorer,
                random_state=seed,
                return_train_score=False,
                **common,
            )
        ),
    }
    try:
        functions["OptunaSearchCV"] = optuna_search(common)
    except ImportError as error:
        print(f"OptunaSearchCV is missing: {error}")
    return functions


def optuna_search(common):
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna_integration.sklearn import OptunaSearchCV

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {
        "max_depth": IntDistribution(1, 20),
        "max_features": FloatDistribution(0.05, 1.0),
        "min_samples_leaf": IntDistribution(1, 50, log=True),
    }
    return of_scikit_learn(
        lambda estimator, cv, scorer, seed: OptunaSearchCV(
            estimator,
            space,
            n_trials=CONFIGURATIONS,
            cv=cv,
            scoring=scorer,
            random_state=seed,
            **common,
        )
    )


def measure(name, seed, functions, options, folder):
    """Return, for each library, its time, its runs and the scores of what it chose."""
    data, target = DATA_SETS[name]()
    estimator = forest_for(name, options.trees)
    kind = StratifiedKFold if is_classifier(estimator) else KFold
    cv = kind(FOLDS, shuffle=True, random_state=seed)
    measurements = {}
    for library, search in functions.items():
        path = f"{folder}/{name}-{seed}-{library}"
        with quiet():
            start = time.time()
            params = search(clone(estimator), data, target, cv, WritesScores(path), seed)
            seconds = time.time() - start
        scores = cross_val_score(
            clone(estimator).set_params(**params), data, target, cv=cv, n_jobs=options.workers
        )
        runs = Runs(path, start)
        if library == "HalvingRandomSearchCV":
            runs.complete = [(seconds, scores.mean())]
        measurements[library] = (seconds, runs, scores)
    return measurements


def warm_up(functions, options, folder):
    data, target = DATA_SETS["iris"]()
    for library, search in functions.items():
        with quiet():
            estimator = forest_for("iris", 2)
            search(estimator, data, target, KFold(FOLDS), WritesScores(f"{folder}/{library}"), 1)


def compare(name, seed, measurements):
    """Return what was measured in the searches of one seed on a data set, by library."""
    _, own_runs, own_scores = measurements["Maggy"]

    def to_same_score(runs, scores):
        target = min(own_scores.mean(), scores.mean())
        return runs.time_to(target) / own_runs.time_to(target)

    return {
        "data": name,
        "seed": seed,
        "seconds": {library: seconds for library, (seconds, _, _) in measurements.items()},
        "folds": {library: runs.folds for library, (_, runs, _) in measurements.items()},
        "to_same_score": {
            library: to_same_score(runs, scores)
            for library, (_, runs, scores) in measurements.items()
        },
        "scores": {
            library: float(scores.mean()) for library, (_, _, scores) in measurements.items()
        },
        "deviations": {
            library: float(scores.std()) for library, (_, _, scores) in measurements.items()
        },
    }


def mean(rows, library, key):
    return statistics.fmean(row[key][library] for row in rows)


def seconds_over_ours(rows, library):
    """Return the geometric mean of a library's time for the whole search over Maggy's."""
    return statistics.geometric_mean(
        row["seconds"][library] / row["seconds"]["Maggy"] for row in rows
    )


def to_same_score(rows, library):
    """Return the geometric mean of a library's time to the same score over Maggy's."""
    return statistics.geometric_mean(row["to_same_score"][library] for row in rows)


def gap(rows, library):
    """Return by how much a library's final score is better than Maggy's, in deviations."""
    difference = mean(rows, library, "scores") - mean(rows, "Maggy", "scores")
    return difference / (mean(rows, library, "deviations") or 1.0)


def show(rows, libraries):
    others = [library for library in libraries if library != "Maggy"]
    by_data = [list(group) for _, group in groupby(rows, key=lambda row: row["data"])]
    table(
        ["", "Maggy (s)", *others],
        [
            [
                group[0]["data"],
                f"{mean(group, 'Maggy', 'seconds'):.1f}",
                *(f"{seconds_over_ours(group, library):.2f}" for library in others),
            ]
            for group in by_data
        ],
        title="The whole search: seconds of Maggy, and of the others over Maggy's",
    )
    table(
        ["", *others],
        [
            [group[0]["data"], *(f"{to_same_score(group, library):.2f}" for library in others)]
            for group in by_data
        ],
        title="Time to the same score over Maggy's",
    )
    table(
        ["", "Maggy", *others],
        [
            [
                group[0]["data"],
                f"{mean(group, 'Maggy', 'scores'):.4f}",
                *(f"{gap(group, library):+.2f}" for library in others),
            ]
            for group in by_data
        ],
        title="The final score of Maggy, and how much better the others are, in deviations",
    )
    table(
        ["", "whole search", "to the same score", "slower on", "folds", "gap", "largest gap"],
        [
            [
                library,
                f"{seconds_over_ours(rows, library):.2f}",
                f"{to_same_score(rows, library):.2f}",
                f"{sum(to_same_score(group, library) > 1 for group in by_data)} of {len(by_data)}",
                f"{mean(rows, library, 'folds'):.0f}",
                f"{statistics.median(gap(group, library) for group in by_data):+.2f}",
                f"{max(gap(group, library) for group in by_data):+.2f}",
            ]
            for library in libraries
        ],
        title="Time over Maggy's, and the gap in the final score, over all data sets",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trees", type=int, default=20, help="trees of a forest")
    parser.add_argument("--seeds", type=int, default=8, help="searches on each data set")
    parser.add_argument("--data", nargs="*", default=list(DATA_SETS), choices=list(DATA_SETS))
    parser.add_argument("--read", help="only show the rows that an earlier run printed to a file")
    options = parser.parse_args()
    if options.read:
        lines = Path(options.read).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.startswith('{"data"')]
        show(rows, list(rows[0]["seconds"]))
        return
    warnings.filterwarnings("ignore")
    functions = peers(options)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAGGY_LOG_DIR"] = f"{folder}/experiments"
        session = quiet_session(options.workers)
        warm_up(functions, options, folder)
        rows = []
        for position, name in enumerate(DATA_SETS):
            if name not in options.data:
                continue
            for seed in range(position * 1000, position * 1000 + options.seeds):
                found = measure(name, seed, functions, options, folder)
                rows.append(compare(name, seed, found))
                print(json.dumps(rows[-1]), flush=True)
        session.stop()
    print(f"{CONFIGURATIONS} configurations, {FOLDS} folds, {options.workers} workers")
    show(rows, list(functions))
    json_line(
        "sklearn_search",
        {"trees": options.trees, "seeds": options.seeds, "load": os.getloadavg()[0]},
    )


if __name__ == "__main__":
    main()
