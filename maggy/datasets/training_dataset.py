"""Carry a registered training data set to the workers: its columns, and their names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from maggy.common.exceptions import AblationError
from maggy.common.files import AnyFiles, Files
from maggy.common.json_values import closest
from maggy.common.keras_session import import_tensorflow
from maggy.datasets.batching import check_batching
from maggy.datasets.options import DataOptions, Draw
from maggy.datasets.record_data import RecordFiles, RecordStream
from maggy.datasets.table import Column, Table
from maggy.datasets.trial_data import TrialData

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
        self._records = None if tfrecord_path is None else RecordFiles(self.files, tfrecord_path)

    def __getstate__(self) -> dict[str, object]:
        state = dict(self.__dict__)
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

    def column_names(self) -> list[str]:
        """Return the names of all columns in order. For TFRecord this reads the first record."""
        if self.names is None and self._records is not None:
            self.names = self._records.names()
        return self.names or []

    def feature_names(self) -> list[str]:
        """Return the names of all columns but the label, in order."""
        return [name for name in self.column_names() if name != self.label]

    def fingerprint(self) -> str:
        """Return a text that is another one for other names or numbers.

        It is empty for TFRecord, whose records are read by the workers only.
        """
        self.load()
        if self._records is not None or self.columns is None:
            return ""
        digest = hashlib.sha256(repr(self.names).encode())
        for name in self.column_names():
            digest.update(self.columns[name].tobytes())
        return digest.hexdigest()[:16]

    def missing_counts(self) -> dict[str, int]:
        """Return the number of missing values of each column that has any.

        For TFRecord this reads all records.
        """
        if self._records is not None and self.columns is None:
            counts = self._records.missing_counts()
        else:
            self.load()
            counts = {
                name: int(np.count_nonzero(np.isnan(column)))
                for name, column in (self.columns or {}).items()
            }
        return {name: count for name, count in counts.items() if count}

    def check_names(self, ablated: Iterable[str], is_dropped: bool = True) -> None:
        """Check that the label and the features to ablate are among the columns.

        For TFRecord this reads the first record.

        Args:
            ablated: The names of the features to ablate.
            is_dropped: Whether an ablated feature is no longer among the features.

        Raises:
            AblationError: If a name does not exist (with the closest name), is the label, or is the
                only feature.
        """
        ablated = list(ablated)
        names, features = self.column_names(), self.feature_names()
        if self.label not in names:
            raise AblationError(
                f"The training data set has no column '{self.label}' to be the label."
                f"{closest(str(self.label), names)} Its columns are: {', '.join(names)}."
            )
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
        if len(features) <= (is_dropped and bool(ablated)):
            raise AblationError(
                "A training data set needs a feature beside its label, and two if one is ablated."
            )

    def check_rest(self, ablated: Iterable[str]) -> None:
        """Check that a feature remains if others are dropped together.

        Raises:
            AblationError: If none remains.
        """
        ablated = list(ablated)
        if not set(self.feature_names()) - set(ablated):
            raise AblationError(
                f"A feature must remain, but without {', '.join(ablated)} there is none. "
                "Leave out fewer, or keep their columns: feature_ablation='mean', 'zero' or "
                "'permute'."
            )

    def of_trial(
        self,
        ablated: Iterable[str] = (),
        options: DataOptions | None = None,
        draw: Draw | None = None,
    ) -> TrialData | RecordStream:
        """Return the data of a trial.

        Args:
            ablated: The features that it leaves out.
            options: The options of the study.
            draw: What the trials of a repeat share.

        Raises:
            AblationError: If the label or an ablated feature does not exist, or no feature remains.
        """
        options, label, names = options or DataOptions(), str(self.label), list(ablated)
        self.load()
        is_dropped = options.feature_ablation == "drop"
        self.check_names(names, is_dropped)
        if is_dropped:
            self.check_rest(names)
        if self._records is not None and not options.needs_columns:
            rest = [name for name in self.feature_names() if name not in names]
            return RecordStream(self._records, rest, label)
        if self._records is not None and self.columns is None:
            self.columns = self._records.read_columns()
        return TrialData(self.columns or {}, label, names, options, draw)

    def dataset(
        self, num_epochs: int, batch_size: int, ablated_feature: str | None = None
    ) -> tensorflow.data.Dataset:
        """Return the data for a training function, all rows of them.

        The rows come in their order, repeated ``num_epochs`` times, then batched. They are not
        shuffled, so that trials differ only in their component.

        Args:
            num_epochs: The number of repetitions, at least 1.
            batch_size: Rows in a batch, at least 1; the last batch may be smaller.
            ablated_feature: The feature to leave out, or None.

        Returns:
            A ``tf.data.Dataset`` of features, ``(batch, n)`` float32 in the order of the schema
            without the label and the ablated feature, and labels, ``(batch,)`` float32.

        Raises:
            AblationError: If the label or the ablated feature does not exist.
            BadArgumentsError: If a number is not an integer of at least 1.
            MissingDependencyError: If TensorFlow is not installed.
        """
        check_batching(num_epochs, batch_size)
        import_tensorflow("dataset_function")
        ablated = [] if ablated_feature is None else [ablated_feature]
        return self.of_trial(ablated).dataset(num_epochs, batch_size)
