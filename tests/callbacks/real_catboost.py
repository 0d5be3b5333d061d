"""The callback for CatBoost with the real library: `tox -e frameworks`."""

import catboost
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

from maggy.callbacks import CatBoostRound
from maggy.common.exceptions import EarlyStopException, MetricKeyError


def fit(callback, rounds=3, sets=1, **options):
    model = catboost.CatBoostClassifier(
        iterations=rounds, depth=2, thread_count=1, allow_writing_files=False, **options
    )
    eval_set = [(X[:40], Y[:40])] * sets or None
    return model.fit(X, Y, eval_set=eval_set, callbacks=[callback], verbose=False)


def test_every_iteration_is_reported_with_the_librarys_own_values(reporter):
    model = fit(CatBoostRound(reporter, metric=("validation", "Logloss")))
    values = model.get_evals_result()["validation"]["Logloss"]
    assert points(reporter) == list(enumerate(values))
    assert all(type(value) is float for _, value in points(reporter))


@pytest.mark.parametrize("metric", [("validation_0", "AUC"), "validation_0-AUC"])
def test_one_of_several_metrics_and_data_sets_is_named(reporter, metric):
    model = fit(CatBoostRound(reporter, metric=metric), sets=2, custom_metric=["AUC", "Accuracy"])
    assert points(reporter) == list(enumerate(model.get_evals_result()["validation_0"]["AUC"]))


@pytest.mark.parametrize(("sets", "name"), [(0, "learn"), (1, "validation"), (3, "validation_2")])
def test_without_a_metric_it_is_the_one_of_the_last_data_set(reporter, sets, name):
    model = fit(CatBoostRound(reporter), sets=sets)
    assert points(reporter) == list(enumerate(model.get_evals_result()[name]["Logloss"]))


def test_without_a_metric_the_last_data_set_must_have_one_only(reporter):
    with pytest.raises(catboost.CatBoostError, match="if the last data set has several"):
        fit(CatBoostRound(reporter), eval_metric="AUC")


def test_only_iterations_whose_metrics_are_computed_are_reported(reporter):
    model = fit(CatBoostRound(reporter), rounds=8, metric_period=3)
    values = model.get_evals_result()["validation"]["Logloss"]
    assert points(reporter) == list(zip([0, 3, 6, 7], values, strict=True))


def test_a_metric_that_is_missing_is_an_error_with_those_that_are_there(reporter):
    with pytest.raises(
        catboost.CatBoostError,
        match=r"'validation-AUC' .*: learn-Logloss, validation-Logloss. .*Give fit\(\) an eval_set",
    ) as caught:
        fit(CatBoostRound(reporter, metric="validation-AUC"))
    assert isinstance(caught.value.__context__, MetricKeyError)
    assert points(reporter) == []


def test_several_trainings_with_one_callback_share_ascending_steps(reporter):
    report = CatBoostRound(reporter)
    model = fit(report, rounds=1)
    fit(report, rounds=1)
    catboost.CatBoostClassifier(iterations=2, allow_writing_files=False).fit(
        X, Y, init_model=model, callbacks=[report], verbose=False
    )
    assert steps(reporter) == [0, 1, 2, 3]


@pytest.mark.parametrize("again", COPIES)
def test_a_copy_reports_to_the_same_reporter(reporter, again):
    report = CatBoostRound(reporter, metric="validation-Logloss")
    fit(report)
    twin = again(report)
    assert isinstance(twin, CatBoostRound)
    fit(twin)
    assert steps(reporter) == list(range(6))


def test_an_early_stop_ends_the_training_with_a_model_and_the_next_broadcast_raises(reporter):
    reporter.stop()
    model = fit(CatBoostRound(reporter), rounds=MANY, use_best_model=False)
    assert (steps(reporter), model.tree_count_) == ([0], 1)
    assert fit(CatBoostRound(reporter), rounds=MANY, use_best_model=False).tree_count_ == 1
    with pytest.raises(EarlyStopException):
        reporter.broadcast(0.5)


def test_a_stopped_trial_ends(tmp_path):
    def train(reporter):
        fit(CatBoostRound(reporter), rounds=MANY)
        reporter.broadcast(-2.0)  # raises

    trial = run_and_stop(tmp_path, train)
    # The last point is that of the second broadcast that raised.
    assert trial.metric_history.pop() == -2.0
    assert_stopped(trial)
