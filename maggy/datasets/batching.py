"""Batches of two arrays that fit into memory, for NumPy and for TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maggy.common.exceptions import BadArgumentsError
from maggy.common.keras_session import import_tensorflow

if TYPE_CHECKING:
    import tensorflow

__all__ = ["Arrays", "check_batching", "numpy_batches", "tensor_batches"]

Arrays: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Features, ``(rows, n)``, and labels, ``(rows,)``."""

_MOST_ROWS = 2**62
"""TensorFlow counts rows in 64 bits."""


def check_batching(num_epochs: int, batch_size: int) -> None:
    """Check what a training function asks for.

    Raises:
        BadArgumentsError: If a number is not an integer of at least 1.
    """
    for name, value in (("num_epochs", num_epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise BadArgumentsError(
                f"{name} must be an integer of at least 1, but got {value!r:.80}."
            )


def numpy_batches(arrays: Arrays, num_epochs: int, batch_size: int) -> Iterator[Arrays]:
    """Yield the rows in their order, repeated ``num_epochs`` times, then batched.

    A batch is a copy, so that a training function may change it.

    Args:
        arrays: At least one row.
        num_epochs: The number of repetitions.
        batch_size: Rows in a batch; the last batch may be smaller.
    """
    features, labels = arrays
    count = len(labels)
    total = count * int(num_epochs)
    for start in range(0, total, int(batch_size)):
        stop = min(start + int(batch_size), total)
        first = start % count
        last = first + stop - start
        if last <= count:
            yield features[first:last].copy(), labels[first:last].copy()
        else:
            rows = np.arange(start, stop) % count
            yield features[rows], labels[rows]


def tensor_batches(arrays: Arrays, num_epochs: int, batch_size: int) -> tensorflow.data.Dataset:
    """Return the same batches as :func:`numpy_batches` as a ``tf.data.Dataset``.

    Whole batches are cut out of the arrays. To slice row by row takes several times as long.

    Raises:
        MissingDependencyError: If TensorFlow is not installed.
    """
    tf = import_tensorflow("dataset_function")
    # Input pipelines run on the CPU, and the whole data set may not fit into a GPU.
    with tf.device("CPU:0"):
        features, labels = (tf.convert_to_tensor(array) for array in arrays)
    count, size = len(arrays[1]), int(batch_size)
    total = min(count * int(num_epochs), _MOST_ROWS)

    def batch(index: tensorflow.Tensor) -> tuple[tensorflow.Tensor, tensorflow.Tensor]:
        start = index * size
        stop = tf.minimum(start + size, total)
        if total == count:
            return features[start:stop], labels[start:stop]
        rows = tf.range(start, stop) % count
        return tf.gather(features, rows), tf.gather(labels, rows)

    # Nothing in it depends on the values of tensors, so its source need not be read.
    cut = tf.autograph.experimental.do_not_convert(batch)
    return tf.data.Dataset.range(-(-total // size)).map(cut)
