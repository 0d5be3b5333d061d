"""The folder of registered training data sets: registering one and finding it again. Reads no TFRecord itself.

A data set is the folder ``<root>/<name>_<version>/`` with ``schema.json`` and, unless it is TFRecord
(of which only the path is kept), ``data.npz``. The root is ``$MAGGY_DATASET_DIR``, a folder or an
fsspec URL, else ``./Training_Datasets``.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from maggy.common.exceptions import AblationError, BadArgumentsError, MissingDependencyError
from maggy.common.json_values import closest
from maggy.common.optional import can_import
from maggy.datasets import remote_files as remotefiles
from maggy.datasets.columns import Table, read_frame, read_path
from maggy.datasets.remote_files import RemoteFiles, RemoteTable
from maggy.datasets.training_dataset import DATA_FILE, TFRECORD_NAME, TrainingDataset

__all__ = [
    "dataset_root",
    "file_kind",
    "find_training_dataset",
    "folder_name",
    "register_training_dataset",
]

_SCHEMA_FILE = "schema.json"
_FORMATS = (
    "a Spark or pandas data frame, a CSV or Parquet file or folder, or a TFRecord file, folder or pattern "
    "(part-r-*, *.tfrecord*)"
)


def dataset_root() -> str:
    """The folder of all registered data sets: an absolute path, or a URL as it is."""
    chosen = os.environ.get("MAGGY_DATASET_DIR") or "Training_Datasets"
    if "://" in chosen and not chosen.startswith("file://"):
        return chosen.rstrip("/")
    return str(Path(chosen.removeprefix("file://")).expanduser().absolute())


def register_training_dataset(data: Any, name: str, version: int = 1) -> str:
    """Registers a training data set, so that an ``AblationStudy`` finds it by name and version.

    Frames, CSV and Parquet are copied now, so later changes of the source do not matter; every column
    must hold numbers (a bool becomes 0 or 1, a missing value NaN). Of TFRecord files only the path is
    recorded: they are read on the workers, which must reach the same path, and their features come in
    the order of their names, because a ``tf.train.Example`` has none. The same name and version again
    replace the data set. It is kept in ``$MAGGY_DATASET_DIR``, else in ``./Training_Datasets``.

    Example:
        >>> import pandas
        >>> from maggy.ablation import register_training_dataset
        >>> frame = pandas.DataFrame({"age": [42, 13], "fare": [7.1, 20.0], "survived": [0, 1]})
        >>> folder = register_training_dataset(frame, "titanic_train_dataset")

    Args:
        data: A Spark or pandas data frame, or a path: a CSV or Parquet file or folder, or a TFRecord file,
            folder or pattern (``part-r-*``, ``*.tfrecord*``).
        name: Letters, digits, ``_``, ``-`` and ``.``; does not begin with ``.`` or ``-``.
        version: An integer of at least 1.

    Returns:
        The data set's folder.

    Raises:
        BadArgumentsError: The data are none of these, are not there or hold something else than numbers.
    """
    folder = f"{dataset_root()}/{folder_name(name, version)}"
    table = read_frame(data)
    if table is None and not isinstance(data, (str, os.PathLike)):
        raise BadArgumentsError(
            f"A training data set must be {_FORMATS}, but got {type(data).__name__}."
        )
    schema: dict[str, Any] = {"format": "npz"}
    if table is None:
        path = _absolute(os.fspath(data))
        kind = _kind(path)
        if kind == "tfrecord":
            schema = {"format": "tfrecord", "path": path}
        else:
            table = _read_table(path, kind)
    if table is not None:
        schema["columns"] = table[0]
    if "://" in folder:
        remotefiles.write_data_set(folder, schema, table)
    else:
        _write(Path(folder), schema, table)
    return folder


def find_training_dataset(
    name: str, version: int | None = 1, label: str | None = None
) -> TrainingDataset:
    """The registered data set of this name and version, with ``label`` kept apart from the features.

    Raises:
        AblationError: There is none; the message names the folder, the closest name and how to register.
    """
    root = dataset_root()
    folder = f"{root}/{folder_name(name, version)}"
    try:
        if "://" in folder:
            schema = remotefiles.read_schema(folder)
        else:
            schema = json.loads(Path(folder, _SCHEMA_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AblationError(_unknown(root, name, version)) from None
    names, data = schema.get("columns"), schema.get("data")
    source = RemoteTable(f"{folder}/{data}", tuple(names)) if names and data else None
    return TrainingDataset(
        folder=folder, label=label, names=names, tfrecord_path=schema.get("path"), source=source
    )


def _read_table(path: str, kind: str) -> Table:
    """Reads a table; that of a URL as copies on the local disk, or with Spark where that cannot be."""
    if "://" not in path or not can_import("pandas" if kind == "csv" else "pyarrow"):
        return read_path(path, kind)
    with tempfile.TemporaryDirectory(prefix="maggy-table-") as folder:
        try:
            RemoteFiles().fetch(path, folder)
        except MissingDependencyError:  # Spark may have what fsspec lacks
            return read_path(path, kind)
        return read_path(folder, kind)


def _unknown(root: str, name: str, version: int | None) -> str:
    if "://" in root:
        folders = remotefiles.registered(root)
    else:
        folders = [path.parent.name for path in Path(root).glob(f"*_*/{_SCHEMA_FILE}")]
    known = sorted(folder.rpartition("_")[::2] for folder in folders)
    versions = [found for other, found in known if other == name]
    hint = closest(name, sorted({other for other, _ in known}))
    if versions:
        hint = f" Registered versions of it: {', '.join(versions)}."
    elif known and not hint:
        hint = f" Registered are: {', '.join(dict.fromkeys(other for other, _ in known))}."
    return (
        f"No training data set '{name}', version {version}, is registered in {root}.{hint} Register it with "
        f"maggy.ablation.register_training_dataset(data, '{name}', version={version}), or set the environment "
        "variable MAGGY_DATASET_DIR to the folder where it was registered."
    )


def folder_name(name: object, version: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
        raise BadArgumentsError(
            "A training data set's name must consist of letters, digits, '_', '-' and '.', and not begin with '-' or "
            f"'.', but got {name!r:.80}."
        )
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise BadArgumentsError(
            f"A training data set's version must be an integer of at least 1, but got {version!r:.80}."
        )
    return f"{name}_{version}"


def _absolute(path: str) -> str:
    if path.startswith("file://"):
        path = path.removeprefix("file://")
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


def _kind(path: str) -> str:
    """``"csv"``, ``"parquet"`` or ``"tfrecord"``, from the name of the file or the files in the folder."""
    if "://" in path:
        try:
            inside = [found.rsplit("/", 1)[-1] for found in RemoteFiles().find(path)]
        except (
            MissingDependencyError
        ):  # Spark or TensorFlow may have what fsspec lacks; the name must do
            inside = [path.rstrip("/").rsplit("/", 1)[-1]]
    elif os.path.isdir(path):
        inside = [found.name for found in Path(path).rglob("*") if found.is_file()]
    else:
        inside = [os.path.basename(found) for found in glob.glob(path)]
    if not inside:
        raise BadArgumentsError(f"A training data set's path must exist, but nothing is at {path}.")
    kinds = sorted({kind for kind in map(file_kind, inside) if kind})
    if not kinds and path.endswith(inside[0]):
        raise BadArgumentsError(
            f"The format of {path} is not known from its name. A training data set must be {_FORMATS}."
        )
    if len(kinds) != 1:
        raise BadArgumentsError(
            f"A training data set must be {_FORMATS}, but the folder {path} holds files of "
            f"{' and '.join(kinds) if kinds else 'none of these formats'}."
        )
    if kinds != ["tfrecord"] and "://" not in path and not os.path.exists(path):
        raise BadArgumentsError(
            f"A pattern can name TFRecord files only, but got {path}. Give the folder instead."
        )
    return kinds[0]


def file_kind(name: str) -> str | None:
    if name.startswith(("_", ".")):
        return None
    if TFRECORD_NAME.search(name):
        return "tfrecord"
    if re.search(r"\.parquet$|\.pq$", name):
        return "parquet"
    return "csv" if re.search(r"\.csv(\.gz|\.bz2|\.xz|\.zip)?$", name) else None


def _write(folder: Path, schema: dict[str, Any], table: Table | None) -> None:
    """Puts the data set in place in one step, so that a reader sees the old one or the new one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists() and not {path.name for path in folder.iterdir()} <= {
        _SCHEMA_FILE,
        DATA_FILE,
    }:
        raise BadArgumentsError(
            f"The folder {folder} holds files that were not registered, and registering would delete them. "
            "Choose another name or version, or move the folder away."
        )
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        new = temporary / "new"
        new.mkdir()
        if table is not None:
            names, columns = table
            # Arrays by position: a column may have a name that is no file name.
            np.savez(new / DATA_FILE, *(columns[name] for name in names))
        (new / _SCHEMA_FILE).write_text(json.dumps(schema, indent=1), encoding="utf-8")
        if folder.exists():
            os.rename(folder, temporary / "old")
        os.rename(new, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
