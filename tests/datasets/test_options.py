"""The options of a study for its data."""

import json

import numpy as np
import pytest

from maggy.datasets.options import DataOptions


def test_options_at_their_defaults_change_nothing_and_draw_nothing():
    options = DataOptions()
    assert options.changes() == {}
    assert [options.holds_out, options.needs_draw, options.needs_columns] == [False] * 3


@pytest.mark.parametrize(
    ("changes", "holds_out", "needs_draw", "needs_columns"),
    [
        ({"test_fraction": 0.2}, True, True, True),
        ({"folds": 5}, True, True, True),
        ({"feature_ablation": "permute"}, False, True, True),
        ({"feature_ablation": "mean"}, False, False, True),
        ({"missing": "drop"}, False, False, True),
        ({"missing": "keep"}, False, False, False),
    ],
)
def test_each_option_says_what_it_needs(changes, holds_out, needs_draw, needs_columns):
    options = DataOptions(**changes)
    assert options.changes() == changes
    assert options.holds_out is holds_out
    assert options.needs_draw is needs_draw
    assert options.needs_columns is needs_columns


def test_changes_are_plain_json():
    changes = DataOptions(test_fraction=np.float32(0.5), missing="mean").changes()
    assert json.loads(json.dumps(changes)) == {"missing": "mean", "test_fraction": 0.5}


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, float("nan"), "0.2", None, True])
def test_a_fraction_is_at_least_0_and_below_1(value):
    with pytest.raises(ValueError, match="test_fraction must be a number of at least 0 and below"):
        DataOptions(test_fraction=value)


@pytest.mark.parametrize("value", [1, 0, -2, 2.0, "5", True])
def test_folds_are_an_integer_of_at_least_2(value):
    with pytest.raises(ValueError, match="folds must be an integer of at least 2, but got"):
        DataOptions(folds=value)


def test_a_fraction_and_folds_exclude_each_other():
    with pytest.raises(ValueError, match=r"test_fraction=0.2 and folds=5 both say .* Give only"):
        DataOptions(test_fraction=0.2, folds=5)


@pytest.mark.parametrize("value", ["permut", None, 3, ["drop"]])
def test_a_feature_is_left_out_in_one_of_four_ways(value):
    with pytest.raises(
        ValueError, match="feature_ablation must be 'drop', 'mean', 'zero' or 'permute', but got"
    ):
        DataOptions(feature_ablation=value)


def test_an_unknown_way_to_treat_missing_values_names_the_closest():
    with pytest.raises(
        ValueError,
        match=r"missing must be 'mean', .* or 'keep', but got 'meen'. Did you mean 'mean'\?",
    ):
        DataOptions(missing="meen")
