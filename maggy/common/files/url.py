"""Keep files behind URLs that fsspec knows, such as ``s3://``, ``hdfs://`` and ``memory://``."""

from __future__ import annotations

import inspect
import re
import threading
import uuid
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, BinaryIO

from maggy.common.exceptions import MissingDependencyError
from maggy.common.files.contract import PREVIOUS, Files
from maggy.common.files.sftp import create_file, is_sftp, renew_connection
from maggy.common.files.store_errors import with_os_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["UrlFiles", "open_url"]

_OBJECT_STORES = frozenset(
    ["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "memory"]
)
_COUNT_FROM_THE_END = frozenset(["s3", "s3a", "gs", "gcs", "hdfs", "memory"])
"""Protocols whose client reads the end of a file in one request."""
_CLAIM = ".claimed"
_IN_MEMORY = threading.Lock()
"""Held while a new file is made in fsspec's memory, which only this process has."""
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")


@with_os_errors
class UrlFiles(Files):
    """The files of a store, with the guarantees of a disk as far as the store can give them.

    Only one process can create a given file on S3, Google Cloud Storage, Azure, HDFS and SFTP, and
    in memory, so a new directory is claimed with a hidden file. An atomic write is a single put in
    an object store, and a rename elsewhere. A file to which a store cannot append is written again
    as a whole.
    """

    def resolve(self, path: str) -> str:
        """Return the URL without a slash at its end."""
        # "memory://" alone must keep its slashes: without them it would be a local name.
        return path if path.endswith("://") else path.rstrip("/")

    def join(self, *parts: str) -> str:
        """Return the URL that consists of these parts."""
        if len(parts) == 1:
            return self.resolve(parts[0])
        head = parts[0] if parts[0].endswith("://") else parts[0].rstrip("/") + "/"
        return head + "/".join(part.strip("/") for part in parts[1:])

    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory and its parents. Without ``exist_ok`` a hidden file claims it."""
        system, inside = open_url(path)
        if not exist_ok:
            _claim(system, inside.rstrip("/"))
        elif not _is_object_store(system):
            # An object store needs no directories, and to ask for one costs a request.
            _make_folder(system, inside)

    def exists(self, path: str) -> bool:
        """Return whether there is a file or a directory, or an old file during a replacement."""
        system, inside = open_url(path)
        return bool(system.exists(inside)) or (
            not _is_object_store(system) and bool(system.exists(inside + PREVIOUS))
        )

    def find(self, path: str) -> list[str]:
        """Return the sorted URLs of the files at a URL. See :meth:`Files.find`."""
        if folder := _folder_of_pattern(path):
            # Of a whole URL a client may take what is behind a question mark for a query.
            system, inside = open_url(folder)
            pattern = f"{inside.rstrip('/')}/{path[len(folder) :]}"
            matches = system.glob(pattern, detail=True)
            files = [name for name, info in matches.items() if info["type"] == "file"]
            start = len(inside.rstrip("/"))
            return sorted(self.join(folder, file[start:]) for file in files)
        system, inside = open_url(path)
        if not system.exists(inside):
            return []
        if not system.isdir(inside):
            return [path]
        files = system.find(inside)
        # A file system's own paths lack the host and the account of a URL.
        start = len(inside.rstrip("/"))
        return sorted(self.join(path, file[start:]) for file in files)

    def list(self, path: str) -> list[str]:
        """Return the sorted names in a directory; no names if it does not exist."""
        system, inside = open_url(path)
        with suppress(FileNotFoundError, NotADirectoryError):
            names = {
                entry.rstrip("/").rsplit("/", 1)[-1] for entry in system.ls(inside, detail=False)
            }
            return sorted(names - {_CLAIM, ""})
        return []

    def open_to_read(self, path: str) -> BinaryIO:
        """Open a file, so that a large one can be read in parts."""
        system, inside = open_url(path)
        file: BinaryIO = system.open(inside, "rb")
        return file

    def open_to_write(self, path: str) -> BinaryIO:
        """Open a new file, or replace an existing one. See :meth:`Files.open_to_write`."""
        system, inside = open_url(path)
        file: BinaryIO = system.open(inside, "wb")
        return file

    def _copy_to_disk(self, path: str, copy: str) -> None:
        system, inside = open_url(path)
        # Faster than reading an open file: one request brings all of it.
        system.get_file(inside, copy)

    def read_bytes(self, path: str) -> bytes:
        """Return the content of a file, or its old content if its replacement was interrupted."""
        system, inside = open_url(path)
        if not _is_object_store(system):
            # If neither is there, a replacement may have ended between the two looks.
            for name in (inside, inside + PREVIOUS):
                with suppress(FileNotFoundError):
                    return bytes(system.cat_file(name))
        return bytes(system.cat_file(inside))

    def read_end_inside(self, folder: str, name: str, max_bytes: int) -> bytes:
        """Return the end of a file, of which no more is fetched."""
        system, inside = open_url(f"{folder}/{name}")
        start = -max_bytes
        if _COUNT_FROM_THE_END.isdisjoint(_protocols(system)):
            if not (size := system.size(inside)):
                return b""
            start = max(0, size - max_bytes)
        # A server may know no such requests, and the file may grow meanwhile.
        return bytes(system.cat_file(inside, start=start))[-max_bytes:]

    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        """Write a whole file. In an object store every write is atomic."""
        system, inside = open_url(path)
        if not atomic or _is_object_store(system):
            system.pipe_file(inside, data)
        else:
            _replace(system, inside, data)

    def create_bytes(self, path: str, data: bytes) -> None:
        """Write a new file."""
        _create(*open_url(path), data)

    def append_bytes(self, path: str, data: bytes) -> None:
        """Add data to the end of a file. A store that cannot append writes all of it again."""
        system, inside = open_url(path)
        if not _is_object_store(system):
            try:
                with system.open(inside, "ab" if system.exists(inside) else "wb") as file:
                    file.write(data)
                return
            except (NotImplementedError, ValueError):  # the store cannot append
                pass
            except FileExistsError:
                _begin_new_file(system, inside, data)
                return
        try:
            before = system.cat_file(inside)
        except FileNotFoundError:
            before = b""
        system.pipe_file(inside, before + data)

    def can_append(self, path: str) -> bool:
        """Return whether appending costs only as much as the new data: not in an object store."""
        return not _is_object_store(open_url(path)[0])

    def rename(self, path: str, new_path: str) -> None:
        """Rename a file or a directory. In an object store this copies every file."""
        system, inside = open_url(path)
        new_inside = open_url(new_path)[1]
        if not _is_object_store(system):
            _move(system, inside, new_inside, recursive=True)
            return
        inside = inside.rstrip("/")
        for name in system.find(inside) or [inside]:
            system.cp_file(name, new_inside.rstrip("/") + name[len(inside) :])
            system.rm_file(name)

    def remove(self, path: str) -> None:
        """Remove a file, if it exists, and its old content."""
        system, inside = open_url(path)
        with suppress(FileNotFoundError):
            if not _is_object_store(system):
                # In this order, or the old content would come back between the two steps.
                with suppress(FileNotFoundError):
                    system.rm_file(inside + PREVIOUS)
            system.rm_file(inside)

    def remove_folder(self, path: str) -> None:
        """Remove a folder with everything in it, if it exists."""
        system, inside = open_url(path)
        with suppress(FileNotFoundError):
            system.rm(inside, recursive=True)

    def remove_temporary(self, path: str) -> None:
        """Remove the temporary files of interrupted writes in a directory and directly below it."""
        system, inside = open_url(path)
        if _is_object_store(system):  # a put needs no temporary file
            return
        for file in system.find(inside, maxdepth=2):
            if _TEMPORARY.fullmatch(file.rpartition("/")[2]):
                system.rm_file(file)


def open_url(url: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a URL, and the path inside it.

    fsspec keeps the file system for the next call, but nothing that it has listed.

    Raises:
        ValueError: If fsspec does not know such URLs.
        MissingDependencyError: If the package for the URL's scheme is missing or broken.
    """
    from fsspec.core import url_to_fs

    try:
        system, inside = url_to_fs(url)
    except (ImportError, AttributeError, TypeError) as error:
        # A package that conflicts with another one raises the last two.
        scheme = url.split("://", 1)[0]
        raise MissingDependencyError(
            f"{scheme}:// needs a package that is not installed or does not work: {error}"
        ) from error
    # Other processes write there too: what fsspec remembers of its listings is out of date.
    system.invalidate_cache()
    if is_sftp(_protocols(system)):
        renew_connection(system)
    return system, inside


def _folder_of_pattern(url: str) -> str:
    """Return the URL of the folder below which a pattern may match; "" if it is no pattern."""
    begin = url.index("://") + 3
    # A password may hold the same signs.
    begin = url.rfind("@", begin, url.find("/", begin)) + 1 or begin
    starts = [start for sign in "*?[" if (start := url.find(sign, begin)) >= 0]
    return url[: url.rindex("/", 0, min(starts)) + 1] if starts else ""


def _protocols(system: AbstractFileSystem) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


def _is_object_store(system: AbstractFileSystem) -> bool:
    """Return whether a put shows the whole object or nothing, and directories are only names."""
    return not _OBJECT_STORES.isdisjoint(_protocols(system))


def _make_folder(system: AbstractFileSystem, path: str) -> None:
    """Make a folder and its parents, unless they exist."""
    parents = len(path.strip("/").split("/"))
    for remaining in reversed(range(parents)):
        try:
            system.makedirs(path, exist_ok=True)
            return
        except OSError:
            # A client looks whether a folder is there, then makes it; another one may be quicker.
            if system.exists(path):
                return
            if not remaining:
                raise


def _move(system: AbstractFileSystem, path: str, new_path: str, **options: bool) -> None:
    """Rename a file or a folder, with those of the options that the file system's client knows."""
    parameters = inspect.signature(system.mv).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        options = {name: value for name, value in options.items() if name in parameters}
    system.mv(path, new_path, **options)


def _claim(system: AbstractFileSystem, directory: str) -> None:
    if system.exists(directory):
        raise FileExistsError(f"{directory} exists already.")
    if not _is_object_store(system):
        _make_folder(system, directory)
    # Between the check and this line another process may have made the directory too; only one
    # of both can create the hidden file.
    claim = uuid.uuid4().bytes
    try:
        _create(system, f"{directory}/{_CLAIM}", claim)
    except FileExistsError:
        # A client repeats a write whose answer was lost, and then finds its own file.
        with suppress(OSError):
            if system.cat_file(f"{directory}/{_CLAIM}") == claim:
                return
        raise


def _create(system: AbstractFileSystem, path: str, data: bytes) -> None:
    if _is_object_store(system):
        # fsspec's memory looks first whether there is a file, and then makes it.
        with _IN_MEMORY if "memory" in _protocols(system) else nullcontext():
            system.pipe_file(path, data, mode="create")
        return
    if is_sftp(_protocols(system)):
        create_file(system, path, data)
        return
    system.invalidate_cache()
    if system.exists(path):
        raise FileExistsError(f"{path} exists already.")
    # HDFS refuses the second process here; other stores may ignore the argument.
    with system.open(path, "wb", overwrite=False) as file:
        file.write(data)


def _replace(system: AbstractFileSystem, path: str, data: bytes) -> None:
    """Write a file under a temporary name, then rename it.

    Where a store cannot rename onto a file, the old file has another name for that moment.
    """
    folder, _, name = path.rpartition("/")
    temporary = f"{folder}/.{name}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        system.pipe_file(temporary, data)
        try:
            _move(system, temporary, path, overwrite=True)
        except FileExistsError:
            if system.exists(path + PREVIOUS):  # an earlier replacement was interrupted
                system.rm_file(path + PREVIOUS)
            system.mv(path, path + PREVIOUS)
            system.mv(temporary, path)
            system.rm_file(path + PREVIOUS)
    except BaseException:
        with suppress(Exception):
            system.rm_file(temporary)
        raise


def _begin_new_file(system: AbstractFileSystem, path: str, data: bytes) -> None:
    """Give an HDFS file to which nobody can append another name, and begin a new one.

    After an interrupted write HDFS lets nobody append to or read the file for up to an hour.
    """
    if system.size(path):
        number = 1
        while system.exists(f"{path}.cut-{number}"):
            number += 1
        system.mv(path, f"{path}.cut-{number}")
    system.pipe_file(path, data)
