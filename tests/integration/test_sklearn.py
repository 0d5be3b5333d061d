"""Searches over real estimators of scikit-learn on a real Spark session."""

import numpy as np
import pytest
from helpers import estimators
from helpers.estimators import Scripted
from pyspark import cloudpickle
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

import maggy.sklearn

cloudpickle.register_pickle_by_value(estimators)  # the workers cannot import it

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]


def test_a_search_over_a_pipeline_finds_what_cross_val_score_confirms():
    X, y = load_breast_cancer(return_X_y=True)  # noqa: N806
    pipeline = make_pipeline(StandardScaler(), SVC())
    space = {
        "standardscaler": ("CATEGORICAL", [StandardScaler(), MinMaxScaler(), "passthrough"]),
        "svc__C": ("DOUBLE", [1e-3, 1e3], "log"),
        "svc__class_weight": ("CATEGORICAL", [None, {0: 1, 1: 3}]),
    }
    folds = KFold(4, shuffle=True, random_state=0)
    result = maggy.sklearn.search(pipeline, X, y, space, cv=folds, num_trials=8, seed=1, verbose=0)
    scores = cross_val_score(clone(result), X, y, cv=folds)
    assert result.best_score_ == scores.mean()
    table = result.cv_results_
    best = [table[f"split{fold}_test_score"][result.best_index_] for fold in range(4)]
    assert best == list(scores)
    assert len(table["params"]) == 8
    assert result.best_score_ > 0.9
    expected = clone(pipeline).set_params(**result.best_params_).fit(X, y)
    assert (result.predict(X) == expected.predict(X)).all()
    assert not hasattr(pipeline[-1], "classes_")
    outputs = {trial["trial_id"]: trial["outputs"] for trial in result.result.trials}
    assert outputs[table["trial_id"][result.best_index_]]["test_scores"] == list(scores)


def test_a_bad_configuration_is_stopped_and_one_that_fails_costs_only_itself():
    X, y = load_iris(return_X_y=True)  # noqa: N806
    qualities = [0.6, 0.7, 0.8, 0.2, -0.5, 0.9]
    result = maggy.sklearn.search(
        # Twenty bad folds take eight seconds, and a heartbeat a tenth of one.
        Scripted(seconds=0.4),
        X,
        y,
        {"quality": ("DOUBLE", [-1, 1])},
        cv=20,
        num_trials=6,
        initial_trials=[{"quality": quality} for quality in qualities],
        num_workers=1,
        es_min=2,
        verbose=0,
    )
    table = result.cv_results_
    assert list(table["status"]) == ["complete"] * 3 + ["stopped", "failed", "complete"]
    assert table["split0_test_score"][3] == 0.2
    assert np.isnan(table["split19_test_score"][3])
    assert (result.best_params_, result.best_score_) == ({"quality": 0.9}, pytest.approx(0.9))
    (failure,) = [trial for trial in result.result.trials if trial["status"] == "ERROR"]
    assert "the quality is -0.5" in failure["error"]
