"""A registered training data set as it travels to the workers, and the ``tf.data.Dataset`` made from it."""

from __future__ import annotations

import glob
import os
import re
import tempfile
from typing import Any, Protocol

import numpy as np

from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.common.json_values import closest
from maggy.common.keras_session import import_tensorflow
from maggy.datasets.remote_files import RemoteFiles

__all__ = ["DATA_FILE", "SHIPPED_BYTES", "TFRECORD_NAME", "Files", "Source", "TrainingDataset"]

DATA_FILE = "data.npz"
TFRECORD_NAME = re.compile(r"^(part-r-|[^._].*\.tfrecord)(?!.*\.crc$)")
SHIPPED_BYTES = 32 * 2**20
"""Up to this size the numbers themselves travel to the workers; beyond, only the path does."""


class Files(Protocol):
    """Where TFRecord files lie that TensorFlow cannot open itself; see :class:`RemoteFiles`."""

    def find(self, url: str) -> list[str]: ...

    def fetch(self, url: str, folder: str, names: list[str] | None = None) -> list[str]: ...


class Source(Protocol):
    """What can read a table again on a worker; travels to it."""

    def read(self) -> tuple[list[str], dict[str, Any]]: ...


class TrainingDataset:
    """The columns of a training data set, with the label kept apart from the features.

    Pickled with its numbers up to ``SHIPPED_BYTES``; a larger one, and TFRecord, is read on the worker
    from the same path.

    Args:
        folder: Where it is registered.
        label: The column that the model predicts, or None.
        names: All columns in order; None for TFRecord, whose columns are known once a record is read.
        tfrecord_path: File, folder or pattern of TFRecord files, or None. Those of a URL are copied to the worker's
            disk once.
        files: How files of a URL are reached.
        source: Reads the numbers where they are not in the folder's ``DATA_FILE``.
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
        self.files: Files = files or RemoteFiles()
        self.source = source
        self.columns: dict[str, Any] | None = None
        self._copies: tempfile.TemporaryDirectory[str] | None = None
        self._copied: list[str] = []

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_copies": None, "_copied": []}
        if self.columns and sum(column.nbytes for column in self.columns.values()) > SHIPPED_BYTES:
            state["columns"] = None
        return state

    def load(self) -> None:
        """Reads the numbers, as float32, unless they are there or are TFRecord.

        Raises:
            AblationError: The folder cannot be reached from here.
        """
        if self.columns is not None or self.names is None:
            return
        if self.source is not None:
            columns = self.source.read()[1]
            self.columns = {name: columns[name].astype(np.float32) for name in self.names}
            return
        try:
            with np.load(os.path.join(self.folder, DATA_FILE), allow_pickle=False) as stored:
                arrays = [
                    stored[f"arr_{position}"].astype(np.float32)
                    for position in range(len(self.names))
                ]
        except FileNotFoundError:
            raise AblationError(
                f"The training data set is larger than {SHIPPED_BYTES // 2**20} MiB, so workers read it themselves, "
                f"but {self.folder} is not there on this worker. Register it in a folder that all machines share "
                "(set MAGGY_DATASET_DIR to it)."
            ) from None
        self.columns = dict(zip(self.names, arrays, strict=True))

    def check_names(self, ablated: list[str]) -> None:
        """Checks the label and the features to be ablated against the columns; reads a first TFRecord if need be.

        Raises:
            AblationError: One is not there (with the closest name), is the label, or is the only feature.
        """
        names = self.names if self.names is not None else list(self._record_schema())
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
        if len(features) <= bool(ablated):
            raise AblationError(
                "A training data set needs a feature beside its label, and two if one is ablated."
            )

    def dataset(self, num_epochs: int, batch_size: int, ablated_feature: str | None = None) -> Any:
        """What a training function gets from ``dataset_function(num_epochs, batch_size)``.

        The rows come in their order (they are not shuffled, so that trials differ in nothing but their
        component), repeated ``num_epochs`` times, then batched.

        Args:
            num_epochs: At least 1.
            batch_size: Rows in a batch, at least 1; the last batch may be smaller.
            ablated_feature: The feature to leave out, or None.

        Returns:
            A ``tf.data.Dataset`` of features, ``(batch, n)`` float32 in the order of the schema without
            the label and the ablated feature, and labels, ``(batch,)`` float32.
        """
        for what, value in (("num_epochs", num_epochs), ("batch_size", batch_size)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise BadArgumentsError(
                    f"{what} must be an integer of at least 1, but got {value!r:.80}."
                )
        tf = import_tensorflow("dataset_function")
        self.check_names([] if ablated_feature is None else [ablated_feature])
        if self.tfrecord_path is not None:
            return self._from_records(ablated_feature, int(num_epochs), int(batch_size))
        self.load()
        columns = self.columns or {}
        matrix = np.stack(
            [columns[name] for name in self._features(list(columns), ablated_feature)], axis=1
        )
        rows = tf.data.Dataset.from_tensor_slices((matrix, columns[str(self.label)]))
        return rows.repeat(int(num_epochs)).batch(int(batch_size))

    def _features(self, names: list[str], ablated: str | None) -> list[str]:
        return [name for name in names if name not in (self.label, ablated)]

    def _from_records(self, ablated: str | None, num_epochs: int, batch_size: int) -> Any:
        tf = import_tensorflow("dataset_function")
        schema, label = self._record_schema(), str(self.label)
        features = self._features(list(schema), ablated)
        wanted = {name: schema[name] for name in [*features, label]}

        def parse(records: Any) -> Any:
            row = {
                name: tf.cast(value, tf.float32)
                for name, value in tf.io.parse_example(records, wanted).items()
            }
            return tf.stack([row[name] for name in features], axis=1), row[label]

        return self._records().repeat(num_epochs).batch(batch_size).map(parse)

    def _records(self) -> Any:
        tf = import_tensorflow("A TFRecord data set")
        files = self._record_files()
        return tf.data.TFRecordDataset(
            files, compression_type="GZIP" if files[0].endswith(".gz") else ""
        )

    def _record_files(self) -> list[str]:
        path = str(self.tfrecord_path)
        if "://" not in path:
            return _record_files(path)
        if not self._copied:
            found = self.files.find(path)
            names = _only_records(path, found)
            self._copies = tempfile.TemporaryDirectory(prefix="maggy-records-")
            self._copied = self.files.fetch(
                path, self._copies.name, [name.rsplit("/", 1)[-1] for name in names]
            )
        return self._copied

    def _record_schema(self) -> dict[str, Any]:
        """Feature name -> how tf.io parses it, from the first record, sorted by name."""
        tf = import_tensorflow("A TFRecord data set")
        first = next(iter(self._records().take(1)), None)
        if first is None:
            raise AblationError(
                f"A training data set must have rows, but no record is in {self.tfrecord_path}."
            )
        found = tf.train.Example.FromString(first.numpy()).features.feature
        return {name: _record_column(tf, name, found[name]) for name in sorted(found)}


def _record_column(tf: Any, name: str, feature: Any) -> Any:
    kind = feature.WhichOneof("kind")
    if kind == "bytes_list":
        raise AblationError(
            f"A training data set must hold numbers only, but feature '{name}' holds text, for example "
            f"{list(feature.bytes_list.value)[:1]!r:.80}. Encode it as numbers before writing the TFRecord files."
        )
    values = feature.int64_list.value if kind == "int64_list" else feature.float_list.value
    if len(values) != 1:
        raise AblationError(
            f"A training data set must hold one number a feature, but '{name}' holds {len(values)}. "
            "Split it into single features, or use a data set generator of your own."
        )
    if kind == "int64_list":
        return tf.io.FixedLenFeature([], tf.int64)
    return tf.io.FixedLenFeature(
        [], tf.float32, default_value=float("nan")
    )  # writers leave missing values out


def _record_files(path: str) -> list[str]:
    """The files of a TFRecord path in the order of their names, so that rows always come in the same order."""
    if os.path.isdir(path):
        listed = [
            os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names
        ]
    else:
        listed = glob.glob(path)
    return _only_records(path, listed)


def _only_records(path: str, listed: list[str]) -> list[str]:
    # A file that is named itself is taken whatever it is called.
    whole = len(listed) == 1 and path.endswith(listed[0].lstrip("/"))
    files = sorted(file for file in listed if whole or TFRECORD_NAME.search(os.path.basename(file)))
    if not files:
        raise AblationError(
            f"No TFRecord file is at {path} on this worker. Put it where all machines can read it, "
            "and register that path."
        )
    return files
