"""Which searches have comparable scores, so that one can resume the other."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_matrix
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from maggy.sklearn.search_config import describe_comparison

X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 0, 1])
SPLITS = [(np.array([0, 1, 2, 3]), np.array([4, 5])), (np.array([2, 3, 4, 5]), np.array([0, 1]))]


def describe(estimator=None, data=X, y=Y, splits=SPLITS, scoring=None, fit_params=None):
    return describe_comparison(estimator or SVC(), data, y, splits, scoring, fit_params or {})


def changed_parts(**arguments):
    """Return the names of what another call does not have in common with the first one."""
    first, other = describe(), describe(**arguments)
    return [name for name in first if first[name] != other[name]]


def table(**columns):
    return pd.DataFrame({"size": [1.0, 2.0], "colour": ["red", None], **columns})


def test_each_part_is_told_apart():
    assert changed_parts() == []
    assert changed_parts(estimator=LogisticRegression()) == ["estimator"]
    assert changed_parts(scoring="f1") == ["scoring"]
    assert changed_parts(data=X + 1e-9) == ["data"]
    assert changed_parts(data=X[::-1]) == ["data"]
    assert changed_parts(data=X.reshape(2, 6)) == ["data"]
    assert changed_parts(y=1 - Y) == ["data"]
    assert changed_parts(y=None) == ["data"]
    assert changed_parts(fit_params={"sample_weight": Y}) == ["data"]
    assert changed_parts(splits=SPLITS[::-1]) == ["folds"]
    assert changed_parts(splits=SPLITS[:1]) == ["folds"]
    assert changed_parts(data=table(), y=None) == ["data"]


def test_weights_count_in_any_order_of_the_arguments():
    first = describe(fit_params={"sample_weight": Y, "check": True})
    assert first == describe(fit_params={"check": True, "sample_weight": Y})
    assert first != describe(fit_params={"sample_weight": 2 * Y, "check": True})


def test_the_middle_of_a_long_row_counts():
    long = [np.zeros(5_000), np.zeros(4_000)]
    other = [np.zeros(5_000), np.zeros(4_000)]
    other[0][2_500] = 1e-12
    assert describe(data=long)["data"] != describe(data=other)["data"]


def test_the_texts_say_what_a_reader_can_recognize():
    texts = describe(make_pipeline(StandardScaler(), SVC()), scoring=make_scorer(accuracy_score))
    assert texts["estimator"] == "Pipeline with StandardScaler, SVC"
    assert texts["scoring"].startswith("make_scorer(accuracy_score")
    assert texts["data"].startswith("6 rows, digest ")
    assert texts["folds"].startswith("2 folds, digest ")
    assert describe()["scoring"] == "the estimator's score"


def test_parameters_of_the_estimator_may_change():
    assert changed_parts(estimator=SVC(cache_size=500, verbose=True)) == []
    voting = [("one", SVC()), ("two", LogisticRegression())]
    assert describe(VotingClassifier(voting, n_jobs=2)) == describe(VotingClassifier(voting))
    assert describe(VotingClassifier(voting)) != describe(VotingClassifier(voting[:1]))


@pytest.mark.parametrize(
    ("data", "same"),
    [
        (X, np.asfortranarray(X)),
        (X, np.repeat(X, 2, axis=0)[::2]),
        (csr_matrix(X), csc_matrix(X)),
        (table(), table().copy()),
        (table(), table(other=[1, 2])[["size", "colour"]]),
        ([["a", "b"], ["c", "d"]], [["a", "b"], ["c", "d"]]),
    ],
)
def test_equal_values_are_equal_in_any_layout(data, same):
    assert describe(data=data)["data"] == describe(data=same)["data"]


@pytest.mark.parametrize(
    "other",
    [
        table().rename(columns={"size": "length"}),
        table()[["colour", "size"]],
        table(colour=["red", "blue"]),
        table(size=[1.0, np.nan]),
    ],
)
def test_another_data_frame_is_told_apart(other):
    assert describe(data=table())["data"] != describe(data=other)["data"]


def test_a_new_process_with_other_hashes_and_addresses_has_the_same_texts():
    program = (
        "import functools, pandas as pd\n"
        "from sklearn.svm import SVC\n"
        "from maggy.sklearn.search_config import describe_comparison\n"
        "def scorer(estimator, X, y, scale=1): return 1.0\n"
        "class Scorer:\n"
        "    def __call__(self, estimator, X, y): return 1.0\n"
        "frame = pd.DataFrame({'a': ['x', object()], 'b': pd.Categorical(['u', 'v'])})\n"
        "folds, rows, stop = [([0], [1])], [{'a': 1}, object()], {'callback': Scorer()}\n"
        "for one in (scorer, Scorer(), functools.partial(scorer, scale=2), lambda: 1):\n"
        "    print(describe_comparison(SVC(), frame, None, folds, one, {}))\n"
        "    print(describe_comparison(SVC(), rows, None, folds, one, stop))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(3)
    }
    assert len(outputs) == 1
