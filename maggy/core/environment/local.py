"""The environment of a laptop or a plain Spark cluster: local paths through ``open``, URLs through fsspec."""

from __future__ import annotations

import os
import re
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from maggy.core.environment.base import Environment
from maggy.core.exceptions import MissingDependencyError

__all__ = ["LocalEnvironment"]

_OBJECT_STORES = frozenset(["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "memory"])
_CLAIM = ".claimed"
_OLD = ".previous"
# The names that atomic writes give, on a disk and in a store.
_TEMPORARY = re.compile(r".+\.\d+-\d+\.tmp|\..+\.[0-9a-f]{8}\.tmp")


class LocalEnvironment(Environment):
    """Keeps experiments on a local disk, or wherever an fsspec URL (``s3://``, ``hdfs://``, ``memory://``) points.

    What a local path promises holds there too, as far as the store can: a directory that must be new is claimed by a
    hidden file that only one can create (S3, HDFS and memory can promise that), an atomic write is one put into an
    object store and a renamed file elsewhere, and what a store cannot append to is written anew.
    """

    name = "local"

    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        """``log_dir``, else ``$MAGGY_LOG_DIR``, else ``./Experiments``: an absolute path, or a URL as it is."""
        chosen = os.fspath(log_dir) if log_dir is not None else ""
        chosen = chosen or os.environ.get("MAGGY_LOG_DIR", "") or "Experiments"
        if chosen.startswith("file://"):
            chosen = chosen[len("file://") :]
        if _is_url(chosen):
            # "memory://" alone must keep its slashes: without them it would be a local name.
            return chosen if chosen.endswith("://") else chosen.rstrip("/")
        return os.path.abspath(os.path.expanduser(chosen))

    def join(self, *parts: str) -> str:
        if not _is_url(parts[0]):
            return os.path.join(*parts)
        head = parts[0] if parts[0].endswith("://") else parts[0].rstrip("/") + "/"
        return head + "/".join(part.strip("/") for part in parts[1:])

    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        if _is_url(path):
            files, inside = _remote(path)
            if not exist_ok:
                _claim(files, inside.rstrip("/"))
            elif not _object_store(files):  # which needs no directories, and asking costs a request
                files.makedirs(inside, exist_ok=True)
            return
        try:
            # Nearly always the parent is there, and then one system call does.
            os.mkdir(path)
        except FileNotFoundError:
            os.makedirs(path, exist_ok=exist_ok)
        except FileExistsError:
            if not (exist_ok and os.path.isdir(path)):
                raise

    def exists(self, path: str) -> bool:
        if _is_url(path):
            files, inside = _remote(path)
            files.invalidate_cache()
            return bool(files.exists(inside)) or (not _object_store(files) and bool(files.exists(inside + _OLD)))
        return os.path.exists(path)

    def list(self, path: str) -> list[str]:
        with suppress(FileNotFoundError, NotADirectoryError):
            if not _is_url(path):
                return sorted(os.listdir(path))
            files, inside = _remote(path)
            files.invalidate_cache()
            names = {entry.rstrip("/").rsplit("/", 1)[-1] for entry in files.ls(inside, detail=False)}
            return sorted(names - {_CLAIM, ""})
        return []

    def read_bytes(self, path: str) -> bytes:
        if _is_url(path):
            files, inside = _remote(path)
            try:
                return bytes(files.cat_file(inside))
            except FileNotFoundError:
                if _object_store(files):
                    raise
                return bytes(files.cat_file(inside + _OLD))  # its replacement was cut off
        return Path(path).read_bytes()

    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        if _is_url(path):
            files, inside = _remote(path)
            if not atomic or _object_store(files):
                files.pipe_file(inside, data)
            else:
                _put_in_place(files, inside, data)
            return
        if not atomic:
            _write(path, data, os.O_TRUNC)
            return
        temporary = _temporary(path)
        try:
            _write(temporary, data, os.O_TRUNC)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def create_bytes(self, path: str, data: bytes) -> None:
        if _is_url(path):
            _create(*_remote(path), data)
            return
        temporary = _temporary(path)
        try:
            _write(temporary, data, os.O_TRUNC)
            try:
                os.link(temporary, path)
            except FileExistsError:
                raise
            except OSError:  # a file system without links
                _write(path, data, os.O_EXCL)
        finally:
            with suppress(OSError):
                os.unlink(temporary)

    def append_bytes(self, path: str, data: bytes) -> None:
        if not _is_url(path):
            _write(path, data, os.O_APPEND)
            return
        files, inside = _remote(path)
        if not _object_store(files):
            try:
                with files.open(inside, "ab" if files.exists(inside) else "wb") as file:
                    file.write(data)
                return
            except (NotImplementedError, ValueError):  # it cannot append
                pass
            except FileExistsError:
                _begin_anew(files, inside, data)
                return
        try:
            before = files.cat_file(inside)
        except FileNotFoundError:
            before = b""
        files.pipe_file(inside, before + data)

    def rename(self, path: str, new_path: str) -> None:
        if _is_url(path):
            _move(*_remote(path), _remote(new_path)[1])
            return
        os.rename(path, new_path)

    def remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            if _is_url(path):
                files, inside = _remote(path)
                if not _object_store(files):
                    with suppress(FileNotFoundError):  # first, so that the older content never comes back
                        files.rm_file(inside + _OLD)
                files.rm_file(inside)
                return
            os.unlink(path)

    def remove_temporary(self, path: str) -> None:
        if not _is_url(path):
            folders = [path, *(entry.path for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))]
            for folder in folders:
                for name in filter(_TEMPORARY.fullmatch, self.list(folder)):
                    self.remove(os.path.join(folder, name))
            return
        files, inside = _remote(path)
        if _object_store(files):  # where a put shows the whole object or nothing
            return
        files.invalidate_cache()
        for file in files.find(inside, maxdepth=2):
            if _TEMPORARY.fullmatch(file.rpartition("/")[2]):
                files.rm_file(file)


def _is_url(path: str) -> bool:
    return "://" in path


def _remote(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path inside it; fsspec keeps the file system for the next call."""
    from fsspec.core import url_to_fs

    try:
        files, inside = url_to_fs(url)
    except (ImportError, AttributeError, TypeError) as error:  # not there, or it does not fit what is
        scheme = url.split("://", 1)[0]
        raise MissingDependencyError(
            f"{scheme}:// needs a package that is not installed or does not work: {error}"
        ) from error
    return files, inside


def _object_store(files: Any) -> bool:
    """Whether a put shows the whole object or nothing, and directories are but names."""
    protocols = (files.protocol,) if isinstance(files.protocol, str) else files.protocol
    return not _OBJECT_STORES.isdisjoint(protocols)


def _claim(files: Any, directory: str) -> None:
    """Makes a directory that must be new."""
    files.invalidate_cache()
    if files.exists(directory):
        raise FileExistsError(f"{directory} exists already.")
    if not _object_store(files):
        files.makedirs(directory, exist_ok=True)
    _create(files, f"{directory}/{_CLAIM}", b"")


def _create(files: Any, path: str, data: bytes) -> None:
    """Writes a file that must be new."""
    if _object_store(files):
        files.pipe_file(path, data, mode="create")
        return
    files.invalidate_cache()
    if files.exists(path):
        raise FileExistsError(f"{path} exists already.")
    with files.open(path, "wb", overwrite=False) as file:  # HDFS refuses the second one; others may ignore it
        file.write(data)


def _move(files: Any, path: str, new_path: str) -> None:
    if not _object_store(files):
        files.mv(path, new_path, recursive=True)
        return
    path = path.rstrip("/")
    for name in files.find(path) or [path]:
        files.cp_file(name, new_path.rstrip("/") + name[len(path) :])
        files.rm_file(name)


def _temporary(path: str) -> str:
    """A name beside a file. Two threads may write the same file at once, so each has one of its own."""
    return f"{path}.{os.getpid()}-{threading.get_ident()}.tmp"


def _put_in_place(files: Any, path: str, data: bytes) -> None:
    """Writes a file under another name first.

    Where a store cannot rename onto a file, the old one is kept under another name for that moment.
    """
    folder, _, name = path.rpartition("/")
    temporary = f"{folder}/.{name}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        files.pipe_file(temporary, data)
        try:
            files.mv(temporary, path, overwrite=True)
        except FileExistsError:
            if files.exists(path + _OLD):  # of a replacement that was cut off
                files.rm_file(path + _OLD)
            files.mv(path, path + _OLD)
            files.mv(temporary, path)
            files.rm_file(path + _OLD)
    except BaseException:
        with suppress(Exception):
            files.rm_file(temporary)
        raise


def _begin_anew(files: Any, path: str, data: bytes) -> None:
    """Goes on in a new file where HDFS lets nobody add to the old one, nor read it.

    That is so for up to an hour after a write that was cut off. What the file holds then is kept under another name.
    """
    if files.size(path):
        number = 1
        while files.exists(f"{path}.cut-{number}"):
            number += 1
        files.mv(path, f"{path}.cut-{number}")
    files.pipe_file(path, data)


def _write(path: str, data: bytes, how: int) -> None:
    """One open and, but for very large data, one write: small files are most of what is written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how | getattr(os, "O_BINARY", 0), 0o666)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)
