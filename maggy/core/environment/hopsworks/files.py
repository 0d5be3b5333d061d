"""Read and write files in HopsFS, through ``hops.hdfs``."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import BinaryIO

from maggy.common.files import Files, UrlFiles, is_pattern, is_url
from maggy.common.files.contract import PREVIOUS
from maggy.core.environment.hopsworks.package import HopsHdfs, hops_hdfs

__all__ = ["HopsFiles"]

_NEW = ".writing"
"""Suffix of a file that is being written."""


class HopsFiles(Files):
    """Read and write the files of a Hopsworks project.

    HopsFS cannot replace a file in one step. An atomic write therefore keeps the old file under
    another name for that moment, and a reader looks for it there.
    """

    def resolve(self, path: str) -> str:
        """Return the URL for a path that a user wrote.

        A path without a scheme is relative to the project, or absolute below ``/Projects``.
        """
        if is_url(path):
            return UrlFiles().resolve(path)
        project = hops_hdfs().project_path()
        if path.startswith("/"):
            project = project.partition("/Projects/")[0]
        return f"{project}{path}".rstrip("/")

    def join(self, *parts: str) -> str:
        """Return the path that consists of these parts."""
        return UrlFiles().join(*parts)

    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory and its parents.

        Raises:
            FileExistsError: If the path exists, unless it is a directory and ``exist_ok`` is True.
        """
        hdfs = hops_hdfs()
        if hdfs.exists(path):
            if not (exist_ok and hdfs.isdir(path)):
                raise FileExistsError(f"{path} exists already.")
            return
        hdfs.mkdir(path)

    def exists(self, path: str) -> bool:
        """Return whether there is a file or a directory at the path."""
        hdfs = hops_hdfs()
        return bool(hdfs.exists(path) or hdfs.exists(path + PREVIOUS))

    def find(self, path: str) -> list[str]:
        """Return the sorted paths of the files at a path. See :meth:`Files.find`."""
        if not is_pattern(path):
            return sorted(self._files_below(path)) if hops_hdfs().exists(path) else []
        parts = path.split("/")
        first = next(number for number, part in enumerate(parts) if is_pattern(part))
        return sorted(self._matches("/".join(parts[:first]), parts[first:]))

    def list(self, path: str) -> list[str]:
        """Return the sorted names in a directory; an empty list if there is no such directory."""
        hdfs = hops_hdfs()
        if not hdfs.exists(path) or not hdfs.isdir(path):
            return []
        return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in hdfs.ls(path))

    def _files_below(self, path: str) -> Iterator[str]:
        # A name says nothing: hops and Spark make folders called x.tfrecords and x.csv.
        if not hops_hdfs().isdir(path):
            yield path
            return
        for name in self.list(path):
            yield from self._files_below(self.join(path, name))

    def _matches(self, folder: str, patterns: Sequence[str]) -> Iterator[str]:
        paths = [
            self.join(folder, name) for name in self.list(folder) if fnmatchcase(name, patterns[0])
        ]
        for path in paths:
            if patterns[1:]:
                yield from self._matches(path, patterns[1:])
            elif not hops_hdfs().isdir(path):
                yield path

    def open_to_read(self, path: str) -> BinaryIO:
        """Open a file, so that a large one can be read in parts."""
        return hops_hdfs().open_file(path, flags="r")

    def open_to_write(self, path: str) -> BinaryIO:
        """Open a new file, or replace an existing one. See :meth:`Files.open_to_write`."""
        return hops_hdfs().open_file(path, flags="w")

    def read_bytes(self, path: str) -> bytes:
        """Return the content of a file, also while it is replaced.

        Raises:
            FileNotFoundError: If there is no such file.
        """
        hdfs = hops_hdfs()
        # If neither is there, a replacement may have ended between the two looks.
        for name in (path, path + PREVIOUS, path):
            if hdfs.exists(name):
                data = hdfs.load(name)
                return data.encode() if isinstance(data, str) else bytes(data)
        raise FileNotFoundError(f"There is no file {path}.")

    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        """Write a whole file, in place of an existing one."""
        hdfs = hops_hdfs()
        if not atomic:
            hdfs.dump(data, path)
            return
        # At each moment either the new or the old content has a name that a reader looks for.
        hdfs.dump(data, path + _NEW)
        if hdfs.exists(path):
            _delete(hdfs, path + PREVIOUS)
            hdfs.rename(path, path + PREVIOUS)
        hdfs.rename(path + _NEW, path)
        _delete(hdfs, path + PREVIOUS)

    def create_bytes(self, path: str, data: bytes) -> None:
        """Write a new file.

        Raises:
            FileExistsError: If the file exists.
        """
        hdfs = hops_hdfs()
        temporary = f"{path}.{secrets.token_hex(4)}{_NEW}"
        hdfs.dump(data, temporary)
        try:
            # HopsFS refuses to rename a file onto another one, so only one process succeeds.
            hdfs.rename(temporary, path)
        except OSError as error:
            _delete(hdfs, temporary)
            if hdfs.exists(path):
                raise FileExistsError(f"{path} exists already.") from error
            raise

    def append_bytes(self, path: str, data: bytes) -> None:
        """Add data to the end of a file; make the file if it does not exist."""
        hdfs = hops_hdfs()
        file = hdfs.open_file(path, flags="a" if hdfs.exists(path) else "w")
        try:
            file.write(data)
        finally:
            file.close()

    def rename(self, path: str, new_path: str) -> None:
        """Rename a file or a directory."""
        hops_hdfs().rename(path, new_path)

    def remove(self, path: str) -> None:
        """Remove a file, if it exists."""
        hdfs = hops_hdfs()
        # The previous content goes first. Otherwise a crash in between would bring it back.
        for name in (path + PREVIOUS, path):
            _delete(hdfs, name)

    def remove_folder(self, path: str) -> None:
        """Remove a folder with everything in it, if it exists."""
        hdfs = hops_hdfs()
        if hdfs.exists(path):
            hdfs.delete(path, recursive=True)

    def remove_temporary(self, path: str) -> None:
        """Remove the temporary files of interrupted writes in a directory and directly below it."""
        hdfs = hops_hdfs()
        for folder in (path, *(f"{path}/{name}" for name in self.list(path))):
            for name in self.list(folder):
                if name.endswith(_NEW):
                    _delete(hdfs, f"{folder}/{name}")


def _delete(hdfs: HopsHdfs, path: str) -> None:
    if hdfs.exists(path):
        hdfs.delete(path)
