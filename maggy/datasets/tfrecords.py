"""Find TFRecord files by a path, and describe how TensorFlow parses their features."""

from __future__ import annotations

import os
import re
from types import ModuleType
from typing import TYPE_CHECKING

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import AblationError
from maggy.common.files import Files

if TYPE_CHECKING:
    import tensorflow

__all__ = ["TFRECORD_NAME", "find_records", "parser_of"]

TFRECORD_NAME = re.compile(r"^(part-r-|[^._].*\.tfrecord)(?!.*\.crc$)")
"""The base names of TFRecord files: the names that Spark writes, and ``*.tfrecord*``."""


def find_records(files: Files, path: str) -> list[str]:
    """Return the TFRecord files at a path.

    They are in the order of their paths, so that rows always come in the same order. A single file
    may have any name.

    Args:
        files: Finds them.
        path: A file, a folder or a pattern.

    Raises:
        AblationError: If there is none.
    """
    paths = files.find(path)
    if paths != [path]:
        paths = [file for file in paths if TFRECORD_NAME.search(os.path.basename(file))]
    if not paths:
        raise AblationError(
            f"No TFRecord file is at {without_credentials(path)} on this worker. Put it where all "
            "machines can read it, and register that path."
        )
    return paths


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
