"""The result of a search over an estimator, with the attributes of scikit-learn's searches."""

from __future__ import annotations

import numbers
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import BadArgumentsError, ExperimentError
from maggy.result import ExperimentResult
from maggy.sklearn.cv_results import COMPLETE, FAILED, STOPPED
from maggy.sklearn.types import Data, Estimator, Scorer

__all__ = ["SearchResult"]

_OF_BEST_ESTIMATOR = frozenset(
    {"classes_", "decision_function", "feature_names_in_", "inverse_transform", "n_features_in_"}
    | {"predict", "predict_log_proba", "predict_proba", "score_samples", "transform"}
    | {"__sklearn_tags__", "_estimator_type"}
)
"""The attributes of the best estimator that its search has, too."""


class SearchResult:
    """What a search has found, with the attributes of ``GridSearchCV``.

    A configuration that was stopped or has failed is never the best one, whatever its score was.
    The methods of the best estimator are those of this object, too: ``predict``,
    ``predict_proba``, ``decision_function``, ``transform`` and so on, and ``classes_``.
    ``sklearn.base.clone`` returns a new estimator with the best parameters, not fitted. It has no
    ``fit``; functions that ask for a fitted estimator, such as ``permutation_importance``, take
    ``best_estimator_``.

    Args:
        result: The attribute of this name.
        cv_results: The attribute ``cv_results_``.
        estimator: The estimator that was searched for.
        scorer: The attribute ``scorer_``.
        n_splits: The attribute ``n_splits_``.
        choose: Returns ``best_index_`` for ``cv_results_``; None for the best mean test score.

    Attributes:
        best_index_: The index of the best configuration in ``cv_results_``.
        best_params_: The parameters of the best configuration, with objects as you wrote them.
        best_score_: The mean of its test scores: what ``cross_val_score`` returns on the same
            folds, averaged.
        best_estimator_: The estimator with these parameters, fitted on all data. It does not exist
            with ``refit=False``.
        refit_time_: Seconds that this fit took.
        cv_results_: The table of scikit-learn as a dict of columns, in the order of suggestion.
            Stopped and failed configurations have NaN for each fold that was not run and for the
            mean, and share the last rank. Two columns more: ``status``, which is ``"complete"``,
            ``"stopped"`` or ``"failed"``, and ``trial_id``. Stopped configurations have no times.
        scorer_: The scorer.
        n_splits_: Number of folds.
        result: The :class:`~maggy.result.ExperimentResult`, with tables, plots and the records. It
            compares the last running means, so its best trial may be one that was stopped.

    Raises:
        ExperimentError: If no configuration has run on all folds.
        BadArgumentsError: If the function chooses a configuration that has not.
    """

    best_estimator_: Estimator
    refit_time_: float

    def __init__(
        self,
        result: ExperimentResult,
        cv_results: Mapping[str, Any],
        *,
        estimator: Estimator,
        scorer: Scorer,
        n_splits: int,
        choose: Callable[[Mapping[str, Any]], int] | None = None,
    ) -> None:
        self.result = result
        self.cv_results_ = dict(cv_results)
        self.scorer_ = scorer
        self.n_splits_ = n_splits
        self.best_index_ = _best_index(self.cv_results_, choose, result.directory)
        self.best_params_: dict[str, Any] = self.cv_results_["params"][self.best_index_]
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])
        self._estimator = estimator

    def __sklearn_clone__(self) -> Estimator:
        """Return a new estimator with the best parameters, not fitted."""
        from sklearn.base import clone

        params = clone(self.best_params_, safe=False)
        return clone(self._estimator).set_params(**params)

    def refit(self, X: Data, y: Data, fit_params: Mapping[str, Any]) -> None:  # noqa: N803
        """Fit an estimator with the best parameters, and keep it as ``best_estimator_``.

        Args:
            X: All data.
            y: All targets, or None.
            fit_params: Further arguments of ``fit``.

        Raises:
            ExperimentError: If the fit fails.
        """
        start = time.perf_counter()
        try:
            estimator = self.__sklearn_clone__()
            if y is None:
                estimator.fit(X, **fit_params)
            else:
                estimator.fit(X, y, **fit_params)
        except Exception as error:
            raise ExperimentError(
                "The best configuration must be fitted on all data with refit=True, but "
                f"{type(error).__name__}: {error} was raised. "
                + _how_to_get(self.result.directory, "refit=False")
            ) from error
        self.refit_time_ = time.perf_counter() - start
        self.best_estimator_ = estimator

    def score(self, X: Data, y: Data = None) -> float:  # noqa: N803 (scikit-learn's name)
        """Return the score of the best estimator on other data, by ``scorer_``.

        Args:
            X: The data.
            y: The targets, or None.
        """
        if y is None:
            return self.scorer_(self.best_estimator_, X)
        return self.scorer_(self.best_estimator_, X, y)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (as the estimator has it)
        if name in _OF_BEST_ESTIMATOR:
            return getattr(self.best_estimator_, name)
        hint = "; it exists with refit=True" if name in ("best_estimator_", "refit_time_") else ""
        raise AttributeError(f"SearchResult has no attribute {name!r}{hint}.")

    def __repr__(self) -> str:
        return f"SearchResult(best_score_={self.best_score_:.6g}, best_params_={self.best_params_})"


def _best_index(
    cv_results: Mapping[str, Any],
    choose: Callable[[Mapping[str, Any]], int] | None,
    directory: str | None,
) -> int:
    status = cv_results["status"]
    is_complete = status == COMPLETE
    if not is_complete.any():
        raise ExperimentError(
            "At least one configuration must run on all folds, but "
            f"{(status == STOPPED).sum()} were stopped and {(status == FAILED).sum()} failed. "
            f"maggy.load({_shown(directory)}).trials says why."
        )
    if choose is None:
        return int(np.argmin(cv_results["rank_test_score"]))
    another = _how_to_get(directory, "another refit")
    try:
        index = choose(cv_results)
    except Exception as error:
        raise BadArgumentsError(
            "The function refit must return the index of a configuration, but raised "
            f"{type(error).__name__}: {error}. {another}"
        ) from error
    is_index = isinstance(index, numbers.Integral) and not isinstance(index, bool)
    if not is_index or not 0 <= index < len(is_complete) or not is_complete[index]:
        raise BadArgumentsError(
            "The function refit must return the index of a configuration that has run on all "
            f"folds, but returned {index!r:.80}. Choose where cv_results_['status'] is 'complete'. "
            + another
        )
    return int(index)


def _how_to_get(directory: str | None, change: str) -> str:
    return (
        "To get what was found, without a new training, call search again with "
        f"resume={_shown(directory)} and {change}."
    )


def _shown(directory: str | None) -> str:
    """Return a directory as an argument, without the password that its URL may hold."""
    return repr(without_credentials(directory or ""))
