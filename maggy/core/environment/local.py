"""The environment off any platform: a laptop, or a cluster whose experiments lie on a disk or behind a URL."""

from __future__ import annotations

import os

from maggy.common.files import AnyFiles, is_url
from maggy.core.environment.base import Environment

__all__ = ["LocalEnvironment", "local_root"]


class LocalEnvironment(Environment):
    """Keep experiments on a local disk, or wherever an fsspec URL (``s3://``, ``hdfs://``, ``memory://``) points."""

    name = "local"

    def __init__(self) -> None:
        super().__init__(AnyFiles())

    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        return local_root(log_dir)


def local_root(log_dir: str | os.PathLike[str] | None = None) -> str:
    """Return ``log_dir``, else ``$MAGGY_LOG_DIR``, else ``./Experiments``: an absolute path, or a URL as it is."""
    chosen = os.fspath(log_dir) if log_dir is not None else ""
    chosen = chosen or os.environ.get("MAGGY_LOG_DIR", "") or "Experiments"
    if chosen.startswith("file://"):
        chosen = chosen[len("file://") :]
    if is_url(chosen):
        # "memory://" alone must keep its slashes: without them it would be a local name.
        return chosen if chosen.endswith("://") else chosen.rstrip("/")
    return os.path.abspath(os.path.expanduser(chosen))
