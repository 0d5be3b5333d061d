"""The one call that searches for the hyperparameters of an estimator: ``search``."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from maggy.common.exceptions import BadArgumentsError
from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.experiment import lagom
from maggy.optimizer import AbstractOptimizer
from maggy.searchspace import Searchspace
from maggy.searchspace.parameter_rules import WrittenSpec
from maggy.sklearn.checks import (
    check_config,
    check_data,
    check_error_score,
    check_estimator,
    check_names,
    check_optimizer,
    check_refit,
    check_scoring_argument,
    check_splits,
)
from maggy.sklearn.cross_validation import METRIC, CrossValidation
from maggy.sklearn.cv_results import make_cv_results
from maggy.sklearn.object_choices import ObjectChoices
from maggy.sklearn.search_config import SearchConfig, describe_comparison, describe_folds
from maggy.sklearn.search_result import SearchResult
from maggy.sklearn.types import Data, Estimator, Scorer
from maggy.sklearn.worst_fold_rule import WorstFoldRule

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["search"]

ES_MIN: Final = 4
"""The default of ``es_min``, which is another one than that of a config."""


def search(
    estimator: Estimator,
    X: Data,  # noqa: N803 (scikit-learn's name)
    y: Data,
    space: Searchspace | Mapping[str, WrittenSpec],
    *,
    cv: Any = 5,  # noqa: ANN401 (scikit-learn has no class for all splitters)
    num_trials: int | None,
    scoring: str | Scorer | None = None,
    seed: int | None = None,
    optimizer: str | AbstractOptimizer | BaseSampler = "tpe",
    refit: bool | Callable[[Mapping[str, Any]], int] = True,
    groups: Data = None,
    fit_params: Mapping[str, Any] | None = None,
    error_score: float = math.nan,
    **config: Any,  # noqa: ANN401 (the config checks them)
) -> SearchResult:
    """Search for the best hyperparameters of an estimator by cross-validation on Spark.

    Each configuration is a trial, and each fold is a step that reports the mean of the scores so
    far. So a configuration that does badly on the first folds is stopped there, and its worker
    begins with the next one. Only configurations that have run on all folds can be the best.

    These defaults are not those of a config, since steps are few and folds are equal:

    * ``optimizer`` is ``'tpe'``, which suggests configurations like the good ones so far.
    * ``es_policy`` is :class:`WorstFoldRule`: a configuration is stopped when its mean so far is
      worse than the worst fold of the best one. The best one is rarely lost by this.
      ``'successivehalving'`` stops two thirds after the first fold, and more of them later; it
      loses the best one more often.
    * ``es_min`` is 4, for ``'median'`` and ``'percentile'``: five ended trials on the same folds
      are enough for a median.

    After each fold the worker waits for the driver's decision, which takes milliseconds, so no fold
    is trained in vain.

    The data, the folds and the estimator are sent to each worker once. ``seed`` fixes the
    suggestions; what the estimator itself draws is fixed by its own ``random_state``.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.svm import SVC
        >>> X, y = load_iris(return_X_y=True)
        >>> space = {"C": ("DOUBLE", [0.01, 100], "log"), "kernel": ("CATEGORICAL", ["rbf"])}
        >>> result = search(SVC(), X, y, space, num_trials=20, seed=1)  # doctest: +SKIP
        >>> result.best_params_, result.best_score_  # doctest: +SKIP
        ({'C': 2.3, 'kernel': 'rbf'}, 0.98)

    Early stopping of cross-validation: Bergman, Purucker and Hutter, "Don't Waste Your Time: Early
    Stopping Cross-Validation", AutoML 2024.

    Args:
        estimator: The estimator or pipeline. It is cloned and never changed.
        X: The data, in any form that scikit-learn takes.
        y: The targets, or None.
        space: The search space, or a dict from which one is made. The names are those of
            ``estimator.get_params()``, such as ``svc__C``. The choices of a ``CATEGORICAL`` in a
            dict may be any objects, such as estimators.
        cv: Number of folds, a splitter, or an iterable of splits, as scikit-learn takes it. A
            number means stratified folds for a classifier. The folds are made once.
        num_trials: Number of configurations. None is for ``optimizer='gridsearch'``.
        scoring: The metric, as scikit-learn takes it: a name or a scorer. None, the default, is the
            estimator's own ``score``. Several metrics are refused.
        seed: The same seed gives the same suggestions: always with ``'randomsearch'``; with
            ``'tpe'`` if the trials end in the same order, as with ``num_workers=1``. None draws a
            new one.
        optimizer: What suggests the configurations, as in
            :class:`~maggy.experiment_config.OptimizationConfig`; not one with budgets, such as
            ``'asha'``. The default is ``'tpe'``, which needs Optuna; ``'randomsearch'`` needs
            nothing.
        refit: Whether to fit the best configuration on all data, on the driver. A function gets
            ``cv_results_`` and returns the index of the best configuration.
        groups: The groups of the rows, for splitters such as ``GroupKFold``.
        fit_params: Further arguments of ``fit``, such as ``sample_weight``. What has a value for
            each row is split like the rows.
        error_score: The score of a fold whose fit raises an error. With NaN, the default, the whole
            trial fails, and only this trial.
        **config: Further arguments of :class:`~maggy.experiment_config.OptimizationConfig`, such as
            ``num_workers``, ``es_policy``, ``max_seconds`` and ``log_dir``.

    Returns:
        A :class:`SearchResult`.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
        TypeError: If an argument is of another type or does not exist.
        ValueError: If scikit-learn refuses the folds or the data.
        ResumeError: If ``resume`` names a search with other data, folds, scoring or kind of
            estimator.
        MissingDependencyError: If scikit-learn, or a package of the optimizer, is not installed.
        ExperimentError: If no configuration has run on all folds, or the best one cannot be fitted
            on all data.
    """
    import_optional("sklearn", "maggy.sklearn.search", install_command("sklearn"))
    from sklearn import get_config
    from sklearn.base import is_classifier
    from sklearn.metrics import check_scoring
    from sklearn.model_selection import check_cv
    from sklearn.utils import indexable

    own_names = inspect.signature(search).parameters
    check_config(config, [name for name in own_names if name != "config"])
    check_estimator(estimator)
    check_data(X, y)
    check_scoring_argument(scoring)
    check_refit(refit)
    if fit_params is not None and not isinstance(fit_params, Mapping):
        raise BadArgumentsError(f"fit_params must be a dict or None, but got {fit_params!r:.80}.")
    error_score = check_error_score(error_score)
    choices = ObjectChoices(space)
    check_names(choices.space.keys(), estimator)
    options: dict[str, Any] = {
        "name": f"{type(estimator).__name__} search",
        "es_policy": WorstFoldRule(),
        "es_min": ES_MIN,
        **config,
        "seed": seed,
        "optimization_key": METRIC,
    }
    if isinstance(options.get("initial_trials"), (list, tuple)):
        options["initial_trials"] = [
            choices.label(params) if isinstance(params, Mapping) else params
            for params in options["initial_trials"]
        ]
    check_optimizer(optimizer)
    experiment = SearchConfig(num_trials, optimizer, choices.space, **options)
    X, y, groups = indexable(X, y, groups)  # noqa: N806
    if isinstance(cv, type):
        raise BadArgumentsError(
            f"cv must be an instance, but got the class {cv.__name__}. Write {cv.__name__}()."
        )
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    splits = list(splitter.split(X, y, groups))
    check_splits(splits, X.shape[0] if hasattr(X, "shape") else len(X), cv)
    if describe_folds(splits) != describe_folds(list(splitter.split(X, y, groups))):
        warnings.warn(
            "The folds of cv differ in each call, so resume= will refuse to go on with this "
            "search. To fix them, give the splitter a number as its random_state.",
            stacklevel=2,
        )
    training = CrossValidation(
        estimator=estimator,
        X=X,
        y=y,
        splits=splits,
        scorer=check_scoring(estimator, scoring=scoring),
        choices=choices,
        fit_params=dict(fit_params or {}),
        error_score=error_score,
        settings=get_config(),
    )
    experiment.comparison = describe_comparison(
        estimator, X, y, splits, scoring, training.fit_params
    )
    result = lagom(training, experiment)
    search_result = SearchResult(
        result,
        make_cv_results(result.trials, choices, len(splits)),
        estimator=estimator,
        scorer=training.scorer,
        n_splits=len(splits),
        choose=None if isinstance(refit, bool) else refit,
    )
    if refit:
        search_result.refit(X, y, training.fit_params)
    return search_result
