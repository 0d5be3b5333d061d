"""Data behind fsspec URLs (``s3://``, ``hdfs://``): finding and copying files, and data sets that are registered there.

Which data sets there are, and what they may hold, others decide.
"""

from __future__ import annotations

import io
import json
import os
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np

from maggy.common.files import open_url

__all__ = ["RemoteFiles", "RemoteTable", "read_schema", "registered", "write_data_set"]

Table = tuple[list[str], dict[str, Any]]


class RemoteFiles:
    """Finds the files of a URL and fetches them. Needs the package that fsspec names for the URL's scheme."""

    def find(self, url: str) -> list[str]:
        """The paths of the files at a URL: all below a folder, those that fit a pattern, or the file itself; sorted.

        Raises:
            MissingDependencyError: The scheme's package is not installed.
        """
        return self._find(url)[1]

    def fetch(self, url: str, folder: str, names: list[str] | None = None) -> list[str]:
        """Copies the files of a URL into a local folder.

        Args:
            url: As for :meth:`find`.
            folder: It must be there and empty.
            names: Only files with these base names; None for all.

        Returns:
            The copies' paths, in the order of the originals'.
        """
        files, found = self._find(url)
        wanted = [path for path in found if names is None or path.rsplit("/", 1)[-1] in names]
        copies = []
        for number, path in enumerate(wanted):
            # Files in different folders may have the same name.
            place = os.path.join(folder, f"{number:06d}")
            os.mkdir(place)
            copies.append(os.path.join(place, path.rsplit("/", 1)[-1]))
            files.get_file(path, copies[-1])
        return copies

    def _find(self, url: str) -> tuple[Any, list[str]]:
        files, inside = open_url(url)
        if any(sign in inside for sign in "*?["):
            return files, sorted(files.glob(inside))
        if not files.exists(inside):
            return files, []
        return files, sorted(files.find(inside)) if files.isdir(inside) else [inside]


@dataclass(frozen=True)
class RemoteTable:
    """The numbers of a data set that is registered at a URL; travels to the workers, which read it there."""

    url: str
    names: tuple[str, ...]

    def read(self) -> Table:
        """The names of the columns, and the columns."""
        files, inside = open_url(self.url)
        with np.load(io.BytesIO(files.cat_file(inside)), allow_pickle=False) as stored:
            return list(self.names), {
                name: stored[f"arr_{place}"] for place, name in enumerate(self.names)
            }


def read_schema(folder: str) -> dict[str, Any]:
    """What :func:`write_data_set` has written last.

    Raises:
        FileNotFoundError: There is no data set.
    """
    files, inside = open_url(f"{folder}/schema.json")
    schema: dict[str, Any] = json.loads(files.cat_file(inside))
    return schema


def write_data_set(folder: str, schema: dict[str, Any], table: Table | None) -> None:
    """Puts a data set at a URL, in the place of an earlier one. A reader sees the old one or the new one.

    The schema names the file with the numbers, which is new each time, and is written last.
    """
    files, inside = open_url(folder)
    inside = inside.rstrip("/")
    before: list[str] = []
    if files.exists(inside):
        before = [path for path in files.find(inside) if path.endswith(".npz")]
    files.makedirs(inside, exist_ok=True)
    if table is not None:
        schema = {**schema, "data": f"data-{uuid.uuid4().hex}.npz"}
        data = io.BytesIO()
        np.savez(data, *(table[1][name] for name in table[0]))
        files.pipe_file(f"{inside}/{schema['data']}", data.getvalue())
    files.pipe_file(f"{inside}/schema.json", json.dumps(schema, indent=1).encode())
    for path in before:
        files.rm_file(path)


def registered(root: str) -> list[str]:
    """The names of the data sets' folders at a URL, sorted."""
    files, inside = open_url(root)
    files.invalidate_cache()
    try:
        found = [path.rstrip("/") for path in files.ls(inside, detail=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(path.rsplit("/", 1)[-1] for path in found if files.exists(f"{path}/schema.json"))
