"""Files anywhere: each path is passed on to the implementation for its kind of place."""

from __future__ import annotations

from collections.abc import Mapping

from maggy.common.files.contract import Files, is_url
from maggy.common.files.disk import DiskFiles
from maggy.common.files.url import UrlFiles

__all__ = ["AnyFiles"]


class AnyFiles(Files):
    """Pass each call on: plain paths to the disk, URLs to fsspec or to the implementation for their scheme.

    Example:
        >>> AnyFiles().join("memory://bucket", "folder", "file")
        'memory://bucket/folder/file'

    Args:
        schemes: The implementation for each URL scheme that fsspec should not get.
    """

    def __init__(self, schemes: Mapping[str, Files] | None = None) -> None:
        self._disk = DiskFiles()
        self._urls = UrlFiles()
        self._schemes = dict(schemes or {})

    def _at(self, path: str) -> Files:
        if not is_url(path):
            return self._disk
        return self._schemes.get(path.split("://", 1)[0], self._urls)

    def join(self, *parts: str) -> str:
        return self._at(parts[0]).join(*parts)

    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        self._at(path).make_directory(path, exist_ok)

    def exists(self, path: str) -> bool:
        return self._at(path).exists(path)

    def list(self, path: str) -> list[str]:
        return self._at(path).list(path)

    def read_bytes(self, path: str) -> bytes:
        return self._at(path).read_bytes(path)

    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        self._at(path).write_bytes(path, data, atomic)

    def create_bytes(self, path: str, data: bytes) -> None:
        self._at(path).create_bytes(path, data)

    def append_bytes(self, path: str, data: bytes) -> None:
        self._at(path).append_bytes(path, data)

    def rename(self, path: str, new_path: str) -> None:
        self._at(path).rename(path, new_path)

    def remove(self, path: str) -> None:
        self._at(path).remove(path)

    def remove_temporary(self, path: str) -> None:
        self._at(path).remove_temporary(path)
