"""Recognize the formats of training data by the names of files."""

from __future__ import annotations

import os

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import BadArgumentsError, MissingDependencyError
from maggy.common.files import AnyFiles, Files, is_url
from maggy.datasets.tfrecords import TFRECORD_NAME

__all__ = ["FORMATS", "format_at", "format_of_name", "name_filter", "select_format"]

FORMATS = (
    "a Spark or pandas data frame, a CSV or Parquet file or folder, or a TFRecord file, folder or "
    "pattern (part-r-*, *.tfrecord*)"
)
"""The data that can be registered, for error texts."""

_ENDINGS = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zip"),
}
"""The endings of the names of tables, by their format."""


def format_of_name(name: str) -> str | None:
    """Return the format of a file from its base name.

    Returns:
        ``"csv"``, ``"parquet"`` or ``"tfrecord"``; None for any other file, and for files of Spark
        such as ``_SUCCESS``.
    """
    if name.startswith(("_", ".")):
        return None
    if TFRECORD_NAME.search(name):
        return "tfrecord"
    for file_format, endings in _ENDINGS.items():
        if name.endswith(endings):
            return file_format
    return None


def name_filter(file_format: str) -> str:
    """Return a pattern of Spark for the names of CSV or Parquet files."""
    return f"*{{{','.join(_ENDINGS[file_format])}}}"


def select_format(files: list[str], file_format: str) -> list[str]:
    """Return the files whose names have this format."""
    return [file for file in files if format_of_name(os.path.basename(file)) == file_format]


def format_at(path: str, files: Files | None = None) -> str:
    """Return the format of the files at a path.

    Args:
        path: A file, a folder, a pattern or a URL of one.
        files: Access to the path; :class:`AnyFiles` if None.

    Returns:
        ``"csv"``, ``"parquet"`` or ``"tfrecord"``.

    Raises:
        BadArgumentsError: If nothing is there, or the files are not all of one format.
    """
    files = files or AnyFiles()
    names = _names_at(files, path)
    shown_path = without_credentials(path)
    if not names:
        raise BadArgumentsError(
            f"A training data set's path must exist, but nothing is at {shown_path}."
        )
    formats = sorted({file_format for file_format in map(format_of_name, names) if file_format})
    if not formats and path.endswith(names[0]):
        raise BadArgumentsError(
            f"The format of {shown_path} is not known from its name. A training data set must be "
            f"{FORMATS}."
        )
    if len(formats) != 1:
        raise BadArgumentsError(
            f"A training data set must be {FORMATS}, but the folder {shown_path} holds files of "
            f"{' and '.join(formats) if formats else 'none of these formats'}."
        )
    if formats != ["tfrecord"] and not is_url(path) and not files.exists(path):
        raise BadArgumentsError(
            f"A pattern can name TFRecord files only, but got {shown_path}. "
            "Give the folder instead."
        )
    return formats[0]


def _names_at(files: Files, path: str) -> list[str]:
    """Return the base names of the files at a path."""
    try:
        paths = files.find(path)
    except MissingDependencyError:
        # Spark or TensorFlow may have the package that fsspec lacks, so the name must do.
        paths = [path.rstrip("/")]
    return [os.path.basename(file) for file in paths]
