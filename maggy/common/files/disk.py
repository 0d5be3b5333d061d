"""Keep files on a disk of this machine, or on a store that is mounted like a disk."""

from __future__ import annotations

import glob
import os
import re
import shutil
import stat
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from maggy.common.files.contract import Files, LocalCopies

__all__ = ["FILE_SCHEME", "DiskFiles"]

FILE_SCHEME = re.compile(r"file:(//|(?=/))")
"""The beginning of a disk's path as a URL. ``file:/x`` and ``file:///x`` both mean ``/x``."""

MAX_BYTES = 2**30
"""Maximum size of a file that is read as a whole where anybody may have written it."""
_TEMPORARY = re.compile(r".+\.\d+-\d+\.tmp")


class DiskFiles(Files):
    """The files of the operating system."""

    def resolve(self, path: str) -> str:
        """Return the absolute path for a path that a user wrote, also with ``file:`` or ``~``."""
        scheme = FILE_SCHEME.match(path)
        return os.path.abspath(os.path.expanduser(path[scheme.end() :] if scheme else path))

    def join(self, *parts: str) -> str:
        """Return the path that consists of these parts."""
        return os.path.join(*parts)

    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory and its parents. Only one process can make a given directory."""
        try:
            # The parent usually exists, and then one system call is enough.
            os.mkdir(path)
        except FileNotFoundError:
            os.makedirs(path, exist_ok=exist_ok)
        except FileExistsError:
            if not (exist_ok and os.path.isdir(path)):
                raise

    def exists(self, path: str) -> bool:
        """Return whether there is a file or a directory at the path."""
        return os.path.exists(path)

    def find(self, path: str) -> list[str]:
        """Return the sorted paths of the files at a path. See :meth:`Files.find`."""
        if os.path.isdir(path):
            files = [
                os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names
            ]
        else:
            # A file may have a name that looks like a pattern.
            files = [path] if os.path.exists(path) else glob.glob(path)
        return sorted(filter(os.path.isfile, files))

    def list(self, path: str) -> list[str]:
        """Return the sorted names in a directory; no names if it does not exist."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return sorted(os.listdir(path))
        return []

    def open_to_read(self, path: str) -> BinaryIO:
        """Open a file, so that a large one can be read in parts."""
        return open(path, "rb")

    def open_to_write(self, path: str) -> BinaryIO:
        """Open a new file, or replace an existing one, so that it can be written in parts."""
        return open(path, "wb")

    def fetch(self, paths: Sequence[str]) -> LocalCopies:
        """Return the files themselves. Nothing is copied."""
        return LocalCopies(paths)

    def read_bytes(self, path: str) -> bytes:
        """Return the content of a file."""
        return Path(path).read_bytes()

    def read_inside(self, folder: str, name: str) -> bytes:
        """Return the content of an ordinary file in a folder. See :meth:`Files.read_inside`."""
        path = _ordinary_file(folder, name)
        # The space on the disk says nothing: a file with holes may be larger than any memory.
        if os.path.getsize(path) > MAX_BYTES:
            raise PermissionError(f"{path} has more than {MAX_BYTES:,} bytes.")
        return self.read_bytes(path)

    def open_inside(self, folder: str, name: str) -> BinaryIO:
        """Open an ordinary file in a folder. See :meth:`Files.open_inside`."""
        return self.open_to_read(_ordinary_file(folder, name))

    def read_end_inside(self, folder: str, name: str, max_bytes: int) -> bytes:
        """Return the end of an ordinary file in a folder. See :meth:`Files.read_end_inside`."""
        with open(_ordinary_file(folder, name), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - max_bytes))
            return file.read(max_bytes)

    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        """Write a whole file. An atomic write renames a temporary file, which is one step."""
        if not atomic:
            _write(path, data, os.O_TRUNC)
            return
        temporary = _temporary_path(path)
        try:
            _write(temporary, data, os.O_TRUNC)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def create_bytes(self, path: str, data: bytes) -> None:
        """Write a new file. A reader sees all of it or none, where the file system has links."""
        temporary = _temporary_path(path)
        try:
            _write(temporary, data, os.O_TRUNC)
            # A link, unlike a rename, never replaces a file.
            try:
                os.link(temporary, path)
            except FileExistsError:
                raise
            except OSError:  # the file system has no links
                _write(path, data, os.O_EXCL)
        finally:
            with suppress(OSError):
                os.unlink(temporary)

    def append_bytes(self, path: str, data: bytes) -> None:
        """Add data to the end of a file. Make the file if it does not exist."""
        _write(path, data, os.O_APPEND)

    def rename(self, path: str, new_path: str) -> None:
        """Rename a file or a directory."""
        os.rename(path, new_path)

    def remove(self, path: str) -> None:
        """Remove a file, if it exists."""
        with suppress(FileNotFoundError):
            os.unlink(path)

    def remove_folder(self, path: str) -> None:
        """Remove a folder with everything in it, if it exists. What a link leads to stays."""
        with suppress(FileNotFoundError):
            if os.path.islink(path):
                os.unlink(path)
            else:
                shutil.rmtree(path)

    def remove_temporary(self, path: str) -> None:
        """Remove the temporary files of interrupted writes in a directory and directly below it."""
        folders = [
            path,
            *(entry.path for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False)),
        ]
        for folder in folders:
            for name in filter(_TEMPORARY.fullmatch, self.list(folder)):
                self.remove(os.path.join(folder, name))


def _ordinary_file(folder: str, name: str) -> str:
    """Return the path of an ordinary file that lies in a folder. Raise an error for any other."""
    path = os.path.join(folder, *name.split("/"))
    if os.path.realpath(path) != os.path.join(os.path.realpath(folder), *name.split("/")):
        raise PermissionError(f"{path} is a link.")
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a directory.")
    if not stat.S_ISREG(mode):  # the opening of a pipe would wait for its other end
        raise PermissionError(f"{path} is no ordinary file.")
    return path


def _temporary_path(path: str) -> str:
    # Two threads may write the same file at once, so the name contains the thread.
    return f"{path}.{os.getpid()}-{threading.get_ident()}.tmp"


def _write(path: str, data: bytes, flags: int) -> None:
    # Most files are small, so avoid everything but one open and one write.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags | getattr(os, "O_BINARY", 0), 0o666)
    try:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
    finally:
        os.close(descriptor)
