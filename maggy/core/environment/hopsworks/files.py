"""Files in HopsFS, through ``hops.hdfs``."""

from __future__ import annotations

import secrets
from typing import Any

from maggy.common.files import Files, UrlFiles
from maggy.common.files.contract import PREVIOUS
from maggy.core.environment.hopsworks.package import hops_hdfs

__all__ = ["HopsFiles"]

_NEW = ".writing"


class HopsFiles(Files):
    """The files of a Hopsworks project.

    HopsFS cannot replace a file in one step. An atomic write therefore keeps the old file under another name for that
    moment, and reading finds it there.
    """

    def join(self, *parts: str) -> str:
        return UrlFiles().join(*parts)

    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        hdfs = hops_hdfs()
        if hdfs.exists(path):
            if not (exist_ok and hdfs.isdir(path)):
                raise FileExistsError(f"{path} exists already.")
            return
        hdfs.mkdir(path)

    def exists(self, path: str) -> bool:
        hdfs = hops_hdfs()
        return bool(hdfs.exists(path) or hdfs.exists(path + PREVIOUS))

    def list(self, path: str) -> list[str]:
        hdfs = hops_hdfs()
        if not hdfs.exists(path) or not hdfs.isdir(path):
            return []
        return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in hdfs.ls(path))

    def read_bytes(self, path: str) -> bytes:
        hdfs = hops_hdfs()
        for name in (path, path + PREVIOUS):
            if hdfs.exists(name):
                data = hdfs.load(name)
                return data.encode() if isinstance(data, str) else bytes(data)
        raise FileNotFoundError(f"There is no file {path}.")

    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        hdfs = hops_hdfs()
        if not atomic:
            hdfs.dump(data, path)
            return
        hdfs.dump(data, path + _NEW)
        if hdfs.exists(path):
            _delete(hdfs, path + PREVIOUS)
            hdfs.rename(path, path + PREVIOUS)
        hdfs.rename(path + _NEW, path)
        _delete(hdfs, path + PREVIOUS)

    def create_bytes(self, path: str, data: bytes) -> None:
        hdfs = hops_hdfs()
        temporary = f"{path}.{secrets.token_hex(4)}{_NEW}"
        hdfs.dump(data, temporary)
        try:
            hdfs.rename(temporary, path)  # never onto a file
        except OSError as error:
            _delete(hdfs, temporary)
            if hdfs.exists(path):
                raise FileExistsError(f"{path} exists already.") from error
            raise

    def append_bytes(self, path: str, data: bytes) -> None:
        hdfs = hops_hdfs()
        file = hdfs.open_file(path, flags="a" if hdfs.exists(path) else "w")
        try:
            file.write(data)
        finally:
            file.close()

    def rename(self, path: str, new_path: str) -> None:
        hops_hdfs().rename(path, new_path)

    def remove(self, path: str) -> None:
        hdfs = hops_hdfs()
        for name in (path + PREVIOUS, path):  # in this order, or the old content would come back
            _delete(hdfs, name)

    def remove_temporary(self, path: str) -> None:
        hdfs = hops_hdfs()
        for folder in (path, *(f"{path}/{name}" for name in self.list(path))):
            for name in self.list(folder):
                if name.endswith(_NEW):
                    _delete(hdfs, f"{folder}/{name}")


def _delete(hdfs: Any, path: str) -> None:
    if hdfs.exists(path):
        hdfs.delete(path)
