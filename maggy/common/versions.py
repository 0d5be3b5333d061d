"""Versions of installed packages, read from their metadata without an import."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

__all__ = ["SPARK", "TENSORFLOW", "package_version"]

SPARK: Final = ("pyspark", "pyspark-client")
TENSORFLOW: Final = ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly")
"""The distributions of the package, each with a name of its own."""


def package_version(*names: str) -> str | None:
    """Return the version of the first of these packages that is installed; None if none is."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
