"""The folder of registered training data sets: register a data set, and find it again.

A data set is the folder ``<root>/<name>_<version>/`` with ``schema.json`` and ``data.npz``. Of
TFRecord files only the path is kept, in the schema. The root is ``$MAGGY_DATASET_DIR``, a folder or
an fsspec URL, else ``./Training_Datasets``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from maggy.common.exceptions import AblationError, BadArgumentsError, MissingDependencyError
from maggy.common.json_values import closest
from maggy.common.optional import can_import
from maggy.datasets import remote_files
from maggy.datasets.columns import read_frame, read_path
from maggy.datasets.file_kinds import FORMATS, file_kind, kind_at
from maggy.datasets.remote_files import RemoteFiles, RemoteTable
from maggy.datasets.table import SCHEMA_FILE, Schema, SparkFrame, Table
from maggy.datasets.training_dataset import DATA_FILE, TrainingDataset

if TYPE_CHECKING:
    import pandas

__all__ = [
    "dataset_root",
    "file_kind",
    "find_training_dataset",
    "folder_name",
    "register_training_dataset",
]

TrainingData: TypeAlias = "SparkFrame | pandas.DataFrame | str | os.PathLike[str]"
"""The data that can be registered: a data frame, or the path of files."""


def dataset_root() -> str:
    """Return the folder of all registered data sets: an absolute path, or a URL as it is."""
    root = os.environ.get("MAGGY_DATASET_DIR") or "Training_Datasets"
    if "://" in root and not root.startswith("file://"):
        return root.rstrip("/")
    return str(Path(root.removeprefix("file://")).expanduser().absolute())


def register_training_dataset(data: TrainingData, name: str, version: int = 1) -> str:
    """Register a training data set, so that an ``AblationStudy`` finds it by name and version.

    Frames, CSV and Parquet are copied now, so later changes of the source have no effect. Every
    column must hold numbers: a bool becomes 0 or 1, a missing value NaN.

    Of TFRecord files only the path is recorded. The workers read them, so they must reach the same
    path. Their features come in the order of their names, because a ``tf.train.Example`` has no
    order.

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
    folder = f"{dataset_root()}/{folder_name(name, version)}"
    schema, table = _read(data)
    if "://" in folder:
        remote_files.write_data_set(folder, schema, table)
    else:
        _write(Path(folder), schema, table)
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
    folder = f"{root}/{folder_name(name, version)}"
    try:
        schema = _read_schema(folder)
    except FileNotFoundError:
        raise AblationError(_unknown_text(root, name, version)) from None
    names, data = schema.get("columns"), schema.get("data")
    # Only the schema at a URL names the file with the numbers.
    source = RemoteTable(f"{folder}/{data}", tuple(names)) if names and data else None
    return TrainingDataset(
        folder=folder, label=label, names=names, tfrecord_path=schema.get("path"), source=source
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
        path = _absolute(os.fspath(data))
        kind = kind_at(path)
        if kind == "tfrecord":
            return {"format": "tfrecord", "path": path}, None
        table = _read_table(path, kind)
    return {"format": "npz", "columns": table[0]}, table


def _read_table(path: str, kind: str) -> Table:
    """Read a table. The files of a URL are copied to the local disk first, or Spark reads them."""
    if "://" not in path or not can_import("pandas" if kind == "csv" else "pyarrow"):
        return read_path(path, kind)
    with tempfile.TemporaryDirectory(prefix="maggy-table-") as folder:
        try:
            RemoteFiles().fetch(path, folder)
        except MissingDependencyError:  # Spark may have the package for the scheme
            return read_path(path, kind)
        return read_path(folder, kind)


def _read_schema(folder: str) -> Schema:
    if "://" in folder:
        return remote_files.read_schema(folder)
    schema: Schema = json.loads(Path(folder, SCHEMA_FILE).read_text(encoding="utf-8"))
    return schema


def _unknown_text(root: str, name: str, version: int | None) -> str:
    if "://" in root:
        folders = remote_files.list_data_sets(root)
    else:
        folders = [path.parent.name for path in Path(root).glob(f"*_*/{SCHEMA_FILE}")]
    # The name itself may contain "_"; the version follows the last one.
    pairs = sorted(folder.rpartition("_")[::2] for folder in folders)
    names = list(dict.fromkeys(other for other, _ in pairs))
    versions = [number for other, number in pairs if other == name]
    hint = closest(name, names)
    if versions:
        hint = f" Registered versions of it: {', '.join(versions)}."
    elif names and not hint:
        hint = f" Registered are: {', '.join(names)}."
    return (
        f"No training data set '{name}', version {version}, is registered in {root}.{hint} "
        f"Register it with maggy.ablation.register_training_dataset(data, '{name}', "
        f"version={version}), or set the environment variable MAGGY_DATASET_DIR to the folder "
        "where it was registered."
    )


def _absolute(path: str) -> str:
    path = path.removeprefix("file://")
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


def _write(folder: Path, schema: Schema, table: Table | None) -> None:
    """Write the data set beside its place and rename it, so that nobody reads half of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _check_replaceable(folder)
    # In the same folder, because a file can be renamed only within one file system.
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        new = temporary / "new"
        new.mkdir()
        if table is not None:
            names, columns = table
            # Arrays by position, because a column may have a name that is no file name.
            np.savez(new / DATA_FILE, *(columns[name] for name in names))
        (new / SCHEMA_FILE).write_text(json.dumps(schema, indent=1), encoding="utf-8")
        # A full folder cannot be replaced in one step, so for an instant there is none.
        if folder.exists():
            os.rename(folder, temporary / "old")
        os.rename(new, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and {path.name for path in folder.iterdir()} - {SCHEMA_FILE, DATA_FILE}:
        raise BadArgumentsError(
            f"The folder {folder} holds files that were not registered, and registering would "
            "delete them. Choose another name or version, or move the folder away."
        )
