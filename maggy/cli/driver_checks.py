"""What ``maggy doctor`` checks on the machine where it runs, which would be the driver.

It imports neither Spark nor TensorFlow: their versions are read from their metadata.
"""

from __future__ import annotations

import os
import platform
import secrets
import sys

from maggy.cli.findings import Finding
from maggy.common.credentials import without_secrets_of
from maggy.common.files import Files
from maggy.common.java import MIN_JAVA, java_path, java_version, major_version
from maggy.common.versions import SPARK, TENSORFLOW, package_version
from maggy.version import __version__

__all__ = ["driver_findings", "store_finding"]

_MIN_PYTHON = (3, 10)
_MIN_JAVA_OF_SPARK_3 = 8


def driver_findings(files: Files, root: str) -> list[Finding]:
    """Return the findings about this machine.

    Args:
        files: Reads and writes in ``root``.
        root: The directory of experiments.
    """
    spark = package_version(*SPARK)
    return [
        _python_finding(),
        Finding("ok", "Maggy", __version__),
        _spark_finding(spark),
        _java_finding(spark),
        _tensorflow_finding(),
        store_finding(files, root),
    ]


def store_finding(files: Files, root: str) -> Finding:
    """Return whether experiments can be recorded in a directory. A hidden file is made and removed.

    Args:
        files: Reads and writes there.
        root: The directory. If it does not exist yet, the nearest one above it is tried.
    """
    remedy = "Choose another directory with log_dir or MAGGY_LOG_DIR, or mend the cause."
    try:
        place = _nearest(files, root)
        path = files.join(place, f".maggy-doctor-{secrets.token_hex(8)}")
        files.create_bytes(path, b"")
        files.remove(path)
    except Exception as error:  # the libraries of stores have errors of their own
        reason = without_secrets_of(root, str(error))
        text = f"{root} cannot be written ({type(error).__name__}: {reason:.300})"
        return Finding("problem", "records", text, remedy)
    text = f"{root} can be written"
    return Finding("ok", "records", text if place == root else f"{text}, and will be made")


def _nearest(files: Files, path: str) -> str:
    """Return the path, or the nearest directory above it that exists."""
    while not files.exists(path):
        parent = path.rstrip("/").rpartition("/")[0]
        if not parent or parent.endswith((":", "/")):  # the root of a disk or of a store
            return path
        path = parent
    return path


def _python_finding() -> Finding:
    text = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < _MIN_PYTHON:
        return Finding("problem", "Python", text, "Maggy needs Python 3.10 or newer.")
    return Finding("ok", "Python", text)


def _spark_finding(spark: str | None) -> Finding:
    if spark is None:
        return Finding("problem", "Spark", "pyspark is not installed", "Run: pip install pyspark")
    return Finding("ok", "Spark", f"pyspark {spark}")


def _java_finding(spark: str | None) -> Finding:
    least = _MIN_JAVA_OF_SPARK_3 if (spark or "").startswith("3.") else MIN_JAVA
    java = java_path()
    if java is None and os.environ.get("SPARK_REMOTE"):
        return Finding("ok", "Java", "not needed here: Spark Connect is on another machine")
    if java is None:
        text = "JAVA_HOME has none" if os.environ.get("JAVA_HOME") else "there is none on the PATH"
        remedy = f"Install a JDK of version {MIN_JAVA} or newer, and set JAVA_HOME to it."
        return Finding("problem", "Java", text, remedy)
    try:
        release = java_version(java)
    except OSError as error:
        return Finding("problem", "Java", f"{java} does not start: {error}", "Install a JDK.")
    major = major_version(release)
    text = f"{release or 'of an unknown version'} ({java})"
    if major is not None and major < least:
        remedy = f"This Spark needs Java {least} or newer. Set JAVA_HOME to a newer JDK."
        return Finding("problem", "Java", text, remedy)
    return Finding("ok", "Java", text)


def _tensorflow_finding() -> Finding:
    release = package_version(*TENSORFLOW)
    if release is None:
        text = "not installed; needed only by training functions and studies that use it"
        return Finding("note", "TensorFlow", text)
    return Finding("ok", "TensorFlow", release)
