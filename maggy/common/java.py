"""Find out whether a missing or old Java is the reason why Spark does not start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from maggy.common.exceptions import MissingDependencyError

__all__ = ["java_problem"]

MIN_JAVA = 17


def java_problem() -> MissingDependencyError | None:
    """Return why Spark's Java did not start; None if Java is not the reason."""
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if java is None or not os.path.exists(java):
        where = f"JAVA_HOME={home} has none" if home else "there is none on the PATH"
        return MissingDependencyError(
            f"Spark needs Java {MIN_JAVA} or newer, but {where}. Install a JDK (for example "
            "openjdk-17-jre-headless) and set JAVA_HOME to it."
        )
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    # Up to Java 8 the version begins with "1.": 1.8.0_392.
    match = re.search(r'version "(?:1\.)?(\d+)', output)
    if match and int(match[1]) < MIN_JAVA:
        return MissingDependencyError(
            f"Spark 4 needs Java {MIN_JAVA} or newer, but {java} is version {match[1]}. "
            "Install a newer JDK and set JAVA_HOME to it."
        )
    return None
