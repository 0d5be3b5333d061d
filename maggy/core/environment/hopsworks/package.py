"""Imports what is needed of the package ``hops``; the only module that does. Knows nothing of experiments."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from maggy.common.exceptions import MissingDependencyError

__all__ = ["has_hops", "hops_hdfs", "import_hops"]


def has_hops() -> bool:
    """Whether ``hops`` is installed; does not import it."""
    return "hops" in sys.modules or importlib.util.find_spec("hops") is not None


def import_hops(name: str) -> Any:
    """A module of ``hops``, for example ``"util"``.

    What hops sets up on import, logging to the standard output for the whole process, is undone.

    Raises:
        MissingDependencyError: hops is not installed, or something that it needs is not.
    """
    if f"hops.{name}" in sys.modules:
        return sys.modules[f"hops.{name}"]
    try:
        with _own_logging():
            return importlib.import_module(f"hops.{name}")
    except Exception as error:  # what does not fit the rest of the installation raises all kinds
        raise MissingDependencyError(
            f"Maggy reaches Hopsworks through the package hops, but hops.{name} cannot be imported: {error}. Run: pip "
            'install "maggy[hopsworks]", or set MAGGY_ENVIRONMENT=local to run without Hopsworks.'
        ) from error


def hops_hdfs() -> Any:
    """``hops.hdfs``, ready to be used.

    Raises:
        MissingDependencyError: hops or pydoop, on which all its file calls rest, is not installed.
    """
    hdfs = import_hops("hdfs")
    if not getattr(hdfs, "pydoop_available", True):
        raise MissingDependencyError(
            "On Hopsworks, Maggy keeps experiments in HopsFS through hops and pydoop, but pydoop cannot be imported. "
            "Run in an environment of Hopsworks that has it, or set MAGGY_ENVIRONMENT=local to keep them elsewhere."
        )
    return hdfs


@contextmanager
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        if root.handlers != handlers:
            root.handlers[:] = handlers
            root.setLevel(level)
