"""Keep files in a directory that only this user can enter. Several processes make one file once.

Each process that uses a file holds a shared lock on it (flock), which the kernel releases when
the process ends, however it ends. So a file that can be locked exclusively is used by nobody.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from maggy.common.exceptions import ExperimentError

__all__ = ["LockedFile", "PrivateFiles"]

PARTIAL = ".partial"
LOCK = "lock"


class LockedFile:
    """An existing file, on which this process holds a shared lock.

    Args:
        path: The file's path.
        descriptor: The file descriptor that holds the lock. It is closed with this object.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        status = os.fstat(descriptor)
        self.identity = (status.st_dev, status.st_ino, status.st_size)
        self.close = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def open(cls, path: str) -> LockedFile | None:
        """Lock a file; return None if it does not exist, or is removed at this moment."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:  # also what another user owns
            return None
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        if not os.fstat(descriptor).st_nlink:
            os.close(descriptor)
            return None
        return cls(path, descriptor)


class PrivateFiles:
    """The files of one directory.

    Args:
        directory: The directory. It is made with the mode 700 if it does not exist.

    Raises:
        ExperimentError: If it cannot be made, or other users can enter it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            status = directory.lstat()
        except OSError as error:
            raise ExperimentError(
                f"The directory for shared data cannot be made: {error}. "
                "Set TMPDIR to a directory where you may write."
            ) from error
        is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if not is_private or status.st_uid != os.geteuid():
            raise ExperimentError(
                f"The directory for shared data must belong to this user with the mode 700, but "
                f"{directory} does not. Remove it, or set TMPDIR to another directory."
            )

    @classmethod
    def of_this_user(cls) -> PrivateFiles:
        """Return the files in this user's part of the machine's temporary directory."""
        return cls(Path(tempfile.gettempdir(), f"maggy-data-{os.geteuid()}"))

    @classmethod
    def of_this_executor(cls) -> PrivateFiles:
        """Return the files of this Spark executor. Spark removes them when the executor ends.

        In a process that Spark has not started these are the files of this user.
        """
        # In a Python worker, Spark sets the variable to the executor's own directories.
        for folder in os.environ.get("SPARK_LOCAL_DIRS", "").split(","):
            if folder and os.access(folder, os.W_OK):
                return cls(Path(folder, "maggy-data"))
        return cls.of_this_user()

    def open(self, name: str, write: Callable[[BinaryIO], None]) -> LockedFile:
        """Lock a file, and make it first if it does not exist. One process at a time makes files.

        Before it makes a file, it removes the files that nobody uses.

        Args:
            name: The file's name.
            write: Writes the content. The file gets its name when it is complete.

        Raises:
            ExperimentError: If the file cannot be written, for example on a full disk.
        """
        path = str(self.directory / name)
        if (file := LockedFile.open(path)) is not None:
            return file
        try:
            with self._lock():
                while (file := LockedFile.open(path)) is None:
                    self._sweep()
                    self._make(path, write)
        except OSError as error:
            raise ExperimentError(
                f"The shared data cannot be written into {self.directory}: {error}. Make room "
                "there, or use another directory: TMPDIR on the driver and with a local master, "
                "spark.local.dir on executors."
            ) from error
        return file

    def _make(self, path: str, write: Callable[[BinaryIO], None]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(path + PARTIAL, flags, 0o600)
        try:
            with open(descriptor, "wb") as file:
                write(file)
            os.rename(path + PARTIAL, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(path + PARTIAL)
            raise

    def _sweep(self) -> None:
        """Remove the files that no process uses. Call this with the directory locked."""
        for path in self.directory.iterdir():
            if path.name == LOCK:
                continue
            with suppress(OSError):  # it is in use, or another process has removed it
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(descriptor)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.directory / LOCK, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
