"""Find, copy, read and write files and data sets at fsspec URLs (``s3://``, ``hdfs://``).

Which data sets exist and what they may hold is decided elsewhere.
"""

from __future__ import annotations

import io
import json
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maggy.common.files import open_url
from maggy.datasets.table import SCHEMA_FILE, Schema, Table

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = [
    "RemoteFiles",
    "RemoteTable",
    "list_data_sets",
    "read_schema",
    "write_data_set",
]


class RemoteFiles:
    """Find the files at a URL and fetch them.

    The package that fsspec names for the URL's scheme must be installed.
    """

    def find(self, url: str) -> list[str]:
        """Return the paths of the files at a URL, sorted.

        Args:
            url: A folder, for all files below it, a pattern or a single file.

        Raises:
            MissingDependencyError: If the package for the scheme is not installed.
        """
        return self._find(url)[1]

    def fetch(self, url: str, folder: str, names: list[str] | None = None) -> list[str]:
        """Copy the files at a URL into a local folder.

        Args:
            url: A URL as for :meth:`find`.
            folder: An empty folder that exists.
            names: The base names of the files to copy; None for all files.

        Returns:
            The paths of the copies, in the order of the originals' paths.
        """
        system, paths = self._find(url)
        if names is not None:
            paths = [path for path in paths if path.rsplit("/", 1)[-1] in names]
        copies = []
        for number, path in enumerate(paths):
            # Files in different folders may have the same name, so each copy gets its own folder.
            target = os.path.join(folder, f"{number:06d}")
            os.mkdir(target)
            copies.append(os.path.join(target, path.rsplit("/", 1)[-1]))
            system.get_file(path, copies[-1])
        return copies

    def _find(self, url: str) -> tuple[AbstractFileSystem, list[str]]:
        system, inside = open_url(url)
        if any(sign in inside for sign in "*?["):
            return system, sorted(system.glob(inside))
        if not system.exists(inside):
            return system, []
        return system, sorted(system.find(inside)) if system.isdir(inside) else [inside]


@dataclass(frozen=True)
class RemoteTable:
    """The numbers of a data set that is registered at a URL.

    It travels to the workers, which read the numbers from the URL.

    Args:
        url: The URL of the file with the numbers.
        names: The names of the columns in order.
    """

    url: str
    names: tuple[str, ...]

    def read(self) -> Table:
        """Return the names of the columns, and the columns."""
        system, inside = open_url(self.url)
        with np.load(io.BytesIO(system.cat_file(inside)), allow_pickle=False) as arrays:
            return list(self.names), {
                name: arrays[f"arr_{position}"] for position, name in enumerate(self.names)
            }


def read_schema(folder: str) -> Schema:
    """Read the schema that :func:`write_data_set` wrote last.

    Raises:
        FileNotFoundError: If there is no data set.
    """
    system, inside = open_url(f"{folder}/{SCHEMA_FILE}")
    schema: Schema = json.loads(system.cat_file(inside))
    return schema


def write_data_set(folder: str, schema: Schema, table: Table | None) -> None:
    """Write a data set at a URL in place of an earlier one.

    A reader sees either the old data set or the new one.

    Args:
        folder: The URL of the data set's folder.
        schema: The schema, to which the name of the file with the numbers is added.
        table: The numbers; None for TFRecord.
    """
    system, inside = open_url(folder)
    inside = inside.rstrip("/")
    old_files: list[str] = []
    if system.exists(inside):
        old_files = [path for path in system.find(inside) if path.endswith(".npz")]
    system.makedirs(inside, exist_ok=True)
    # The order matters: the new file has a new name, then the schema changes to it in one write,
    # and only then the old file goes.
    if table is not None:
        name = f"data-{uuid.uuid4().hex}.npz"
        schema = {**schema, "data": name}
        data = io.BytesIO()
        names, columns = table
        np.savez(data, *(columns[column] for column in names))
        system.pipe_file(f"{inside}/{name}", data.getvalue())
    system.pipe_file(f"{inside}/{SCHEMA_FILE}", json.dumps(schema, indent=1).encode())
    for path in old_files:
        system.rm_file(path)


def list_data_sets(root: str) -> list[str]:
    """Return the names of the data sets' folders at a URL, sorted."""
    system, inside = open_url(root)
    # fsspec keeps listings, and another process may have registered a data set since.
    system.invalidate_cache()
    try:
        folders = [path.rstrip("/") for path in system.ls(inside, detail=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(
        path.rsplit("/", 1)[-1] for path in folders if system.exists(f"{path}/{SCHEMA_FILE}")
    )
