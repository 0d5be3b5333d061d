"""The callback for LightGBM with the real library: `tox -e frameworks`."""

import lightgbm
import pytest
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

from maggy.callbacks import LightGBMRound
from maggy.common.exceptions import EarlyStopException, MetricKeyError


def train(*callbacks, rounds=3, names=("mine",), metric="auc", **options):
    """Train, and return LightGBM's own record of the metrics."""
    record = {}
    data = lightgbm.Dataset(X, Y)
    lightgbm.train(
        {"objective": "binary", "metric": metric, "verbose": -1, "num_threads": 1},
        data,
        rounds,
        valid_sets=[lightgbm.Dataset(X[:40], Y[:40], reference=data) for _ in names],
        valid_names=list(names),
        callbacks=[*callbacks, lightgbm.record_evaluation(record)],
        **options,
    )
    return record


def test_every_round_is_reported_with_the_librarys_own_values(reporter):
    record = train(LightGBMRound(reporter, metric=("mine", "auc")))
    assert points(reporter) == list(enumerate(record["mine"]["auc"]))
    assert all(type(value) is float for _, value in points(reporter))


@pytest.mark.parametrize("metric", [("b", "auc"), "b-auc"])
def test_one_of_several_metrics_and_data_sets_is_named(reporter, metric):
    record = train(
        LightGBMRound(reporter, metric=metric), names="abc", metric=["auc", "binary_logloss"]
    )
    assert points(reporter) == list(enumerate(record["b"]["auc"]))


def test_without_a_metric_it_is_the_one_of_the_last_data_set(reporter):
    record = train(LightGBMRound(reporter), names="ab")
    assert points(reporter) == list(enumerate(record["b"]["auc"]))


def test_without_a_metric_the_last_data_set_must_have_one_only(reporter):
    with pytest.raises(MetricKeyError, match="has several, but got None"):
        train(LightGBMRound(reporter), metric=["auc", "binary_logloss"])


def test_an_estimator_names_its_evaluation_sets(reporter):
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1)
    report = LightGBMRound(reporter, metric=("valid_0", "binary_logloss"))
    model.fit(X, Y, eval_X=X[:40], eval_y=Y[:40], callbacks=[report])
    assert points(reporter) == list(enumerate(model.evals_result_["valid_0"]["binary_logloss"]))


def test_a_metric_that_is_missing_is_an_error_with_those_that_are_there(reporter):
    with pytest.raises(MetricKeyError, match=r"'mine-aucs' .*: mine-auc. Did you mean 'mine-auc'"):
        train(LightGBMRound(reporter, metric=("mine", "aucs")))
    assert points(reporter) == []


def test_without_an_evaluation_set_the_error_says_how_to_have_one(reporter):
    with pytest.raises(MetricKeyError, match="Give the training an eval_set or valid_sets"):
        train(LightGBMRound(reporter), names=())


def test_a_continued_training_and_a_new_one_share_ascending_steps(reporter):
    data = {"objective": "binary", "metric": "auc", "verbose": -1}
    booster = lightgbm.train(data, lightgbm.Dataset(X, Y), 2)
    report = LightGBMRound(reporter)
    train(report, init_model=booster, rounds=2)
    assert steps(reporter) == [2, 3]
    train(report, rounds=2)
    assert steps(reporter) == [2, 3, 4, 5]


def test_a_cross_validation_reports_the_mean_of_its_folds(reporter):
    result = lightgbm.cv(
        {"objective": "binary", "metric": "auc", "verbose": -1},
        lightgbm.Dataset(X, Y),
        3,
        nfold=2,
        callbacks=[LightGBMRound(reporter)],
    )
    assert points(reporter) == list(enumerate(result["valid auc-mean"]))


def test_the_round_with_which_lightgbms_own_early_stopping_ends_is_reported(reporter):
    own = lightgbm.early_stopping(1, verbose=False)
    record = train(own, LightGBMRound(reporter), rounds=50, metric="binary_error")
    assert steps(reporter) == list(range(len(record["mine"]["binary_error"])))
    assert len(steps(reporter)) < 50


@pytest.mark.parametrize("again", COPIES)
def test_a_copy_reports_to_the_same_reporter(reporter, again):
    report = LightGBMRound(reporter, metric="mine-auc")
    train(report)
    twin = again(report)
    assert isinstance(twin, LightGBMRound)
    train(twin)
    assert steps(reporter) == list(range(6))


def test_an_early_stop_leaves_the_training(reporter):
    reporter.stop()
    with pytest.raises(EarlyStopException):
        train(LightGBMRound(reporter))
    assert steps(reporter) == [0]


def test_a_stopped_trial_ends(tmp_path):
    trial = run_and_stop(tmp_path, lambda reporter: train(LightGBMRound(reporter), rounds=MANY))
    assert_stopped(trial)
