"""Check the arguments of a search before Spark starts. An error names the rule and the value."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from maggy.common.exceptions import BadArgumentsError, MissingDependencyError
from maggy.common.json_values import as_number, closest
from maggy.experiment_config import OptimizationConfig
from maggy.experiment_config.unknown_keywords import unknown_keyword
from maggy.optimizer import resolve_optimizer
from maggy.sklearn.types import Data, Estimator, Split

__all__ = [
    "check_config",
    "check_data",
    "check_error_score",
    "check_estimator",
    "check_names",
    "check_optimizer",
    "check_refit",
    "check_scoring_argument",
    "check_splits",
]

_SET_BY_SEARCH = {
    "searchspace": "Pass the space as the fourth argument.",
    "direction": "A scorer of scikit-learn is always higher for a better model.",
    "optimization_key": "The metric is the mean test score.",
    "model": "Pass the estimator as the first argument.",
    "dataset": "Pass X and y.",
}

_OF_SCIKIT_LEARN = {
    "n_iter": "num_trials is the number of configurations.",
    "n_jobs": "num_workers is the number of workers; Spark's cores are the default.",
    "random_state": "seed fixes the suggestions.",
    "param_grid": "space is the search space.",
    "param_distributions": "space is the search space.",
    "return_train_score": "Only test scores are computed.",
}
"""Arguments of scikit-learn's searches, with what there is instead."""


def check_estimator(estimator: Estimator) -> None:
    """Refuse what is not an estimator of scikit-learn.

    Raises:
        BadArgumentsError: If it is a class, or lacks a method.
    """
    if isinstance(estimator, type):
        raise BadArgumentsError(
            f"estimator must be an instance, but got the class {estimator.__name__}. "
            f"Write {estimator.__name__}()."
        )
    for method in ("fit", "get_params", "set_params"):
        if not callable(getattr(estimator, method, None)):
            raise BadArgumentsError(
                f"estimator must be an estimator of scikit-learn, but {type(estimator).__name__} "
                f"has no method {method}. Derive your own class from sklearn.base.BaseEstimator."
            )


def check_data(X: Data, y: Data) -> None:  # noqa: N803 (scikit-learn's name)
    """Refuse data that stays on the cluster.

    Raises:
        BadArgumentsError: If X or y is a data frame or a column of Spark, or shared data.
    """
    for name, data in (("X", X), ("y", y)):
        if type(data).__module__.startswith("maggy.data."):
            raise BadArgumentsError(
                f"{name} must be an array or a data frame of pandas, but it is {data!r:.80}. "
                f"Pass what its {'pandas' if name == 'X' else 'numpy'}() returns."
            )
        if type(data).__module__.partition(".")[0] == "pyspark":
            raise BadArgumentsError(
                f"{name} must fit into the memory of a worker, but it is a "
                f"{type(data).__name__} of Spark. Pass what its toPandas() returns."
            )


def check_scoring_argument(scoring: object) -> None:
    """Refuse several metrics at once.

    Raises:
        BadArgumentsError: If the argument is not one metric.
    """
    if scoring is None or isinstance(scoring, str) or callable(scoring):
        return
    raise BadArgumentsError(
        "scoring must be the name of one metric, such as 'roc_auc', a scorer or None, "
        f"but got {scoring!r:.80}."
    )


def check_refit(refit: object) -> None:
    """Refuse a value of ``refit`` that names a metric or nothing.

    Raises:
        BadArgumentsError: If it is neither a bool nor a function.
    """
    if isinstance(refit, bool) or callable(refit):
        return
    raise BadArgumentsError(
        "refit must be True, False, or a function that returns best_index_ for cv_results_, "
        f"but got {refit!r:.80}."
    )


def check_error_score(error_score: object) -> float:
    """Return the error score as a float.

    Raises:
        BadArgumentsError: If it is not a finite number or NaN.
    """
    number = as_number(error_score)
    if number is None or math.isinf(number):
        raise BadArgumentsError(
            "error_score must be a number or NaN, with which a trial fails alone, "
            f"but got {error_score!r:.80}. fail_fast=True ends the search at the first failure."
        )
    return float(number)


def check_names(names: Collection[str], estimator: Estimator) -> None:
    """Refuse a hyperparameter that the estimator does not have.

    A name such as ``scaler__with_mean`` is accepted without a further check if ``scaler`` is itself
    a hyperparameter, because its choices may have other parameters.

    Raises:
        BadArgumentsError: If there is no parameter of a name.
    """
    parameters = estimator.get_params(deep=True)
    for name in names:
        parts = name.split("__")
        parents = {"__".join(parts[:count]) for count in range(1, len(parts))}
        if name not in parameters and parents.isdisjoint(names):
            raise BadArgumentsError(
                f"Each name in the space must be a parameter of {type(estimator).__name__}, but "
                f"it has no {name!r}.{closest(name, list(parameters))} "
                f"It has: {', '.join(parameters)}."
            )


def check_config(config: Mapping[str, object], own_names: Collection[str]) -> None:
    """Refuse arguments that the search sets, those of scikit-learn's searches, and unknown ones.

    Args:
        config: The further arguments of the call.
        own_names: The arguments that the search itself has.

    Raises:
        TypeError: If there is one.
    """
    for name, instead in _OF_SCIKIT_LEARN.items():
        if name in config:
            raise TypeError(f"maggy.sklearn.search has no argument {name}. {instead}")
    for name, remedy in _SET_BY_SEARCH.items():
        if name in config:
            raise TypeError(f"maggy.sklearn.search sets {name} itself. {remedy}")
    of_config = [field.name for field in fields(OptimizationConfig) if field.init]
    names = [*own_names, *(name for name in of_config if name not in (*own_names, *_SET_BY_SEARCH))]
    for name, value in config.items():
        if name not in names:
            raise unknown_keyword("maggy.sklearn.search", name, value, names)


def check_splits(splits: Sequence[Split], num_rows: int, cv: object) -> None:
    """Refuse folds that are not rows of the data.

    Args:
        splits: The rows of each fold.
        num_rows: Number of rows of the data.
        cv: The argument from which the folds were made.

    Raises:
        BadArgumentsError: If there is no fold, or one that is no pair of rows of the data.
    """
    if not splits:
        raise BadArgumentsError(f"cv must give at least one fold, but {cv!r:.80} gives none.")
    for number, split in enumerate(splits):
        is_pair = isinstance(split, (tuple, list, np.ndarray)) and len(split) == 2
        if not (is_pair and all(_are_rows(part, num_rows) for part in split)):
            raise BadArgumentsError(
                "Each fold of cv must be a pair of the rows to train with and the rows to test "
                f"with, as numbers from 0 to {num_rows - 1} or as {num_rows} booleans, but fold "
                f"{number} is {split!r:.120}."
            )


def _are_rows(part: object, num_rows: int) -> bool:
    try:
        rows = np.asarray(part)
    except ValueError:  # lists of several lengths
        return False
    if rows.ndim != 1 or not len(rows):
        return False
    if rows.dtype.kind == "b":
        return len(rows) == num_rows and bool(rows.any())
    # Negative numbers count from the end, as in numpy.
    is_inside = rows.dtype.kind in "iu" and -num_rows <= rows.min() and rows.max() < num_rows
    return bool(is_inside)


def check_optimizer(optimizer: Any) -> None:  # noqa: ANN401 (a name or an instance)
    """Refuse an optimizer that sets budgets.

    Raises:
        BadArgumentsError: If there is none of this name, or if it gives trials a budget.
        TypeError: If it is of another type.
        MissingDependencyError: If a package that it needs is not installed.
    """
    try:
        instance = resolve_optimizer(optimizer)
    except MissingDependencyError as error:
        raise MissingDependencyError(
            f"{error}. Or pass optimizer='randomsearch', which needs no other package."
        ) from error
    if instance.can_be_sampler and instance.pruner is None:
        return
    raise BadArgumentsError(
        f"The optimizer must suggest hyperparameters and nothing else, but {instance.name()} sets "
        "a budget, or suggests none. Pass 'randomsearch', 'gridsearch' or 'tpe'; es_policy stops "
        "bad configurations early."
    )
