"""Make the arrays of one trial: the rows of its split, without left-out features or gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, get_args

import numpy as np

from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.common.exhaustive import assert_never
from maggy.datasets.batching import (
    Arrays,
    Tensors,
    check_batching,
    numpy_batches,
    tensor_batches,
    tensors_of,
)
from maggy.datasets.options import DataOptions, Draw, Split
from maggy.datasets.splits import Rows, permutation, split_rows
from maggy.datasets.table import Column

if TYPE_CHECKING:
    import tensorflow

__all__ = ["INDICATOR_ENDING", "TrialData", "check_split"]

INDICATOR_ENDING = "_missing"
"""A column that says where the values of a feature are missing has this at the end of its name."""


def check_split(split: Split, options: DataOptions) -> None:
    """Check that a split exists.

    Raises:
        AblationError: If the study holds no rows out.
        BadArgumentsError: If the split has another name.
    """
    if split not in get_args(Split):
        raise BadArgumentsError(f"split must be 'train' or 'test', but got {split!r:.80}.")
    if split == "test" and not options.holds_out:
        raise AblationError(
            "split='test' needs rows that are held out, but the study trains with all of them. "
            "Hold some out: AblationStudy(..., test_fraction=0.2), or folds=5."
        )


class TrialData:
    """Make the arrays of a trial from the columns of its data set.

    All statistics come from the training rows. Nothing depends on the shared random generators.

    Args:
        columns: All columns in order, as float32.
        label: The column to predict.
        ablated: The features that the trial leaves out.
        options: The options of the study.
        draw: What the trials of a repeat share.

    Attributes:
        names: The columns of the features that the trial gets, in order.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        label: str,
        ablated: Sequence[str] = (),
        options: DataOptions | None = None,
        draw: Draw | None = None,
    ) -> None:
        self._columns = columns
        self._label = label
        self._options = options or DataOptions()
        self._draw = draw or Draw()
        features = [name for name in columns if name != label]
        self._indicators: dict[str, str] = {}
        if self._options.missing == "indicator":
            self._indicators = {
                f"{name}{INDICATOR_ENDING}": name
                for name in features
                if np.isnan(columns[name]).any()
            }
        absent = {*ablated, *(name for name, of in self._indicators.items() if of in ablated)}
        self._is_dropped = self._options.feature_ablation == "drop"
        self._ablated = frozenset() if self._is_dropped else frozenset(absent)
        self.names = [
            name
            for name in [*features, *self._indicators]
            if not (self._is_dropped and name in absent)
        ]
        self._arrays_of: dict[Split, Arrays] = {}
        self._tensors_of: dict[Split, Tensors] = {}

    def check(self) -> None:
        """Check that there are rows for each split, and values for each statistic.

        Raises:
            AblationError: If not, or if an indicator's name is taken by a column.
        """
        for indicator, name in self._indicators.items():
            if indicator in self._columns:
                raise AblationError(
                    f"missing='indicator' adds a column '{indicator}' to '{name}', but the data "
                    "set has a column of that name. Rename it before registering."
                )
        # Making the split and the fill values checks them. No assert: Python -O leaves those out.
        if not len(self._rows[0]):
            raise AssertionError("A split always has rows to train with.")
        for name in self.names:
            if name not in self._indicators:
                self._fill(name)

    def arrays(self, split: Split = "train") -> Arrays:
        """Return features, ``(rows, n)``, and labels, ``(rows,)``, as new float32 arrays."""
        check_split(split, self._options)
        return self._make(split)

    def batches(self, num_epochs: int, batch_size: int, split: Split = "train") -> Iterator[Arrays]:
        """Return a generator of pairs of arrays; see :func:`numpy_batches`."""
        check_batching(num_epochs, batch_size)
        check_split(split, self._options)
        # They stay in memory, because many training functions ask for batches in each epoch.
        if split not in self._arrays_of:
            self._arrays_of[split] = self._make(split)
        return numpy_batches(self._arrays_of[split], num_epochs, batch_size)

    def dataset(
        self, num_epochs: int, batch_size: int, split: Split = "train"
    ) -> tensorflow.data.Dataset:
        """Return the same batches as a ``tf.data.Dataset``."""
        check_batching(num_epochs, batch_size)
        check_split(split, self._options)
        if split not in self._tensors_of:
            self._tensors_of[split] = tensors_of(self._make(split))
        return tensor_batches(self._tensors_of[split], num_epochs, batch_size)

    def _make(self, split: Split) -> Arrays:
        training, test = self._rows
        rows = training if split == "train" else test
        matrix = np.empty((len(rows), len(self.names)), np.float32)
        for position, name in enumerate(self.names):
            if name in self._ablated:
                matrix[:, position] = self._replacement(name, len(rows))
            else:
                matrix[:, position] = self._values(name, rows)
        return matrix, self._columns[self._label][rows].astype(np.float32)

    @cached_property
    def _rows(self) -> tuple[Rows, Rows]:
        complete = np.ones(len(self._columns[self._label]), bool)
        if self._options.missing not in (None, "keep"):
            every = self._options.missing == "drop"
            for name in self._columns if every else [self._label]:
                complete &= ~np.isnan(self._columns[name])
        rows = np.flatnonzero(complete)
        if not len(rows):
            raise AblationError(
                f"missing='{self._options.missing}' needs rows that are complete, but in each of "
                f"the {len(complete)} rows a value is missing. "
                "Fill the values with missing='mean', or drop a column before registering."
            )
        training, test = split_rows(len(rows), self._options, self._draw)
        return rows[training], rows[test]

    def _values(self, name: str, rows: Rows) -> Column:
        """Return the values of a feature or an indicator in some rows, without gaps."""
        if name in self._indicators:
            return np.isnan(self._columns[self._indicators[name]][rows]).astype(np.float32)
        values = self._columns[name][rows]
        fill = self._fill(name)
        return values if fill is None else np.where(np.isnan(values), np.float32(fill), values)

    def _fill(self, name: str) -> float | None:
        """Return what stands in place of a feature's missing values, or None."""
        if self._options.missing in (None, "keep", "drop"):
            return None
        if not np.isnan(self._columns[name]).any():
            return None
        statistic = np.median if self._options.missing == "median" else np.mean
        return _statistic(name, self._columns[name][self._rows[0]], statistic)

    def _replacement(self, name: str, count: int) -> Column | float:
        """Return what stands in place of a feature that is left out."""
        training = self._rows[0]
        match self._options.feature_ablation:
            case "zero":
                return 0.0
            case "mean":
                return _statistic(name, self._values(name, training), np.mean)
            case "permute":
                # A test split takes values of training rows, too, and may be the longer one.
                return self._values(name, np.resize(permutation(training, self._draw), count))
            case "drop":
                raise AssertionError("A dropped feature has no column.")
            case _:
                return assert_never(self._options.feature_ablation)


def _statistic(name: str, values: Column, statistic: Callable[..., np.float64]) -> float:
    """Return a statistic of the values that are not missing."""
    present = values[~np.isnan(values)].astype(np.float64)
    if not len(present):
        raise AblationError(
            f"Column '{name}' needs a value in the training rows, because they give its mean or "
            "median, but all of them are missing. Drop the column before registering."
        )
    return float(statistic(present))
