"""The rows for training and the rows that are held out."""

import random

import numpy as np
import pytest

from maggy.common.exceptions import AblationError
from maggy.datasets.options import DataOptions, Draw
from maggy.datasets.splits import permutation, split_rows

FIFTH = DataOptions(test_fraction=0.2)
FIVE = DataOptions(folds=5)


def test_without_an_option_all_rows_are_for_training():
    training, test = split_rows(4, DataOptions(), Draw(3))
    assert training.tolist() == [0, 1, 2, 3]
    assert test.tolist() == []


def test_a_fraction_of_the_rows_is_held_out_and_both_parts_keep_their_order():
    training, test = split_rows(100, FIFTH, Draw(3))
    assert (len(training), len(test)) == (80, 20)
    assert sorted([*training, *test]) == list(range(100))
    assert training.tolist() == sorted(training)
    assert test.tolist() == sorted(test)
    assert test.tolist() != list(range(20))


def test_a_split_follows_from_its_seed_alone():
    first = split_rows(100, FIFTH, Draw(3))[1]
    random.seed(1)
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    assert split_rows(100, FIFTH, Draw(3))[1].tolist() == first.tolist()
    assert (np.random.get_state()[1] == state).all()
    assert split_rows(100, FIFTH, Draw(4))[1].tolist() != first.tolist()


def test_every_row_is_in_one_fold():
    folds = [split_rows(12, FIVE, Draw(3, fold))[1].tolist() for fold in range(5)]
    assert sorted(row for fold in folds for row in fold) == list(range(12))
    assert {len(fold) for fold in folds} == {2, 3}


def test_a_fold_and_the_other_rows_are_apart():
    training, test = split_rows(12, FIVE, Draw(3, 2))
    assert sorted([*training, *test]) == list(range(12))


@pytest.mark.parametrize(("count", "fraction"), [(2, 0.2), (10, 0.99), (1, 0.5)])
def test_both_parts_have_a_row(count, fraction):
    with pytest.raises(AblationError, match=r"rows to hold out and .* but both need at least 1"):
        split_rows(count, DataOptions(test_fraction=fraction), Draw())


def test_every_fold_has_a_row():
    with pytest.raises(AblationError, match=r"4 rows are there for folds=5. Give fewer"):
        split_rows(4, FIVE, Draw())


def test_a_permutation_follows_from_seed_and_fold():
    rows = np.arange(5, 50)
    orders = [permutation(rows, draw).tolist() for draw in (Draw(1), Draw(2), Draw(1, 1))]
    assert len(set(map(tuple, orders))) == 3
    assert all(sorted(order) == rows.tolist() for order in orders)
    assert permutation(rows, Draw(1)).tolist() == orders[0]
