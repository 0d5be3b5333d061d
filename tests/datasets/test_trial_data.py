"""The arrays of one trial: what is left out, missing values, rows held out."""

import numpy as np
import pytest

from maggy.common.exceptions import AblationError
from maggy.datasets.options import DataOptions, Draw
from maggy.datasets.trial_data import TrialData

NAN = np.nan


def data_of(columns, ablated=(), draw=None, **options):
    arrays = {name: np.array(values, np.float32) for name, values in columns.items()}
    return TrialData(arrays, "y", ablated, DataOptions(**options), draw)


def many(count=40):
    """Columns that tell the number of the row; ``b`` is always ten times ``a``."""
    rows = np.arange(count)
    return {"a": rows, "b": rows * 10, "c": rows * 100, "y": rows}


PLAIN = {"a": [1, 2, 6], "y": [0, 1, 1], "b": [4, 5, 9]}


def test_without_options_the_features_are_all_columns_but_the_label():
    data = data_of(PLAIN)
    features, labels = data.arrays()
    np.testing.assert_array_equal(features, [[1, 4], [2, 5], [6, 9]])
    np.testing.assert_array_equal(labels, [0, 1, 1])
    assert data.names == ["a", "b"]
    assert features.dtype == labels.dtype == np.float32


def test_arrays_are_new_in_each_call():
    data = data_of(PLAIN)
    for array in data.arrays():
        array += 100
    list(data.batches(1, 2))
    assert data.arrays()[0][0].tolist() == [1, 4]
    assert next(data.batches(1, 1))[1].tolist() == [0]


@pytest.mark.parametrize(
    ("ablation", "column"), [("mean", [3, 3, 3]), ("zero", [0, 0, 0]), ("drop", None)]
)
def test_a_feature_is_dropped_or_gets_one_value(ablation, column):
    data = data_of(PLAIN, ["a"], feature_ablation=ablation)
    features, _ = data.arrays()
    if column is None:
        np.testing.assert_array_equal(features, [[4], [5], [9]])
    else:
        np.testing.assert_array_equal(features[:, 0], column)
        np.testing.assert_array_equal(features[:, 1], [4, 5, 9])
    assert len(data.names) == features.shape[1]


def test_a_permutation_is_the_same_for_all_columns_of_a_group():
    features, labels = data_of(many(), ["a", "b"], Draw(3), feature_ablation="permute").arrays()
    assert sorted(features[:, 0]) == labels.tolist()
    assert features[:, 0].tolist() != labels.tolist()
    np.testing.assert_array_equal(features[:, 1], features[:, 0] * 10)
    np.testing.assert_array_equal(features[:, 2], labels * 100)


def test_a_permutation_is_the_same_in_all_trials_of_a_repeat_and_another_in_the_next():
    def order(ablated, seed):
        data = data_of(many(), ablated, Draw(seed), feature_ablation="permute")
        return data.arrays()[0][:, 0].tolist()

    assert order(["a"], 3) == order(["a", "c"], 3)
    assert order(["a"], 3) != order(["a"], 4)


@pytest.mark.parametrize("held_out", [{"test_fraction": 0.75}, {"folds": 2}])
def test_permuted_values_of_a_test_split_are_those_of_training_rows(held_out):
    data = data_of(many(), ["a"], Draw(3), feature_ablation="permute", **held_out)
    training = set(data.arrays()[1])
    features, labels = data.arrays("test")
    assert set(features[:, 0]) == training
    assert not training & set(labels)


def test_a_mean_is_that_of_the_training_rows():
    data = data_of(many(), ["a"], Draw(3), feature_ablation="mean", test_fraction=0.25)
    mean = data.arrays()[1].mean()
    assert mean != many()["a"].mean()
    for split in ("train", "test"):
        np.testing.assert_array_equal(data.arrays(split)[0][:, 0], np.float32(mean))


def test_all_components_of_a_repeat_share_the_split():
    labels = [
        data_of(many(), ablated, Draw(3), test_fraction=0.25).arrays("test")[1].tolist()
        for ablated in ([], ["a"], ["b", "c"])
    ]
    assert labels[0] == labels[1] == labels[2]
    assert len(labels[0]) == 10


def test_batches_of_a_split_are_those_of_its_arrays():
    data = data_of(many(), draw=Draw(3), test_fraction=0.25)
    for split in ("train", "test"):
        batches = list(data.batches(1, 7, split=split))
        np.testing.assert_array_equal(
            np.concatenate([labels for _, labels in batches]), data.arrays(split)[1]
        )


def test_a_test_split_needs_rows_that_are_held_out():
    data = data_of(PLAIN)
    for call in (lambda: data.arrays("test"), lambda: data.batches(1, 1, "test")):
        with pytest.raises(AblationError, match=r"Hold some out: AblationStudy\(..., test_fract"):
            call()
    with pytest.raises(ValueError, match="split must be 'train' or 'test', but got 'tset'"):
        data.batches(1, 1, "tset")


@pytest.mark.parametrize("wrong", [(0, 1), (1, 0), (1.5, 1), (True, 1)])
def test_a_wrong_number_is_refused_before_the_first_batch(wrong):
    with pytest.raises(ValueError, match="must be an integer of at least 1"):
        data_of(PLAIN).batches(*wrong)


GAPS = {"a": [1, NAN, 4, 1], "b": [1, 2, 3, 4], "y": [0, 1, 0, NAN]}


@pytest.mark.parametrize(
    ("missing", "rows"),
    [
        ("mean", [[1, 1], [2.5, 2], [4, 3]]),
        ("median", [[1, 1], [2.5, 2], [4, 3]]),
        ("indicator", [[1, 1, 0], [2.5, 2, 1], [4, 3, 0]]),
        ("drop", [[1, 1], [4, 3]]),
        ("keep", [[1, 1], [NAN, 2], [4, 3], [1, 4]]),
        (None, [[1, 1], [NAN, 2], [4, 3], [1, 4]]),
    ],
)
def test_missing_values_become_what_the_study_says(missing, rows):
    np.testing.assert_array_equal(data_of(GAPS, missing=missing).arrays()[0], rows)


def test_a_median_is_not_a_mean():
    columns = {"a": [1, 2, 9, NAN], "b": [0, 0, 0, 0], "y": [0, 0, 0, 0]}
    assert data_of(columns, missing="median").arrays()[0][3, 0] == 2
    assert data_of(columns, missing="mean").arrays()[0][3, 0] == 4


@pytest.mark.parametrize("missing", ["mean", "median", "indicator"])
def test_what_fills_a_gap_comes_from_training_rows(missing):
    columns = many()
    columns["a"] = np.where(np.arange(40) % 3 == 0, NAN, columns["a"])
    data = data_of(columns, draw=Draw(3), missing=missing, test_fraction=0.5)
    training = data.arrays()[1]
    values = training[training % 3 != 0]
    fill = np.float32(np.median(values) if missing == "median" else values.mean())
    features, labels = data.arrays("test")
    assert set(features[labels % 3 == 0, 0]) == {fill}
    np.testing.assert_array_equal(features[labels % 3 != 0, 0], labels[labels % 3 != 0])


@pytest.mark.parametrize("ablation", ["drop", "zero", "mean", "permute"])
def test_an_indicator_is_left_out_together_with_its_feature(ablation):
    options = {"missing": "indicator", "feature_ablation": ablation}
    base = data_of(GAPS, **options)
    assert base.names == ["a", "b", "a_missing"]
    data = data_of(GAPS, ["a"], Draw(1), **options)
    features, _ = data.arrays()
    if ablation == "drop":
        assert data.names == ["b"]
        return
    assert data.names == base.names
    expected = {"zero": {0.0}, "mean": {np.float32(1 / 3)}, "permute": {0.0, 1.0}}[ablation]
    assert set(features[:, 2]) == expected


def test_rows_dropped_for_a_gap_are_the_same_in_all_trials():
    assert data_of(GAPS, ["a"], missing="drop").arrays()[0].tolist() == [[1], [3]]


def test_a_gap_that_is_kept_does_not_spoil_a_mean():
    features, _ = data_of(GAPS, ["a"], missing="keep", feature_ablation="mean").arrays()
    assert features[:, 0].tolist() == [2, 2, 2, 2]


def test_the_name_of_an_indicator_must_be_free():
    with pytest.raises(AblationError, match=r"adds a column 'a_missing' to 'a', .* Rename it"):
        data_of({**GAPS, "a_missing": [0, 0, 0, 0]}, missing="indicator").check()


def test_a_statistic_needs_a_value():
    columns = {"a": [NAN, NAN], "y": [0, 1]}
    for missing in ("mean", "median", "indicator"):
        with pytest.raises(AblationError, match="Column 'a' needs a value in the training rows"):
            data_of(columns, missing=missing).check()
    with pytest.raises(AblationError, match=r"in each of the 2 rows a value is missing"):
        data_of(columns, missing="drop").check()


@pytest.mark.parametrize("options", [{"folds": 9}, {"test_fraction": 0.01}])
def test_a_split_that_is_impossible_is_found_by_the_check(options):
    with pytest.raises(AblationError, match="rows"):
        data_of(GAPS, **options).check()
