"""Start Spark without a wall of warnings. It changes nothing that the user has set.

It imports no pyspark: what it returns is for the module that starts the session.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypedDict

from maggy.common.environment_variables import set_variables

__all__ = ["JavaOptions", "quiet_java", "tidy_python", "worker_variables"]

LOGGING = Path(__file__).with_name("spark_logging")
"""The folder with the log4j2 file for a Spark without one."""

PYSPARK_VARIABLES = {"SPARK_AUTH_SOCKET_TIMEOUT": "15", "SPARK_BUFFER_SIZE": "65536"}
"""pyspark sets these variables when it starts; with these values it does as without them."""

USELESS_LINES = {
    "java": "^WARNING: Using incubator modules: ",
    "tensorflow": "^I0000 00:00:[0-9]|^WARNING: All log messages before absl::InitializeLog",
}
"""Regular expressions of lines that no option turns off, by who writes them.

Java's line is about a module that Spark uses. TensorFlow writes some lines of the level INFO before
it looks at its level.
"""

FILTER = """
{
  {
    trap "" INT
    if echo | grep -a -v -E --line-buffered -e "$1" >/dev/null 2>&1; then
      exec grep -a -v -E --line-buffered -e "$1"
    fi
    exec cat
  } <&3 3<&- 4>&1 >&2 &
} 3<&0
"""
"""Copies the lines of standard input to standard error, except those that match the argument.

The shell ends at once. What it has started ends when the other end of the pipe is closed, which is
when Java ends. It keeps the shell's output open until then, and writes nothing to it.
A grep without these options cannot be used, so everything is copied then.
"""

LAST_LINES_SECONDS = 2.0
"""How long a Java process that does not start may take to have its last lines shown."""


class JavaOptions(TypedDict, total=False):
    """How to start Spark's Java process, as arguments for `subprocess.Popen`.

    Attributes:
        stderr: The file descriptor of its standard error.
    """

    stderr: int


def worker_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables for workers that the user has not set.

    TensorFlow logs warnings and errors from level 1, errors from level 2, and nothing that the
    program survives from level 3. Without a GPU it reports the missing driver as an error.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in environment:
        return {}
    return {"TF_CPP_MIN_LOG_LEVEL": "2" if _has_gpu() else "3"}


@contextmanager
def quiet_java(*, is_tensorflow_quiet: bool) -> Iterator[JavaOptions]:
    """Have a Java process that starts inside the block log errors only.

    Java looks for a log4j2 file in the order of its class path. Ours is in the last place, and of
    the format that log4j2 looks for last. So every file of the user's comes first.

    Args:
        is_tensorflow_quiet: Leave out what TensorFlow writes before it looks at its level, too.
    """
    places = [os.environ.get("SPARK_DIST_CLASSPATH", ""), str(LOGGING)]
    path = os.pathsep.join(place for place in places if place)
    lines = [text for name, text in USELESS_LINES.items() if name == "java" or is_tensorflow_quiet]
    with set_variables({"SPARK_DIST_CLASSPATH": path}), _without("|".join(lines)) as options:
        yield options


@contextmanager
def tidy_python(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside the block, and leave no trace of pyspark's start.

    Args:
        variables: The values, by the name of the variable.
    """
    before = set(os.environ)
    with set_variables(variables), warnings.catch_warnings():
        # pyspark warns of a pandas that is newer than itself, whether it uses pandas or not.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"pyspark\.")
        try:
            yield
        finally:
            for name, value in PYSPARK_VARIABLES.items():
                if name not in before and os.environ.get(name) == value:
                    del os.environ[name]


@contextmanager
def _without(pattern: str) -> Iterator[JavaOptions]:
    """Yield where Java writes its errors, so that lines which match a pattern are left out.

    It yields nothing if there is no shell or no standard error.
    """
    (input_, java), (is_over, output) = _pipe(), _pipe()
    with input_, java, is_over:
        with output:
            has_filter = _start_filter(pattern, input_, output)
        try:
            yield {"stderr": java.fileno()} if has_filter else {}
        except Exception:
            # The user reads what Java wrote before the error that Python raises.
            java.close()
            with selectors.DefaultSelector() as selector:
                selector.register(is_over, selectors.EVENT_READ)
                selector.select(LAST_LINES_SECONDS)
            raise


def _start_filter(pattern: str, input_: BinaryIO, output: BinaryIO) -> bool:
    """Start the filter, and return whether it runs."""
    command = ["sh", "-c", FILTER, "sh", pattern]
    variables = {**os.environ, "LC_ALL": "C"}  # the lines may be of any encoding
    try:
        subprocess.run(command, stdin=input_, stdout=output, env=variables, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """Return the two ends of a new pipe: one to read, one to write."""
    read_end, write_end = os.pipe()
    return os.fdopen(read_end, "rb"), os.fdopen(write_end, "wb")


def _has_gpu() -> bool:
    # On Windows' Linux a GPU is /dev/dxg.
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()
