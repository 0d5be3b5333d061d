"""Keep experiments on a disk or behind a URL, without a platform."""

from __future__ import annotations

import os

from maggy.common.files import AnyFiles
from maggy.core.environment.base import Environment

__all__ = ["LocalEnvironment", "local_root"]


class LocalEnvironment(Environment):
    """Keep experiments on a local disk or behind an fsspec URL.

    Such URLs begin with ``s3://``, ``hdfs://``, ``memory://`` and the like.
    """

    name = "local"

    def __init__(self) -> None:
        super().__init__(AnyFiles())

    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        """Return the directory of all experiments; see :func:`local_root`."""
        return local_root(log_dir)


def local_root(log_dir: str | os.PathLike[str] | None = None) -> str:
    """Return the directory of all experiments without a platform.

    The first of these that is not empty decides: ``log_dir``, ``$MAGGY_LOG_DIR``,
    ``./Experiments``.

    Returns:
        An absolute path, or a URL without a slash at its end.
    """
    path = os.fspath(log_dir) if log_dir is not None else ""
    return AnyFiles().resolve(path or os.environ.get("MAGGY_LOG_DIR", "") or "Experiments")
