"""Define the contract of a place for files. It knows paths and bytes, not their meaning."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import BinaryIO

__all__ = ["PREVIOUS", "Files", "LocalCopies", "is_pattern", "is_url"]

PREVIOUS = ".previous"
"""Suffix of the old file during an atomic write, where a store cannot replace it in one step."""


class Files(ABC):
    """The operations on files that records and data sets need.

    Paths are strings. Every operation raises ``OSError`` or one of its subclasses if the file
    system refuses. An object holds only the arguments of its constructor, so that it can be pickled
    and sent to a worker.
    """

    @abstractmethod
    def resolve(self, path: str) -> str:
        """Return the full path for a path that a user wrote.

        Returns:
            An absolute path, or a URL without a slash at its end.
        """

    @abstractmethod
    def join(self, *parts: str) -> str:
        """Return the path that consists of these parts."""

    @abstractmethod
    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory and its parents.

        Args:
            path: The directory.
            exist_ok: Accept an existing directory. If False and several processes ask at once, only
                one of them succeeds, as far as the file system can guarantee that.

        Raises:
            FileExistsError: If the path exists and ``exist_ok`` is False.
        """

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Return whether there is a file or a directory at the path."""

    @abstractmethod
    def find(self, path: str) -> list[str]:
        """Return the sorted paths of the files at a path; no paths if nothing is there.

        Args:
            path: A folder, for all files below it, a file, or a pattern with ``*``, ``?`` or
                ``[...]``, for the files that match it.
        """

    @abstractmethod
    def list(self, path: str) -> list[str]:
        """Return the sorted names (not paths) in a directory; no names if it does not exist."""

    @abstractmethod
    def open_to_read(self, path: str) -> BinaryIO:
        """Open a file, so that a large one can be read in parts.

        Raises:
            FileNotFoundError: If there is no such file.
        """

    @abstractmethod
    def open_to_write(self, path: str) -> BinaryIO:
        """Open a new file, or replace an existing one, so that a large one can be written in parts.

        A reader may see a part of the content until the file is closed.

        Args:
            path: The file. Its directory must exist.
        """

    def fetch(self, paths: Sequence[str]) -> LocalCopies:
        """Make files readable by libraries that need them on this machine's disk.

        Args:
            paths: The files.

        Returns:
            The files themselves where they are on the disk, else copies, in the same order.

        Raises:
            FileNotFoundError: If a file does not exist and must be copied.
        """
        folder = tempfile.mkdtemp(prefix="maggy-copies-")
        copies = []
        try:
            for number, path in enumerate(paths):
                # Files in different folders may have the same name, so each gets its own folder.
                place = os.path.join(folder, f"{number:06d}")
                os.mkdir(place)
                copies.append(os.path.join(place, path.rsplit("/", 1)[-1]))
                self._copy_to_disk(path, copies[-1])
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return LocalCopies(copies, folder)

    def _copy_to_disk(self, path: str, copy: str) -> None:
        with self.open_to_read(path) as source, open(copy, "wb") as target:
            shutil.copyfileobj(source, target)

    @abstractmethod
    def read_bytes(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: If there is no such file.
        """

    def read_inside(self, folder: str, name: str) -> bytes:
        """Return the content of an ordinary file in a folder that anybody may have made.

        Where a file system has links, a file outside the folder is not read, however it is linked;
        and reading does not wait for a pipe or a device. On a disk nothing is read that has more
        than 1 GiB.

        Args:
            folder: The folder.
            name: The path of the file in the folder, with ``/`` between its parts.

        Raises:
            FileNotFoundError: If there is no such file.
            IsADirectoryError: If it is a directory.
            PermissionError: If it is no ordinary file inside the folder, or too large.
        """
        return self.read_bytes(f"{folder}/{name}")

    def open_inside(self, folder: str, name: str) -> BinaryIO:
        """Open what :meth:`read_inside` reads, so that a large file can be read in parts.

        The arguments and errors are those of :meth:`read_inside`.
        """
        return self.open_to_read(f"{folder}/{name}")

    def read_end_inside(self, folder: str, name: str, max_bytes: int) -> bytes:
        """Return the end of a file that :meth:`read_inside` reads, and not more of a long one.

        Args:
            folder: The folder.
            name: The path of the file in the folder, with ``/`` between its parts.
            max_bytes: The maximum number of bytes, at least 1.

        Raises:
            FileNotFoundError: If there is no such file.
            IsADirectoryError: If it is a directory.
            PermissionError: If it is no ordinary file inside the folder.
        """
        return self.read_inside(folder, name)[-max_bytes:]

    @abstractmethod
    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        """Write a whole file, in place of an existing one.

        Args:
            path: The file. Its directory must exist.
            data: The content.
            atomic: Guarantee that a reader sees the old or the new content and never a part, also
                after a crash. False is faster and fits files on which nothing depends.
        """

    @abstractmethod
    def create_bytes(self, path: str, data: bytes) -> None:
        """Write a new file.

        If several processes ask at once, only one of them succeeds, as far as the file system can
        guarantee that. A reader may see a part of the content until this returns.

        Args:
            path: The file. Its directory must exist.
            data: The content.

        Raises:
            FileExistsError: If the file exists.
        """

    @abstractmethod
    def append_bytes(self, path: str, data: bytes) -> None:
        """Add data to the end of a file. Make the file if it does not exist.

        See :meth:`can_append` for what that costs.
        """

    def can_append(self, path: str) -> bool:
        """Return whether :meth:`append_bytes` costs only as much as the new data.

        Otherwise the whole file is read and written again.
        """
        return True

    @abstractmethod
    def rename(self, path: str, new_path: str) -> None:
        """Rename a file or a directory within its directory."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, if it exists."""

    @abstractmethod
    def remove_folder(self, path: str) -> None:
        """Remove a folder with everything in it, if it exists. What a link leads to stays."""

    @abstractmethod
    def remove_temporary(self, path: str) -> None:
        """Remove the temporary files of interrupted writes in a directory and directly below it."""


class LocalCopies:
    """Files on this machine's disk. Copies among them are deleted with this object.

    In a ``with`` statement they are deleted at its end.

    Args:
        paths: The files.
        folder: The folder with the copies; None if the files are no copies.
    """

    def __init__(self, paths: Sequence[str], folder: str | None = None) -> None:
        self.paths = list(paths)
        # A finalizer, since the owner of a data set need not close it. It is quiet, unlike that of
        # a TemporaryDirectory, which warns.
        self._delete = (
            None if folder is None else weakref.finalize(self, shutil.rmtree, folder, True)
        )

    def __enter__(self) -> list[str]:
        """Return the paths of the files."""
        return self.paths

    def __exit__(self, *_: object) -> None:
        """Delete the copies."""
        if self._delete is not None:
            self._delete()


def is_pattern(path: str) -> bool:
    """Return whether a path is a pattern, such as ``folder/*.csv``."""
    return any(sign in path for sign in "*?[")


def is_url(path: str) -> bool:
    """Return whether a path is a URL, such as ``s3://bucket/folder``."""
    return "://" in path
