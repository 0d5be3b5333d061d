"""Cut two arrays that fit into memory into batches, for NumPy and for TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maggy.common.exceptions import BadArgumentsError
from maggy.common.keras_session import import_tensorflow

if TYPE_CHECKING:
    import tensorflow

__all__ = ["Arrays", "Tensors", "check_batching", "numpy_batches", "tensor_batches", "tensors_of"]

Arrays: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Features, ``(rows, n)``, and labels, ``(rows,)``."""

Tensors: TypeAlias = "tuple[tensorflow.Tensor, tensorflow.Tensor]"
"""Features and labels as tensors."""

_CHUNK_BYTES = 2**18
"""The size of what is copied at once."""
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
    size, total = int(batch_size), len(labels) * int(num_epochs)
    # A copy of several batches at once costs less, as long as the processor's cache holds it.
    row_bytes = features[:1].nbytes + labels[:1].nbytes
    chunk = size * max(1, _CHUNK_BYTES // (size * row_bytes))
    for start in range(0, total, chunk):
        stop = min(start + chunk, total)
        some_features, some_labels = (_rows(array, start, stop) for array in arrays)
        for first in range(0, stop - start, size):
            yield some_features[first : first + size], some_labels[first : first + size]


def tensors_of(arrays: Arrays) -> Tensors:
    """Return the arrays as tensors in the memory of the CPU.

    Input pipelines run there, and a whole data set may not fit into a GPU.

    Raises:
        MissingDependencyError: If TensorFlow is not installed.
    """
    tf = import_tensorflow("dataset_function")
    with tf.device("CPU:0"):
        return tf.convert_to_tensor(arrays[0]), tf.convert_to_tensor(arrays[1])


def tensor_batches(tensors: Tensors, num_epochs: int, batch_size: int) -> tensorflow.data.Dataset:
    """Return the same batches as :func:`numpy_batches` as a ``tf.data.Dataset``.

    Whole batches are cut out of the arrays. To slice row by row takes several times as long.

    Raises:
        MissingDependencyError: If TensorFlow is not installed.
    """
    tf = import_tensorflow("dataset_function")
    features, labels = tensors
    count, size = len(labels), int(batch_size)
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


def _rows(array: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
    """Return a copy of the rows from one number to another, counted on through all epochs."""
    count = len(array)
    first = start % count
    last = first + stop - start
    return array[first:last].copy() if last <= count else array[np.arange(first, last) % count]
