"""Pass a call for any path on to the class for its kind of place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from maggy.common.files.contract import Files, LocalCopies, is_url
from maggy.common.files.disk import FILE_SCHEME, DiskFiles
from maggy.common.files.url import UrlFiles

__all__ = ["AnyFiles"]


class AnyFiles(Files):
    """Files on a disk for plain paths, and in a store for URLs.

    Example:
        >>> AnyFiles().join("memory://bucket", "folder", "file")
        'memory://bucket/folder/file'

    Args:
        schemes: The files for each URL scheme that fsspec should not get.
        home: The files in which a user's path without a scheme lies; those on the disk if None.
    """

    def __init__(
        self, schemes: Mapping[str, Files] | None = None, home: Files | None = None
    ) -> None:
        self._disk = DiskFiles()
        self._home = home or self._disk
        self._urls = UrlFiles()
        self._schemes = dict(schemes or {})

    def _at(self, path: str) -> Files:
        if not is_url(path):
            return self._disk
        return self._schemes.get(path.split("://", 1)[0], self._urls)

    def resolve(self, path: str) -> str:
        """Return the full path for a path that a user wrote. See :meth:`Files.resolve`."""
        if FILE_SCHEME.match(path):
            return self._disk.resolve(path)
        return (self._at(path) if is_url(path) else self._home).resolve(path)

    def join(self, *parts: str) -> str:
        """Return the path that consists of these parts. The first one names the place.

        A later part that is a URL replaces all before it, as an absolute path does on a disk.
        """
        first = max((number for number, part in enumerate(parts) if _has_scheme(part)), default=0)
        head = self.resolve(parts[first]) if _has_scheme(parts[first]) else parts[first]
        return self._at(head).join(head, *parts[first + 1 :])

    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory and its parents. See :meth:`Files.make_directory`."""
        self._at(path).make_directory(path, exist_ok)

    def exists(self, path: str) -> bool:
        """Return whether there is a file or a directory at the path."""
        return self._at(path).exists(path)

    def find(self, path: str) -> list[str]:
        """Return the sorted paths of the files at a path. See :meth:`Files.find`."""
        return self._at(path).find(path)

    def list(self, path: str) -> list[str]:
        """Return the sorted names in a directory; no names if it does not exist."""
        return self._at(path).list(path)

    def open_to_read(self, path: str) -> BinaryIO:
        """Open a file, so that a large one can be read in parts."""
        return self._at(path).open_to_read(path)

    def open_to_write(self, path: str) -> BinaryIO:
        """Open a new file, or replace an existing one. See :meth:`Files.open_to_write`."""
        return self._at(path).open_to_write(path)

    def fetch(self, paths: Sequence[str]) -> LocalCopies:
        """Make files of one place readable on the disk. See :meth:`Files.fetch`."""
        return self._at(paths[0]).fetch(paths) if paths else LocalCopies([])

    def read_bytes(self, path: str) -> bytes:
        """Return the content of a file. See :meth:`Files.read_bytes`."""
        return self._at(path).read_bytes(path)

    def read_inside(self, folder: str, name: str) -> bytes:
        """Return the content of an ordinary file in a folder. See :meth:`Files.read_inside`."""
        return self._at(folder).read_inside(folder, name)

    def open_inside(self, folder: str, name: str) -> BinaryIO:
        """Open an ordinary file in a folder. See :meth:`Files.open_inside`."""
        return self._at(folder).open_inside(folder, name)

    def read_end_inside(self, folder: str, name: str, max_bytes: int) -> bytes:
        """Return the end of an ordinary file in a folder. See :meth:`Files.read_end_inside`."""
        return self._at(folder).read_end_inside(folder, name, max_bytes)

    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        """Write a whole file. See :meth:`Files.write_bytes`."""
        self._at(path).write_bytes(path, data, atomic)

    def create_bytes(self, path: str, data: bytes) -> None:
        """Write a new file. See :meth:`Files.create_bytes`."""
        self._at(path).create_bytes(path, data)

    def append_bytes(self, path: str, data: bytes) -> None:
        """Add data to the end of a file. Make the file if it does not exist."""
        self._at(path).append_bytes(path, data)

    def can_append(self, path: str) -> bool:
        """Return whether appending costs only as much as the new data."""
        return self._at(path).can_append(path)

    def rename(self, path: str, new_path: str) -> None:
        """Rename a file or a directory within its directory."""
        self._at(path).rename(path, new_path)

    def remove(self, path: str) -> None:
        """Remove a file, if it exists."""
        self._at(path).remove(path)

    def remove_folder(self, path: str) -> None:
        """Remove a folder with everything in it, if it exists. See :meth:`Files.remove_folder`."""
        self._at(path).remove_folder(path)

    def remove_temporary(self, path: str) -> None:
        """Remove the temporary files of interrupted writes. See :meth:`Files.remove_temporary`."""
        self._at(path).remove_temporary(path)


def _has_scheme(path: str) -> bool:
    return is_url(path) or FILE_SCHEME.match(path) is not None
