"""Tables that come from Spark and functions that go to it, without starting it."""

import numpy as np

from maggy.core.cluster import dumps, loads
from maggy.datasets.spark_tables import collect_columns


class Frame:
    """The part of a Spark data frame that is read."""

    def __init__(self, **columns):
        self.columns = list(columns)
        self._rows = list(zip(*columns.values(), strict=True))

    def collect(self):
        return self._rows


def test_a_frame_becomes_one_array_for_each_column_in_order():
    names, columns = collect_columns(Frame(b=[1, 2], a=[0.5, 1.5], c=["x", "y"]))
    assert names == list(columns) == ["b", "a", "c"]
    assert [columns[name].dtype.kind for name in names] == ["i", "f", "U"]
    assert [columns[name].tolist() for name in names] == [[1, 2], [0.5, 1.5], ["x", "y"]]


def test_a_missing_number_becomes_nan_and_a_missing_text_stays_none():
    _, columns = collect_columns(Frame(number=[1, None], text=["x", None]))
    np.testing.assert_array_equal(columns["number"], [1, np.nan])
    assert columns["text"].tolist() == ["x", None]


def test_a_frame_without_rows_has_empty_columns():
    names, columns = collect_columns(Frame(a=[]))
    assert names == ["a"]
    assert columns["a"].shape == (0,)


def test_functions_made_anywhere_can_be_pickled():
    factor = 3
    assert loads(dumps(lambda x: factor * x))(2) == 6
