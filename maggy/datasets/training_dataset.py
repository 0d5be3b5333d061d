"""A registered training data set as it travels to the workers, and its ``tf.data.Dataset``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.common.files import AnyFiles, Files, LocalCopies
from maggy.common.json_values import closest
from maggy.common.keras_session import import_tensorflow
from maggy.datasets.table import Column, Table
from maggy.datasets.tfrecords import find_records, parser_of

if TYPE_CHECKING:
    import tensorflow

__all__ = ["SHIPPED_BYTES", "Source", "TrainingDataset"]

SHIPPED_BYTES = 32 * 2**20
"""The size up to which the numbers themselves travel to the workers. Beyond, only the path does."""


class Source(Protocol):
    """Read a table again on a worker, to which the source travels."""

    def read(self) -> Table:
        """Return the names of the columns, and the columns, as float32 or another type."""


class TrainingDataset:
    """Hold the columns of a training data set, with the label apart from the features.

    It is pickled with its numbers up to ``SHIPPED_BYTES``. A worker reads a larger one, and
    TFRecord, from the same path.

    Args:
        folder: The folder where it is registered.
        label: The column that the model predicts, or None.
        names: All columns in order; None for TFRecord, whose columns are known once a record is
            read.
        tfrecord_path: File, folder or pattern of TFRecord files, or None. Files that are not on the
            worker's disk are copied to it once.
        files: Access to the TFRecord files.
        source: Reads the numbers; None for TFRecord.

    Attributes:
        columns: The numbers by the name of the column, as float32; None until they are loaded.
    """

    def __init__(
        self,
        folder: str,
        label: str | None,
        names: list[str] | None,
        tfrecord_path: str | None,
        *,
        files: Files | None = None,
        source: Source | None = None,
    ) -> None:
        self.folder = folder
        self.label = label
        self.names = names
        self.tfrecord_path = tfrecord_path
        self.files = files or AnyFiles()
        self.source = source
        self.columns: dict[str, Column] | None = None
        # Copies are deleted with this object, so the two belong together.
        self._copies: LocalCopies | None = None

    def __getstate__(self) -> dict[str, object]:
        # The copies are on the disk of this machine only.
        state = {**self.__dict__, "_copies": None}
        if self.columns and sum(column.nbytes for column in self.columns.values()) > SHIPPED_BYTES:
            state["columns"] = None
        return state

    def load(self) -> None:
        """Read the numbers as float32, unless they are loaded or are TFRecord.

        If the data set has been replaced since it was found, the new columns are read.

        Raises:
            AblationError: If the folder cannot be reached from this machine.
        """
        if self.columns is not None or self.source is None:
            return
        try:
            self.names, columns = self.source.read()
        except FileNotFoundError:
            raise AblationError(
                f"The training data set is larger than {SHIPPED_BYTES // 2**20} MiB, so workers "
                f"read it themselves, but {self.folder} is not there on this worker. Register it "
                "in a folder that all machines share (set MAGGY_DATASET_DIR to it)."
            ) from None
        self.columns = {name: columns[name].astype(np.float32, copy=False) for name in self.names}

    def check_names(self, ablated: list[str]) -> None:
        """Check that the label and the features to ablate are among the columns.

        For TFRecord this reads the first record.

        Args:
            ablated: The names of the features to ablate.

        Raises:
            AblationError: If a name does not exist (with the closest name), is the label, or is the
                only feature.
        """
        names = self.names if self.names is not None else list(self._record_parsers())
        if self.label not in names:
            raise AblationError(
                f"The training data set has no column '{self.label}' to be the label."
                f"{closest(str(self.label), names)} Its columns are: {', '.join(names)}."
            )
        features = [name for name in names if name != self.label]
        for name in ablated:
            if name == self.label:
                raise AblationError(
                    f"'{name}' is the label, which the model predicts, so it cannot be ablated."
                )
            if name not in features:
                raise AblationError(
                    f"The training data set has no feature '{name}'.{closest(name, features)} "
                    f"Its features are: {', '.join(features)}."
                )
        # With an ablated feature (True counts as 1) at least one other must remain.
        if len(features) <= bool(ablated):
            raise AblationError(
                "A training data set needs a feature beside its label, and two if one is ablated."
            )

    def check_remainders(self, combinations: Iterable[Collection[str]]) -> None:
        """Check that a feature remains whichever of these are left out together.

        For TFRecord this reads the first record.

        Args:
            combinations: The names of the features that one trial leaves out, for several trials.

        Raises:
            AblationError: If none remains.
        """
        names = self.names if self.names is not None else list(self._record_parsers())
        for ablated in combinations:
            if not self._features(names, ablated):
                raise AblationError(
                    "A trial needs at least one feature, but together the features "
                    f"{', '.join(ablated)} are all that the training data set has. "
                    "Leave out fewer, or keep their columns with feature_ablation='mean'."
                )

    def dataset(
        self,
        num_epochs: int,
        batch_size: int,
        ablated_feature: str | Sequence[str] | None = None,
    ) -> tensorflow.data.Dataset:
        """Return the data for a training function: the result of its ``dataset_function``.

        The rows come in their order, repeated ``num_epochs`` times, then batched. They are not
        shuffled, so that trials differ only in their component.

        Args:
            num_epochs: The number of repetitions, at least 1.
            batch_size: Rows in a batch, at least 1; the last batch may be smaller.
            ablated_feature: The feature to leave out, several in a list, or None.

        Returns:
            A ``tf.data.Dataset`` of features, ``(batch, n)`` float32 in the order of the schema
            without the label and the ablated features, and labels, ``(batch,)`` float32.

        Raises:
            AblationError: If the label or an ablated feature does not exist, or none remains.
            BadArgumentsError: If a number is not an integer of at least 1.
            MissingDependencyError: If TensorFlow is not installed.
        """
        for name, value in (("num_epochs", num_epochs), ("batch_size", batch_size)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise BadArgumentsError(
                    f"{name} must be an integer of at least 1, but got {value!r:.80}."
                )
        tf = import_tensorflow("dataset_function")
        self.load()
        names = [ablated_feature] if isinstance(ablated_feature, str) else ablated_feature
        ablated = list(names or ())
        self.check_names(ablated)
        if len(ablated) > 1:
            self.check_remainders([ablated])
        if self.tfrecord_path is not None:
            return self._parse_records(ablated, int(num_epochs), int(batch_size))
        columns = self.columns or {}
        features = self._features(list(columns), ablated)
        matrix = np.stack([columns[name] for name in features], axis=1)
        rows = tf.data.Dataset.from_tensor_slices((matrix, columns[str(self.label)]))
        return rows.repeat(int(num_epochs)).batch(int(batch_size))

    def _features(self, names: Iterable[str], ablated: Collection[str]) -> list[str]:
        return [name for name in names if name not in (self.label, *ablated)]

    def _parse_records(
        self, ablated: Collection[str], num_epochs: int, batch_size: int
    ) -> tensorflow.data.Dataset:
        tf = import_tensorflow("dataset_function")
        parsers, label = self._record_parsers(), str(self.label)
        features = self._features(list(parsers), ablated)
        parsers = {name: parsers[name] for name in [*features, label]}

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
            self._copies = self.files.fetch(find_records(self.files, str(self.tfrecord_path)))
        files = self._copies.paths
        # TensorFlow does not find the compression out itself; all files have the same.
        compression = "GZIP" if files[0].endswith(".gz") else ""
        return tf.data.TFRecordDataset(files, compression_type=compression)

    def _record_parsers(self) -> dict[str, tensorflow.io.FixedLenFeature]:
        """Return how TensorFlow parses each feature of the first record, sorted by name."""
        tf = import_tensorflow("A TFRecord data set")
        record = next(iter(self._records().take(1)), None)
        if record is None:
            raise AblationError(
                f"A training data set must have rows, but no record is in {self.tfrecord_path}."
            )
        features = tf.train.Example.FromString(record.numpy()).features.feature
        return {name: parser_of(tf, name, features[name]) for name in sorted(features)}
