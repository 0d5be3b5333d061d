"""Import the package ``hops``. No other module does that."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import BinaryIO, Protocol, cast

from maggy.common.exceptions import MissingDependencyError
from maggy.common.extras import install_command

__all__ = ["HopsHdfs", "has_hops", "hops_hdfs", "import_hops"]


class HopsHdfs(Protocol):
    """The functions of the module ``hops.hdfs`` that Maggy uses."""

    def project_name(self) -> str:
        """Return the name of the project."""

    def project_path(self) -> str:
        """Return the URL of the project's folder, with a slash at its end."""

    def exists(self, path: str, /) -> bool:
        """Return whether there is a file or a folder."""

    def isdir(self, path: str, /) -> bool:
        """Return whether there is a folder."""

    def ls(self, path: str, /) -> list[str]:
        """Return the URLs of the files and folders in a folder."""

    def mkdir(self, path: str, /) -> None:
        """Make a folder and its parents."""

    def dump(self, data: bytes, path: str, /) -> None:
        """Write a whole file."""

    def load(self, path: str, /) -> bytes | str:
        """Return the content of a file."""

    def open_file(self, path: str, /, *, flags: str) -> BinaryIO:
        """Open a file for bytes."""

    def delete(self, path: str, /, recursive: bool = False) -> None:
        """Remove a file, or a folder: an empty one, or any one if the call is recursive."""

    def rename(self, path: str, new_path: str, /) -> None:
        """Rename a file, which fails if there is a file of the new name."""


def has_hops() -> bool:
    """Return whether ``hops`` is installed. Do not import it."""
    return "hops" in sys.modules or importlib.util.find_spec("hops") is not None


def import_hops(name: str) -> ModuleType:
    """Import a module of ``hops``, for example ``"util"``.

    On import, hops directs the logging of the whole process to the standard output. This is undone.

    Raises:
        MissingDependencyError: If hops, or something that it needs, is not installed.
    """
    if f"hops.{name}" in sys.modules:
        return sys.modules[f"hops.{name}"]
    try:
        with _logging_unchanged():
            return importlib.import_module(f"hops.{name}")
    except Exception as error:
        # A hops that does not fit the other packages raises errors of many types.
        raise MissingDependencyError(
            f"Maggy needs the package hops to reach Hopsworks, but hops.{name} cannot be imported: "
            f"{error}. Run: {install_command('hopsworks')}, or set MAGGY_ENVIRONMENT=local to run "
            "without Hopsworks."
        ) from error


def hops_hdfs() -> HopsHdfs:
    """Import ``hops.hdfs`` and check that it can reach files.

    Raises:
        MissingDependencyError: If hops is not installed, or pydoop, which all its file calls need.
    """
    hdfs = import_hops("hdfs")
    # Without pydoop, hops can be imported, but each file call would raise a NameError.
    if not getattr(hdfs, "pydoop_available", True):
        raise MissingDependencyError(
            "On Hopsworks, Maggy keeps experiments in HopsFS through hops and pydoop, but pydoop "
            "cannot be imported. Run in an environment of Hopsworks that has it, or set "
            "MAGGY_ENVIRONMENT=local to keep experiments elsewhere."
        )
    return cast(HopsHdfs, hdfs)


@contextmanager
def _logging_unchanged() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        if root.handlers != handlers:
            root.handlers[:] = handlers
            root.setLevel(level)
