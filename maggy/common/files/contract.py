"""The contract of a place for files. It knows paths and bytes, and nothing of their meaning."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["PREVIOUS", "Files", "is_url"]

PREVIOUS = ".previous"
"""Suffix of the old file during an atomic write, where a store cannot replace it in one step."""


class Files(ABC):
    """The operations on files that records and data sets need.

    Paths are strings. Every operation raises ``OSError`` or one of its subclasses if the file
    system refuses. An object holds only the arguments of its constructor, so that it can be pickled
    and sent to a worker.
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
    def list(self, path: str) -> list[str]:
        """Return the sorted names (not paths) in a directory; no names if it does not exist."""

    @abstractmethod
    def read_bytes(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: If there is no such file.
        """

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
        """Add data to the end of a file. Make the file if it does not exist."""

    @abstractmethod
    def rename(self, path: str, new_path: str) -> None:
        """Rename a file or a directory within its directory."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, if it exists."""

    @abstractmethod
    def remove_temporary(self, path: str) -> None:
        """Remove the temporary files of interrupted writes in a directory and directly below it."""


def is_url(path: str) -> bool:
    """Return whether a path is a URL, such as ``s3://bucket/folder``."""
    return "://" in path
