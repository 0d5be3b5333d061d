"""The Java that Spark needs, and what is wrong with it when Spark does not start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from maggy.common.exceptions import MissingDependencyError

__all__ = ["java_problem"]


def java_problem() -> MissingDependencyError | None:
    """Why Spark's JVM did not start, when Java is the reason."""
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if java is None or not os.path.exists(java):
        where = f"JAVA_HOME={home} has none" if home else "there is none on the PATH"
        return MissingDependencyError(
            f"Spark needs Java 17 or newer, but {where}. Install a JDK (for example openjdk-17-jre-headless) "
            "and set JAVA_HOME to it."
        )
    printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', printed)
    if found and int(found.group(1)) < 17:
        return MissingDependencyError(
            f"Spark 4 needs Java 17 or newer, but {java} is version {found.group(1)}. "
            "Install a newer JDK and set JAVA_HOME to it."
        )
    return None
