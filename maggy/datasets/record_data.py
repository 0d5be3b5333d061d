"""Read TFRecord files for a trial: as a stream, or into memory as columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import AblationError
from maggy.common.files import Files, LocalCopies
from maggy.common.keras_session import import_tensorflow
from maggy.datasets.batching import Arrays, check_batching
from maggy.datasets.options import DataOptions, Split
from maggy.datasets.table import Column
from maggy.datasets.tfrecords import find_records, parser_of
from maggy.datasets.trial_data import check_split

if TYPE_CHECKING:
    import tensorflow

__all__ = ["RecordFiles", "RecordStream"]

_CAUSE = re.compile(r"Feature: .*")
"""The part of TensorFlow's message that names a missing value."""
_BATCH_ROWS = 8192
"""Rows that are parsed at once where all rows are read."""


class RecordFiles:
    """Read TFRecord files with TensorFlow.

    Args:
        files: Access to the files. Those that are not on this machine's disk are copied once.
        path: A file, a folder or a pattern.
    """

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        # Copies are deleted with this object, so the two belong together.
        self._copies: LocalCopies | None = None

    def __getstate__(self) -> dict[str, object]:
        # The copies are on the disk of this machine only.
        return {**self.__dict__, "_copies": None}

    def names(self) -> list[str]:
        """Return the names of the columns, sorted. This reads the first record."""
        return list(self._parsers())

    def read_columns(self) -> dict[str, Column]:
        """Return all columns by name, as float32."""
        names = self.names()
        parts = [matrix for matrix, _ in self.stream(names, names[0], 1, _BATCH_ROWS)]
        rows = np.concatenate([part.numpy() for part in parts])
        return {name: rows[:, position].copy() for position, name in enumerate(names)}

    def missing_counts(self) -> dict[str, int]:
        """Return the number of missing values of each column."""
        names = self.names()
        counts = np.zeros(len(names), np.int64)
        tf = import_tensorflow("A TFRecord data set")
        try:
            for matrix, _ in self.stream(names, names[0], 1, _BATCH_ROWS):
                counts += np.isnan(matrix.numpy()).sum(axis=0)
        except tf.errors.InvalidArgumentError as error:
            cause = "".join(_CAUSE.findall(error.message))
            raise AblationError(
                "Every record must have the integers that the first one has, but in "
                f"{without_credentials(self._path)} one has not. TensorFlow says: {cause} "
                "Write columns with missing values as floats."
            ) from error
        return dict(zip(names, map(int, counts), strict=True))

    def stream(
        self, features: Sequence[str], label: str, num_epochs: int, batch_size: int
    ) -> tensorflow.data.Dataset:
        """Return a ``tf.data.Dataset`` of features and labels that reads the files as it goes."""
        tf = import_tensorflow("dataset_function")
        parsers = self._parsers()
        parsers = {name: parsers[name] for name in dict.fromkeys([*features, label])}

        def parse(records: tensorflow.Tensor) -> tuple[tensorflow.Tensor, tensorflow.Tensor]:
            row = {
                name: tf.cast(value, tf.float32)
                for name, value in tf.io.parse_example(records, parsers).items()
            }
            return tf.stack([row[name] for name in features], axis=1), row[label]

        # Whole batches are parsed at once, which is much faster than record by record.
        return self._records().repeat(num_epochs).batch(batch_size).map(parse)

    def _records(self) -> tensorflow.data.Dataset:
        tf = import_tensorflow("A TFRecord data set")
        if self._copies is None:
            self._copies = self._files.fetch(find_records(self._files, self._path))
        files = self._copies.paths
        # TensorFlow does not find the compression out itself; all files have the same.
        compression = "GZIP" if files[0].endswith(".gz") else ""
        return tf.data.TFRecordDataset(files, compression_type=compression)

    def _parsers(self) -> dict[str, tensorflow.io.FixedLenFeature]:
        """Return how TensorFlow parses each feature of the first record, sorted by name."""
        tf = import_tensorflow("A TFRecord data set")
        record = next(iter(self._records().take(1)), None)
        if record is None:
            raise AblationError(
                "A training data set must have rows, but no record is in "
                f"{without_credentials(self._path)}."
            )
        features = tf.train.Example.FromString(record.numpy()).features.feature
        return {name: parser_of(tf, name, features[name]) for name in sorted(features)}


class RecordStream:
    """The data of a trial that needs no whole columns: records are parsed as they are read.

    It has the methods of :class:`~maggy.datasets.trial_data.TrialData`.

    Args:
        records: The files.
        names: The features that the trial gets.
        label: The column to predict.
    """

    def __init__(self, records: RecordFiles, names: list[str], label: str) -> None:
        self.names = names
        self._records = records
        self._label = label

    def check(self) -> None:
        """Do nothing: rows are read in their order, and no statistic is needed."""

    def arrays(self, split: Split = "train") -> Arrays:
        """Return features and labels as new float32 arrays."""
        parts = list(self.batches(1, _BATCH_ROWS, split))
        features, labels = zip(*parts, strict=True)
        return np.concatenate(features), np.concatenate(labels)

    def batches(self, num_epochs: int, batch_size: int, split: Split = "train") -> Iterator[Arrays]:
        """Return a generator of pairs of arrays."""
        tensors = self.dataset(num_epochs, batch_size, split)
        return ((features.numpy(), labels.numpy()) for features, labels in tensors)

    def dataset(
        self, num_epochs: int, batch_size: int, split: Split = "train"
    ) -> tensorflow.data.Dataset:
        """Return the batches as a ``tf.data.Dataset``."""
        check_batching(num_epochs, batch_size)
        check_split(split, DataOptions())
        return self._records.stream(self.names, self._label, int(num_epochs), int(batch_size))
