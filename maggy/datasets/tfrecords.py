"""TFRecord files: which files a path means, and how TensorFlow parses their features."""

from __future__ import annotations

import glob
import os
import re
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from maggy.common.exceptions import AblationError

if TYPE_CHECKING:
    import tensorflow

__all__ = ["TFRECORD_NAME", "RecordFiles", "list_record_files", "only_records", "parser_of"]

TFRECORD_NAME = re.compile(r"^(part-r-|[^._].*\.tfrecord)(?!.*\.crc$)")
"""The base names of TFRecord files: the names that Spark writes, and ``*.tfrecord*``."""


class RecordFiles(Protocol):
    """Find and fetch TFRecord files that TensorFlow cannot open itself."""

    def find(self, url: str) -> list[str]:
        """Return the paths of the files at a URL, sorted."""

    def fetch(self, url: str, folder: str, names: list[str] | None = None) -> list[str]:
        """Copy the files with these base names into a local folder, and return the copies."""


def list_record_files(path: str) -> list[str]:
    """Return the local TFRecord files at a path.

    They are in the order of their names, so that rows always come in the same order.

    Args:
        path: A file, a folder or a pattern.

    Raises:
        AblationError: If there is none.
    """
    if os.path.isdir(path):
        files = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    else:
        files = glob.glob(path)
    return only_records(path, files)


def only_records(path: str, files: list[str]) -> list[str]:
    """Return the TFRecord files among the files at a path, sorted.

    Raises:
        AblationError: If there is none.
    """
    # If the path names a single file, that file is taken, also under another name.
    is_one_file = len(files) == 1 and path.endswith(files[0].lstrip("/"))
    records = sorted(
        file for file in files if is_one_file or TFRECORD_NAME.search(os.path.basename(file))
    )
    if not records:
        raise AblationError(
            f"No TFRecord file is at {path} on this worker. Put it where all machines can read it, "
            "and register that path."
        )
    return records


def parser_of(
    tf: ModuleType, name: str, feature: tensorflow.train.Feature
) -> tensorflow.io.FixedLenFeature:
    """Return how TensorFlow parses a feature.

    Args:
        tf: The module ``tensorflow``.
        name: The feature's name.
        feature: The feature of the first record.

    Raises:
        AblationError: If the feature is not one number.
    """
    kind = feature.WhichOneof("kind")
    if kind == "bytes_list":
        raise AblationError(
            f"A training data set must hold numbers only, but feature '{name}' holds text, for "
            f"example {list(feature.bytes_list.value)[:1]!r:.80}. Encode it as numbers before "
            "writing the TFRecord files."
        )
    values = feature.int64_list.value if kind == "int64_list" else feature.float_list.value
    if len(values) != 1:
        raise AblationError(
            f"A training data set must hold one number a feature, but '{name}' holds "
            f"{len(values)}. Split it into single features, or use a data set generator of your "
            "own."
        )
    if kind == "int64_list":
        return tf.io.FixedLenFeature([], tf.int64)
    # The programs that write records leave missing values out.
    return tf.io.FixedLenFeature([], tf.float32, default_value=float("nan"))
