"""Choose the rows of a data set that are for training or held out. It reads no data."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from maggy.common.exceptions import AblationError
from maggy.datasets.options import DataOptions, Draw

__all__ = ["Rows", "permutation", "split_rows"]

Rows: TypeAlias = NDArray[np.intp]
"""The numbers of rows, ascending unless they are permuted."""

# Each purpose has numbers of its own, so that one draw does not change another.
_SPLIT, _PERMUTATION = 0, 1


def split_rows(count: int, options: DataOptions, draw: Draw) -> tuple[Rows, Rows]:
    """Return the rows for training and the rows held out, both ascending.

    A fraction is rounded to whole rows. The sizes of folds differ by one row at most.

    Example:
        >>> training, test = split_rows(10, DataOptions(test_fraction=0.2), Draw(seed=7))
        >>> len(training), len(test)
        (8, 2)

    Args:
        count: The number of rows.
        options: Which share of them is held out.
        draw: The seed and the fold.

    Raises:
        AblationError: If one of the two would be empty.
    """
    if not options.holds_out:
        return np.arange(count), np.arange(0)
    generator = np.random.default_rng([draw.seed, _SPLIT])
    order = generator.permutation(count)
    if options.folds is not None:
        if count < options.folds:
            raise AblationError(
                f"Every fold needs a row, but {count} rows are there for folds={options.folds}. "
                "Give fewer folds."
            )
        test = np.array_split(order, options.folds)[draw.fold]
    else:
        test = order[: round(count * options.test_fraction)]
    if not 0 < len(test) < count:
        raise AblationError(
            f"test_fraction={options.test_fraction} of {count} rows is {len(test)} rows to hold "
            f"out and {count - len(test)} to train with, but both need at least 1. "
            "Choose another fraction."
        )
    is_test = np.zeros(count, dtype=bool)
    is_test[test] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def permutation(rows: Rows, draw: Draw) -> Rows:
    """Return the rows in another order, the same for equal rows and draws."""
    generator = np.random.default_rng([draw.seed, _PERMUTATION, draw.fold])
    return generator.permutation(rows)
