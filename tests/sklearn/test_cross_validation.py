"""The training function runs the folds of scikit-learn one by one, and reports running means."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.estimators import Scripted
from sklearn import config_context, get_config
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from maggy.common.exceptions import BadArgumentsError, EarlyStopException
from maggy.core.reporter import Reporter
from maggy.sklearn.cross_validation import CrossValidation
from maggy.sklearn.object_choices import ObjectChoices

X, Y = load_iris(return_X_y=True)
FOLDS = StratifiedKFold(5, shuffle=True, random_state=3)


def training_of(estimator, space=None, *, error_score=math.nan, fit_params=None):
    return CrossValidation(
        estimator,
        X,
        Y,
        list(FOLDS.split(X, Y)),
        check_scoring(estimator),
        ObjectChoices(space or {}),
        fit_params or {},
        error_score,
    )


def points_of(reporter):
    return reporter.waiting()[1]


def test_the_metric_is_the_mean_of_cross_val_score_and_each_step_the_mean_so_far():
    estimator = make_pipeline(StandardScaler(), SVC())
    reporter = Reporter()
    value = training_of(estimator)({"svc__C": 0.05}, reporter)
    expected = cross_val_score(estimator.set_params(svc__C=0.05), X, Y, cv=FOLDS)
    assert value["test_scores"] == list(expected)
    assert value["mean_test_score"] == expected.mean()
    assert points_of(reporter) == [(k, expected[:k].mean()) for k in range(1, 6)]
    assert len(value["fit_times"]) == len(value["score_times"]) == 5


def test_the_estimator_and_the_choices_are_not_changed():
    estimator, scaler = make_pipeline(StandardScaler(), SVC()), StandardScaler(with_mean=False)
    space = {"standardscaler": ("CATEGORICAL", [scaler, "passthrough"])}
    (label, _) = ObjectChoices(space).space.get("standardscaler")
    params = {"standardscaler": label, "standardscaler__with_std": False, "svc__C": 3.0}
    training_of(estimator, space)(params, Reporter())
    assert estimator.get_params()["svc__C"] == 1.0
    assert scaler.with_std
    assert not hasattr(scaler, "mean_")
    assert not hasattr(estimator[-1], "classes_")


def test_a_random_state_that_is_a_generator_gives_what_cross_val_score_gives():
    estimator = LogisticRegression(solver="saga", max_iter=5000, tol=0.01)
    estimator.set_params(random_state=np.random.RandomState(7))
    expected = cross_val_score(estimator, X, Y, cv=FOLDS)
    assert training_of(estimator)({"C": 1.0}, Reporter())["test_scores"] == list(expected)


def test_what_has_a_value_for_each_row_is_split_like_the_rows():
    weights = np.arange(len(X), dtype=float)

    class Checking(Scripted):
        def fit(self, X, y, sample_weight=None):  # noqa: N803
            assert len(sample_weight) == len(X) == 120
            return super().fit(X, y)

    training_of(Checking(), fit_params={"sample_weight": weights})({"quality": 0.7}, Reporter())


class StopsAfter(Reporter):
    """A reporter that is told to stop when it has flushed this number of points."""

    def __init__(self, count):
        super().__init__()
        self._count = count

    def broadcast(self, metric, step=None):
        if step > self._count:
            self.stop()
        super().broadcast(metric, step)

    def flush(self):
        super().flush()
        if self.last_step == self._count:
            self.stop()


def test_a_trial_that_is_told_to_stop_trains_no_further_fold():
    reporter = StopsAfter(2)
    with pytest.raises(EarlyStopException):
        training_of(Scripted())({"quality": 0.1}, reporter)
    assert len(points_of(reporter)) == 3


def test_a_trial_that_is_stopped_after_a_fold_does_not_begin_with_the_next_one():
    reporter = Reporter(lambda: reporter.last_step == 2 and reporter.stop())
    with pytest.raises(EarlyStopException):
        training_of(Scripted())({"quality": 0.1}, reporter)
    assert len(points_of(reporter)) == 2


def test_an_order_to_stop_during_the_last_fold_comes_too_late():
    reporter = StopsAfter(4)
    assert training_of(Scripted())({"quality": 0.1}, reporter)["mean_test_score"] == 0.1
    assert reporter.stop_metric is None


def test_an_error_of_a_fold_is_that_of_the_trial():
    with pytest.raises(ValueError, match="the quality is -1"):
        training_of(Scripted())({"quality": -1}, Reporter())


def test_an_error_score_takes_the_place_of_a_fold_that_fails():
    reporter = Reporter()
    value = training_of(Scripted(), error_score=0.25)({"quality": -1}, reporter)
    assert value["test_scores"] == [0.25] * 5
    assert "A fold counts as 0.25. ValueError: the quality is -1" in str(reporter.waiting()[3])


def test_transformers_in_a_trial_return_what_the_driver_has_set():
    columns = make_column_transformer((MinMaxScaler(), ["pca0"]), remainder="passthrough")
    training = training_of(make_pipeline(PCA(2), columns, LogisticRegression()))
    with pytest.raises(ValueError, match="only supported for"):
        training({}, Reporter())
    before = get_config()
    with config_context(transform_output="pandas"):
        settings = {**get_config(), "of_another_release": True}
    assert len(replace(training, settings=settings)({}, Reporter())["test_scores"]) == 5
    assert get_config() == before


def test_arguments_in_a_trial_are_routed_as_the_driver_has_set():
    with config_context(enable_metadata_routing=True):
        settings = get_config()
        weighted = LogisticRegression().set_fit_request(sample_weight=True)
        weighted.set_score_request(sample_weight=True)
    pipeline = make_pipeline(MinMaxScaler(), weighted)
    training = training_of(pipeline, fit_params={"sample_weight": np.ones(len(X))})
    with pytest.raises(ValueError, match="sample_weight"):
        training({}, Reporter())
    assert len(replace(training, settings=settings)({}, Reporter())["test_scores"]) == 5


def test_a_scorer_with_several_scores_is_refused_with_their_names():
    training = replace(training_of(SVC()), scorer=lambda *_: {"one": 1.0, "two": 2.0})
    with pytest.raises(BadArgumentsError, match=r"return one number, but .* dict with one, two"):
        training({}, Reporter())
