"""The table of a search has scikit-learn's columns, and says which configurations were stopped."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from maggy import Trial
from maggy.common.exceptions import ResumeError
from maggy.result.rows import make_row
from maggy.sklearn.cv_results import make_cv_results
from maggy.sklearn.object_choices import ObjectChoices

SPACE = ObjectChoices(
    {"C": ("DISCRETE", [1, 2, 3]), "gamma": ("DOUBLE", [0, 1], {"when": {"C": 3}})}
)
SCORES = [0.1, 0.7, 0.4]


def row_of(number, params, scores, end="complete", folds=3):
    trial = Trial(params)
    trial.number = number
    for step in range(1, len(scores) + 1):
        trial.append_metric({"step": step, "value": float(np.mean(scores[:step]))})
    trial.status = Trial.ERROR if end == "failed" else Trial.FINALIZED
    trial.early_stop = end == "stopped"
    if end == "complete":
        trial.final_metric = float(np.mean(scores))
        times = [float(fold) for fold in range(folds)]
        trial.outputs = {"test_scores": scores, "fit_times": times, "score_times": times}
    if end == "stopped":
        trial.final_metric = float(np.mean(scores))
        trial.outputs = {"mean_test_score": trial.final_metric}
    return make_row(trial, "mean_test_score")


def table():
    rows = [
        row_of(4, {"C": 3, "gamma": 0.5}, [0.2, 0.3], "stopped"),
        row_of(2, {"C": 2}, [0.5, 0.6, 0.7]),
        row_of(1, {"C": 1}, SCORES),
        row_of(3, {"C": 1}, [0.9], "failed"),
        row_of(5, {"C": 2}, [0.5, 0.6, 0.7]),
    ]
    return make_cv_results(rows, SPACE, 3)


def test_the_rows_are_in_the_order_of_suggestion():
    results = table()
    assert list(results["status"]) == ["complete", "complete", "failed", "stopped", "complete"]
    assert results["params"] == [{"C": 1}, {"C": 2}, {"C": 1}, {"C": 3, "gamma": 0.5}, {"C": 2}]


def test_folds_that_were_not_run_are_nan_and_so_are_means_over_fewer_folds():
    results = table()
    folds = np.array([results[f"split{fold}_test_score"] for fold in range(3)]).T
    assert list(folds[0]) == SCORES
    np.testing.assert_allclose(folds[3], [0.2, 0.3, np.nan], rtol=1e-12)
    np.testing.assert_allclose(folds[2], [0.9, np.nan, np.nan], rtol=1e-12)
    means, deviations = results["mean_test_score"], results["std_test_score"]
    assert (means[0], deviations[0]) == (np.mean(SCORES), np.std(SCORES))
    assert np.isnan(means[2:4]).all()
    assert np.isnan(deviations[2:4]).all()


def test_stopped_and_failed_configurations_share_the_last_rank():
    assert list(table()["rank_test_score"]) == [3, 1, 4, 4, 1]


def test_a_parameter_that_a_condition_leaves_out_is_masked():
    column = table()["param_gamma"]
    assert list(column.mask) == [True, True, True, False, True]
    assert column[3] == 0.5


def test_a_stopped_configuration_has_no_times():
    results = table()
    assert results["mean_fit_time"][0] == 1.0
    assert results["std_score_time"][0] == np.std([0, 1, 2])
    assert np.isnan(results["mean_fit_time"][3])


def test_the_columns_of_scikit_learn_are_there_with_its_values():
    X, y = load_iris(return_X_y=True)  # noqa: N806
    theirs = GridSearchCV(SVC(), {"C": [1, 2]}, cv=3).fit(X, y).cv_results_
    rows = [
        row_of(index + 1, {"C": c}, [float(theirs[f"split{fold}_test_score"][index])
                                     for fold in range(3)])
        for index, c in enumerate([1, 2])
    ]  # fmt: skip
    ours = make_cv_results(rows, ObjectChoices({"C": ("DISCRETE", [1, 2])}), 3)
    assert set(ours) == {*theirs, "status", "trial_id"}
    for name in theirs:
        if "time" not in name and name != "params":
            np.testing.assert_array_equal(ours[name], theirs[name])
            assert type(ours[name]) is type(theirs[name])
    assert ours["params"] == theirs["params"]


def test_tuples_are_one_value_each():
    choices = ObjectChoices({"sizes": ("CATEGORICAL", [(5, 5), (3, 2)])})
    rows = [row_of(n, {"sizes": sizes}, SCORES) for n, sizes in enumerate([[5, 5], [3, 2]], 1)]
    results = make_cv_results(rows, choices, 3)
    assert list(results["param_sizes"]) == [(5, 5), (3, 2)]
    assert results["params"][1] == {"sizes": (3, 2)}


def test_a_resumed_search_must_have_the_same_number_of_folds():
    with pytest.raises(ResumeError, match=r"must have 5 folds, but trial .* has 3"):
        make_cv_results([row_of(1, {"C": 1}, SCORES)], SPACE, 5)
