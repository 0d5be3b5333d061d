"""A stand-in for the parts of pydoop that hops calls, over the path or URL in ``$PYDOOP_STANDIN``.

As in HDFS, a rename does not replace a file, and listings are full URIs.
"""

import os
import threading

from fsspec.core import url_to_fs
from pydoop.hdfs import fs, path

NAMENODE = "hdfs://namenode:8020"
_RENAMING = threading.Lock()


def store(uri):
    """Return the file system that really holds a file, and the path there."""
    return url_to_fs(os.environ["PYDOOP_STANDIN"].rstrip("/") + path.split(uri)[2])


def mkdir(uri):
    files, inside = store(uri)
    files.makedirs(inside, exist_ok=True)


def ls(uri, recursive=False):
    files, inside = store(uri)
    if not files.exists(inside):
        raise FileNotFoundError(uri)
    return [
        f"{path.abspath(uri).rstrip('/')}/{name.rstrip('/').rsplit('/', 1)[-1]}"
        for name in files.ls(inside, False)
    ]


def dump(data, uri):
    files, inside = store(uri)
    files.pipe_file(inside, data.encode() if isinstance(data, str) else data)


def load(uri):
    files, inside = store(uri)
    return files.cat_file(inside)


def rename(source, target):
    files, inside = store(source)
    _, new = store(target)
    with _RENAMING:  # HDFS checks and renames in one step
        if files.exists(new):
            raise OSError(f"{target} exists already")
        files.mv(inside, new, recursive=True)


class hdfs:  # noqa: N801
    def __init__(self, host, port, user=None):
        self.user = user

    def exists(self, uri):
        return path.exists(uri)

    def create_directory(self, uri):
        mkdir(uri)

    def delete(self, uri, recursive=False):
        files, inside = store(uri)
        files.rm(inside, recursive=recursive)

    def open_file(self, uri, mode="r", buff_size=0):
        if mode not in ("r", "w", "a"):
            raise ValueError(f"invalid mode: {mode!r}")
        files, inside = store(uri)
        return files.open(inside, f"{mode}b")


fs.hdfs = hdfs
