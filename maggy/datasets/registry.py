"""Register training data sets in a folder, and find them again.

A data set is a folder ``<root>/<name>_<version>/``. For TFRecord files it holds only their path.
The root is ``$MAGGY_DATASET_DIR``, a folder or an fsspec URL, else ``./Training_Datasets``.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, TypeAlias

from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.common.files import AnyFiles
from maggy.common.json_values import closest
from maggy.datasets.columns import read_frame, read_path
from maggy.datasets.file_formats import FORMATS, format_at, format_of_name
from maggy.datasets.stored_table import StoredTable, has_schema, read_schema, write_data_set
from maggy.datasets.table import Schema, SparkFrame, Table
from maggy.datasets.table_warnings import table_warnings
from maggy.datasets.training_dataset import TrainingDataset

if TYPE_CHECKING:
    import pandas

__all__ = [
    "dataset_root",
    "find_training_dataset",
    "folder_name",
    "format_of_name",
    "register_training_dataset",
]

_log = logging.getLogger(__name__)
_FILES = AnyFiles()

TrainingData: TypeAlias = "SparkFrame | pandas.DataFrame | str | os.PathLike[str]"
"""The data that can be registered: a data frame, or the path of files."""


def dataset_root() -> str:
    """Return the folder of all registered data sets: an absolute path, or a URL as it is."""
    return _FILES.resolve(os.environ.get("MAGGY_DATASET_DIR") or "Training_Datasets")


def register_training_dataset(data: TrainingData, name: str, version: int = 1) -> str:
    """Register a training data set, so that an ``AblationStudy`` finds it by name and version.

    Frames, CSV and Parquet are copied now, so later changes of the source have no effect. Every
    column must hold numbers: a bool becomes 0 or 1, a missing value NaN. A warning says how many
    values are missing in each column, and which columns hold different integers that become one
    number, because trials get 32-bit floats.

    For TFRecord files Maggy records only the path. The workers read them, so they must reach the
    same path. Their features come in the order of their names, because a ``tf.train.Example`` has
    no order.

    A data set with the same name and version is replaced. The data set is stored in
    ``$MAGGY_DATASET_DIR``, else in ``./Training_Datasets``.

    Example:
        >>> import pandas
        >>> from maggy.ablation import register_training_dataset
        >>> frame = pandas.DataFrame({"age": [42, 13], "fare": [7.1, 20.0], "survived": [0, 1]})
        >>> folder = register_training_dataset(frame, "titanic_train_dataset")

    Args:
        data: A Spark or pandas data frame, or a path: a CSV or Parquet file or folder, or a
            TFRecord file, folder or pattern (``part-r-*``, ``*.tfrecord*``).
        name: Letters, digits, ``_``, ``-`` and ``.``; it must not begin with ``.`` or ``-``.
        version: An integer of at least 1.

    Returns:
        The data set's folder.

    Raises:
        BadArgumentsError: If the data are of another kind, do not exist or are not numbers.
    """
    folder = _FILES.join(dataset_root(), folder_name(name, version))
    schema, table = _read(data)
    write_data_set(_FILES, folder, schema, table)
    for warning in table_warnings(table) if table is not None else []:
        _log.warning("Training data set '%s', version %d: %s", name, version, warning)
    return folder


def find_training_dataset(
    name: str, version: int | None = 1, label: str | None = None
) -> TrainingDataset:
    """Return the registered data set with this name and version.

    Args:
        name: Its name.
        version: Its version.
        label: The column that is kept apart from the features.

    Raises:
        AblationError: If there is none. The message names the folder, the closest name and how to
            register a data set.
    """
    root = dataset_root()
    folder = _FILES.join(root, folder_name(name, version))
    try:
        schema = read_schema(_FILES, folder)
    except FileNotFoundError:
        raise AblationError(_unknown_text(root, name, version)) from None
    return TrainingDataset(
        folder=folder,
        label=label,
        names=schema.get("columns"),
        tfrecord_path=schema.get("path"),
        source=StoredTable(_FILES, folder, schema) if "columns" in schema else None,
    )


def folder_name(name: str, version: int | None) -> str:
    """Return the name of a data set's folder below the root.

    Raises:
        BadArgumentsError: If the name is not safe as a folder's name, or the version is not an
            integer of at least 1.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
        raise BadArgumentsError(
            "A training data set's name must consist of letters, digits, '_', '-' and '.', and not "
            f"begin with '-' or '.', but got {name!r:.80}."
        )
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise BadArgumentsError(
            "A training data set's version must be an integer of at least 1, "
            f"but got {version!r:.80}."
        )
    return f"{name}_{version}"


def _read(data: TrainingData) -> tuple[Schema, Table | None]:
    """Return the schema of the data to register, and their numbers; None for TFRecord."""
    table = read_frame(data)
    if table is None:
        if not isinstance(data, (str, os.PathLike)):
            raise BadArgumentsError(
                f"A training data set must be {FORMATS}, but got {type(data).__name__}."
            )
        path = _FILES.resolve(os.fspath(data))
        file_format = format_at(path)
        if file_format == "tfrecord":
            return {"format": "tfrecord", "path": path}, None
        table = read_path(path, file_format)
    return {"format": "npz", "columns": table[0]}, table


def _unknown_text(root: str, name: str, version: int | None) -> str:
    # The name itself may contain "_"; the version follows the last one.
    pairs = sorted(
        folder.rpartition("_")[::2]
        for folder in _FILES.list(root)
        if "_" in folder and has_schema(_FILES, _FILES.join(root, folder))
    )
    names = list(dict.fromkeys(other for other, _ in pairs))
    versions = [number for other, number in pairs if other == name]
    hint = closest(name, names)
    if versions:
        hint = f" It is registered in the versions {', '.join(versions)}."
    elif names and not hint:
        hint = f" The registered data sets are: {', '.join(names)}."
    return (
        f"No training data set '{name}', version {version}, is registered in {root}.{hint} "
        f"Register it with maggy.ablation.register_training_dataset(data, '{name}', "
        f"version={version}), or set the environment variable MAGGY_DATASET_DIR to the folder "
        "where it was registered."
    )
