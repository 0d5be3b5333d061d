"""Find out whether a missing or old Java is the reason why Spark does not start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from maggy.common.exceptions import MissingDependencyError

__all__ = ["MIN_JAVA", "java_path", "java_problem", "java_version", "major_version"]

MIN_JAVA = 17


def java_problem() -> MissingDependencyError | None:
    """Return why Spark's Java did not start; None if Java is not the reason."""
    home = os.environ.get("JAVA_HOME")
    java = java_path()
    if java is None:
        where = f"JAVA_HOME={home} has none" if home else "there is none on the PATH"
        return MissingDependencyError(
            f"Spark needs Java {MIN_JAVA} or newer, but {where}. Install a JDK (for example "
            "openjdk-17-jre-headless) and set JAVA_HOME to it."
        )
    major = major_version(java_version(java))
    if major is not None and major < MIN_JAVA:
        return MissingDependencyError(
            f"Spark 4 needs Java {MIN_JAVA} or newer, but {java} is version {major}. "
            "Install a newer JDK and set JAVA_HOME to it."
        )
    return None


def java_path() -> str | None:
    """Return the program ``java`` that Spark would start; None if there is none."""
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    return java if java is not None and os.path.exists(java) else None


def java_version(java: str) -> str:
    """Return the version that a Java says it is, such as ``17.0.9``; empty if it says none."""
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "([^"]+)', output)
    return match[1] if match else ""


def major_version(version: str) -> int | None:
    """Return the number by which a Java is known: 17 of ``17.0.9``, 8 of ``1.8.0_392``."""
    match = re.match(r"(?:1\.)?(\d+)", version)
    return int(match[1]) if match else None
