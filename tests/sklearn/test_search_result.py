"""The result has the attributes of scikit-learn's searches, and chooses among whole runs only."""

import pickle

import numpy as np
import pytest
from helpers.estimators import Scripted
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring

from maggy.common.exceptions import BadArgumentsError, ExperimentError
from maggy.result import build_result
from maggy.sklearn import SearchResult

X, Y = load_iris(return_X_y=True)


def result_of(means, status, *, choose=None, estimator=None):
    table = {
        "status": np.array(status, dtype=object),
        "mean_test_score": np.array(means, dtype=float),
        "rank_test_score": np.argsort(np.argsort(-np.nan_to_num(means, nan=-9))) + 1,
        "params": [{"C": float(index + 1)} for index in range(len(means))],
    }
    trials = build_result([], kind="optimization", direction="max", optimization_key="score")
    estimator = estimator or LogisticRegression(tol=0.1)
    scorer = check_scoring(estimator)
    return SearchResult(
        trials, table, estimator=estimator, scorer=scorer, n_splits=3, choose=choose
    )


def test_the_best_has_the_highest_mean_of_all_that_ran_on_every_fold():
    result = result_of([0.3, np.nan, 0.8, 0.5], ["complete", "stopped", "complete", "complete"])
    assert (result.best_index_, result.best_score_, result.best_params_) == (2, 0.8, {"C": 3.0})


def test_without_a_configuration_on_all_folds_there_is_no_result():
    with pytest.raises(ExperimentError, match="but 1 were stopped and 2 failed"):
        result_of([np.nan] * 3, ["stopped", "failed", "failed"])


def test_a_function_may_choose_but_no_stopped_configuration():
    status = ["complete", "stopped", "complete"]
    assert result_of([0.3, np.nan, 0.8], status, choose=lambda table: 0).best_index_ == 0
    for index in (1, 3, -1, None, 0.0, "0", True):
        with pytest.raises(BadArgumentsError, match="run on all folds"):
            result_of([0.3, np.nan, 0.8], status, choose=lambda table, index=index: index)
    with pytest.raises(BadArgumentsError, match=r"raised KeyError: 'std'.* resume=.*another refit"):
        result_of([0.3], ["complete"], choose=lambda table: table["std"])


def test_it_predicts_and_scores_with_the_best_estimator():
    result = result_of([0.3, 0.8], ["complete"] * 2)
    result.refit(X, Y, {})
    expected = LogisticRegression(tol=0.1, C=2.0).fit(X, Y)
    assert (result.predict(X) == expected.predict(X)).all()
    assert (result.predict_proba(X) == expected.predict_proba(X)).all()
    assert result.score(X, Y) == expected.score(X, Y)
    assert (list(result.classes_), result.n_features_in_) == ([0, 1, 2], 4)
    assert is_classifier(result)
    assert result.refit_time_ > 0
    again = pickle.loads(pickle.dumps(result))
    assert (again.predict(X) == expected.predict(X)).all()


def test_it_has_only_the_methods_of_its_estimator():
    result = result_of([0.3], ["complete"])
    result.refit(X, Y, {})
    assert hasattr(result, "decision_function")
    assert not hasattr(result, "transform")
    with pytest.raises(AttributeError, match="SearchResult has no attribute 'fit_predict'"):
        _ = result.fit_predict


def test_without_refit_there_is_no_best_estimator():
    result = result_of([0.3], ["complete"])
    assert not hasattr(result, "predict")
    with pytest.raises(AttributeError, match="'best_estimator_'; it exists with refit=True"):
        _ = result.best_estimator_


def test_a_clone_is_a_new_estimator_with_the_best_parameters():
    result = result_of([0.3, 0.8], ["complete"] * 2)
    result.refit(X, Y, {})
    copy = clone(result)
    assert isinstance(copy, LogisticRegression)
    assert (copy.C, copy.tol, hasattr(copy, "classes_")) == (2.0, 0.1, False)


def test_the_refit_gets_all_rows_and_further_arguments():
    result = result_of([0.3], ["complete"], estimator=Scripted())
    result.cv_results_["params"][0].clear()
    weights = np.ones(len(X))
    result.refit(X, Y, {"sample_weight": weights})
    assert result.best_estimator_.rows_ == len(X)
    assert result.best_estimator_.weights_ is weights


def test_a_refit_that_fails_says_how_to_get_the_result_without_training():
    result = result_of([0.3], ["complete"])
    with pytest.raises(
        ExperimentError, match=r"ValueError.*resume=.* and refit=False\.$"
    ) as caught:
        result.refit(X, Y[1:], {})
    assert isinstance(caught.value.__cause__, ValueError)
    assert not hasattr(result, "best_estimator_")


def test_no_error_shows_the_password_of_the_records_url():
    result = result_of([0.3], ["complete"])
    result.result.directory = "s3://user:secret@bucket/runs/app_1"
    with pytest.raises(ExperimentError, match=r"resume='s3://\*\*\*@bucket/runs/app_1'"):
        result.refit(X, Y[1:], {})


def test_its_text_shows_the_best():
    assert repr(result_of([0.75], ["complete"])) == (
        "SearchResult(best_score_=0.75, best_params_={'C': 1.0})"
    )
