"""The callback for XGBoost with the real library: `tox -e frameworks`."""

import pytest
import xgboost
from helpers.framework_trainings import (
    COPIES,
    MANY,
    X,
    Y,
    assert_stopped,
    points,
    run_and_stop,
    steps,
)

from maggy.callbacks import XGBoostRound
from maggy.common.exceptions import BadArgumentsError, EarlyStopException, MetricKeyError


def fit(callback, rounds=3, **options):
    model = xgboost.XGBClassifier(n_estimators=rounds, max_depth=2, callbacks=[callback], **options)
    return model.fit(X, Y, eval_set=[(X, Y), (X[:9], Y[:9])], verbose=False)


def test_every_round_is_reported_with_the_librarys_own_values(reporter):
    model = fit(XGBoostRound(reporter, metric="validation_0-logloss"))
    values = model.evals_result()["validation_0"]["logloss"]
    assert points(reporter) == list(enumerate(values))
    assert all(type(value) is float for _, value in points(reporter))


@pytest.mark.parametrize("metric", [("validation_0", "auc"), ["validation_0", "auc"]])
def test_a_pair_names_one_of_several_metrics_and_data_sets(reporter, metric):
    model = fit(XGBoostRound(reporter, metric=metric), eval_metric=["auc", "logloss"])
    assert points(reporter) == list(enumerate(model.evals_result()["validation_0"]["auc"]))


def test_without_a_metric_it_is_the_one_of_the_last_data_set(reporter):
    model = fit(XGBoostRound(reporter))
    assert points(reporter) == list(enumerate(model.evals_result()["validation_1"]["logloss"]))


def test_without_a_metric_the_last_data_set_must_have_one_only(reporter):
    with pytest.raises(MetricKeyError, match=r"has several.*validation_1-auc, validation_1-logl"):
        fit(XGBoostRound(reporter), eval_metric=["auc", "logloss"])


def test_a_metric_that_is_missing_is_an_error_with_those_that_are_there(reporter):
    with pytest.raises(
        MetricKeyError,
        match=r"'validation_0-loglos' .*: validation_0-logloss, validation_1-logloss. "
        r"Did you mean 'validation_0-logloss'",
    ):
        fit(XGBoostRound(reporter, metric="validation_0-loglos"))
    assert points(reporter) == []


@pytest.mark.parametrize("metric", [None, "validation_0-logloss"])
def test_without_an_evaluation_set_the_error_says_how_to_have_one(reporter, metric):
    model = xgboost.XGBClassifier(n_estimators=2, callbacks=[XGBoostRound(reporter, metric)])
    with pytest.raises(MetricKeyError, match="Give the training an eval_set"):
        model.fit(X, Y)


@pytest.mark.parametrize("metric", [1, ("validation_0",), ("validation_0", 1)], ids=str)
def test_a_metric_is_a_text_or_a_pair_of_texts(reporter, metric):
    with pytest.raises(BadArgumentsError, match="metric must be a text such as"):
        XGBoostRound(reporter, metric=metric)


def test_train_and_a_continued_training_share_ascending_steps(reporter):
    data = xgboost.DMatrix(X, Y)
    options = {"evals": [(data, "mine")], "verbose_eval": False}
    report = XGBoostRound(reporter, metric="mine-rmse")
    booster = xgboost.train({}, data, 2, callbacks=[report], **options)
    xgboost.train({}, data, 2, callbacks=[report], xgb_model=booster, **options)
    reporter.broadcast(0.5)
    xgboost.train({}, data, 2, callbacks=[XGBoostRound(reporter)], **options)
    assert steps(reporter) == list(range(7))


def test_a_cross_validation_reports_the_mean_of_its_folds(reporter):
    report = XGBoostRound(reporter, metric="test-rmse")
    result = xgboost.cv({}, xgboost.DMatrix(X, Y), 3, nfold=2, callbacks=[report], as_pandas=False)
    assert points(reporter) == list(enumerate(result["test-rmse-mean"]))


@pytest.mark.parametrize("again", COPIES)
def test_a_copy_reports_to_the_same_reporter(reporter, again):
    report = XGBoostRound(reporter, metric="validation_0-logloss")
    fit(report)
    twin = again(report)
    assert isinstance(twin, XGBoostRound)
    assert isinstance(twin, xgboost.callback.TrainingCallback)
    fit(twin)
    assert steps(reporter) == list(range(6))


def test_a_clone_of_an_estimator_reports_to_the_same_reporter(reporter):
    from sklearn.base import clone
    from sklearn.model_selection import cross_val_score

    model = xgboost.XGBClassifier(n_estimators=2, callbacks=[XGBoostRound(reporter)])
    cross_val_score(clone(model), X, Y, cv=2, params={"eval_set": [(X, Y)], "verbose": False})
    assert steps(reporter) == list(range(4))


def test_a_users_subclass_works(reporter):
    class Mine(XGBoostRound):
        def __init__(self, reporter, factor):
            super().__init__(reporter)
            self.factor = factor

    callback = Mine(reporter, factor=2)
    fit(callback)
    assert (isinstance(callback, Mine), callback.factor, steps(reporter)) == (True, 2, [0, 1, 2])


def test_an_early_stop_leaves_the_training(reporter):
    reporter.stop()
    with pytest.raises(EarlyStopException):
        fit(XGBoostRound(reporter))
    assert steps(reporter) == [0]


def test_a_stopped_trial_ends(tmp_path):
    trial = run_and_stop(tmp_path, lambda reporter: fit(XGBoostRound(reporter), rounds=MANY))
    assert_stopped(trial)
