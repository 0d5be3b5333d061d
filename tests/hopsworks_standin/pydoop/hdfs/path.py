"""Paths of HDFS as pydoop splits and completes them."""

import os
import re
import sys


class _HdfsPathSplitter:
    pattern = re.compile(r"([a-z0-9+.-]+):(.+)")

    @classmethod
    def raise_bad_path(cls, path, why=None):
        raise ValueError(f"not a valid hdfs path: {path} ({why})")

    @classmethod
    def parse(cls, path):
        match = cls.pattern.fullmatch(path)
        scheme, rest = match.groups() if match else ("", path)
        if rest.startswith("//"):
            netloc, slash, tail = rest[2:].partition("/")
            return scheme, netloc, slash + tail
        return scheme, "", rest

    @classmethod
    def split_netloc(cls, netloc):
        host, _, port = netloc.partition(":")
        return host or "default", int(port or 0)


def split(uri, user=None):
    # As in pydoop, the class is looked up in the module, where hops puts a splitter of its own.
    return sys.modules[__name__]._HdfsPathSplitter.split(
        uri, user or os.environ.get("HADOOP_USER_NAME")
    )


def abspath(uri, user=None, local=False):
    host, port, inside = split(uri, user)
    return f"hdfs://namenode:8020{inside}" if host == "default" else f"hdfs://{host}:{port}{inside}"


def exists(uri):
    from pydoop.hdfs import store

    files, inside = store(uri)
    files.invalidate_cache()
    return files.exists(inside)


def isdir(uri):
    from pydoop.hdfs import store

    files, inside = store(uri)
    return files.isdir(inside)


def isfile(uri):
    from pydoop.hdfs import store

    files, inside = store(uri)
    return files.isfile(inside)
