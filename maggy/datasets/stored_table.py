"""Replace one registered data set in its folder in one step, and read its numbers.

The folder holds ``schema.json``, which names the file with the numbers. A file with numbers never
changes: a new registration writes another file, then the schema, then removes the old file.
"""

from __future__ import annotations

import json
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from maggy.common.exceptions import BadArgumentsError
from maggy.common.files import Files
from maggy.datasets.table import Schema, Table

__all__ = ["StoredTable", "has_schema", "read_schema", "write_data_set"]

_SCHEMA_FILE = "schema.json"
_DATA_FILE = "data.npz"
"""The file with the numbers, unless the schema names another one."""
_OUR_FILE = re.compile(r"\.?(schema\.json|data(-[0-9a-f]{32})?\.npz)(\..*)?")
"""The names of our files, with the endings of temporary ones."""


@dataclass(frozen=True)
class StoredTable:
    """The numbers of a registered data set. It travels to the workers, which read them.

    Attributes:
        files: Reads there.
        folder: The data set's folder.
        schema: The schema with which the data set was found.
    """

    files: Files
    folder: str
    schema: Schema

    def read(self) -> Table:
        """Return the names of the columns, and the columns as float32.

        If the data set is replaced meanwhile, the new one is returned.

        Raises:
            FileNotFoundError: If the folder cannot be reached from this machine.
        """
        schema = self.schema
        while True:
            try:
                return self._read_columns(schema)
            except FileNotFoundError:
                new = read_schema(self.files, self.folder)
                if new == schema or "columns" not in new:
                    raise
                schema = new

    def _read_columns(self, schema: Schema) -> Table:
        path = self.files.join(self.folder, _data_file(schema))
        with (
            self.files.fetch([path]) as copies,
            np.load(copies[0], allow_pickle=False) as arrays,
        ):
            # numpy reads one array at a time, so only one is in memory as float64.
            return schema["columns"], {
                name: arrays[f"arr_{position}"].astype(np.float32)
                for position, name in enumerate(schema["columns"])
            }


def has_schema(files: Files, folder: str) -> bool:
    """Return whether a folder holds a registered data set."""
    return files.exists(files.join(folder, _SCHEMA_FILE))


def read_schema(files: Files, folder: str) -> Schema:
    """Return the schema of a registered data set.

    Raises:
        FileNotFoundError: If the folder holds none.
    """
    schema: Schema = json.loads(files.read_bytes(files.join(folder, _SCHEMA_FILE)))
    return schema


def write_data_set(files: Files, folder: str, schema: Schema, table: Table | None) -> None:
    """Write a data set in place of an earlier one. A reader sees the old one or the new one.

    Args:
        files: Writes there.
        folder: The data set's folder.
        schema: The schema, to which the name of the file with the numbers is added.
        table: The numbers; None for TFRecord.

    Raises:
        BadArgumentsError: If the folder holds other files.
    """
    name = _make_folder(files, folder)
    if table is not None:
        schema = {**schema, "data": name}
        _write_table(files, files.join(folder, name), table)
    # Only the old schema's file goes. Other files may belong to registrations at the same time,
    # whose schemas are still to come; so such registrations may leave a file that nobody reads.
    old: Schema = {}
    with suppress(FileNotFoundError):
        old = read_schema(files, folder)
    try:
        text = json.dumps(schema, indent=1)
        files.write_bytes(files.join(folder, _SCHEMA_FILE), text.encode(), atomic=True)
    except BaseException:
        if table is not None:
            files.remove(files.join(folder, name))
        raise
    if "columns" in old:
        files.remove(files.join(folder, _data_file(old)))


def _make_folder(files: Files, folder: str) -> str:
    """Make a data set's folder if it does not exist, and return a new name for the numbers."""
    try:
        # Only one process can make the folder, so nobody else gets the plain name.
        files.make_directory(folder)
    except FileExistsError:
        if not all(map(_OUR_FILE.fullmatch, files.list(folder))):
            raise BadArgumentsError(
                f"The folder {folder} holds files that were not registered, so it may belong to "
                "something else. Choose another name or version, or move the folder away."
            ) from None
        return f"data-{uuid.uuid4().hex}.npz"
    return _DATA_FILE


def _write_table(files: Files, path: str, table: Table) -> None:
    names, columns = table
    try:
        with files.open_to_write(path) as file:
            # Arrays by position, because a column may have a name that is no file name.
            np.savez(file, *(columns[name] for name in names))
    except BaseException:
        with suppress(OSError):
            files.remove(path)
        raise


def _data_file(schema: Schema) -> str:
    return schema.get("data", _DATA_FILE)
