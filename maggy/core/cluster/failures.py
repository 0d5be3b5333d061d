"""Explain the errors of Spark."""

from __future__ import annotations

import re
import sys

__all__ = ["error_of"]

# The first pattern that matches gives the sentence. What is closest to the cause stands first:
# Spark wraps a worker's traceback into the text of its own error.
_SENTENCES = (
    r"ConnectionError: (Maggy's driver at [^\n]*)",
    r"(Attempted to use Broadcast\(\d+\) after it was destroyed)",
    # The last line of a Python traceback: the first line that is not indented.
    r"Traceback \(most recent call last\):\n(?:[ \t][^\n]*\n)*([^\n]+)",
    r"most recent failure: Lost task [^:\n]*: (?:[\w.$]+: )?"
    r"([^\n]*?)(?: Consider setting [^\n]*)?\n",
    r"most recent failure: ([^\n]*)",
    r"((?:\[\w+\] )?(?:Job|Operation) [^\n]*cancell?ed[^\n]*)",
    # Java's exception, without the package of its class.
    r"\n: (?:[\w$]+\.)*([\w$]+: [^\n]+)",
    # An error of gRPC, which Spark Connect uses.
    r"\n\s+details = \"([^\n]+)\"\n",
)


def error_of(error: BaseException) -> tuple[str, int | None]:
    """Return a failure of Spark as one sentence, and the task that caused it.

    Returns:
        The sentence, and the index of the task whose crash ended the job; None if Spark names no
        task.
    """
    text = str(error)
    match = re.search(r"Task (\d+) in stage \S+ failed", text)
    culprit = int(match.group(1)) if match else None
    return _sentence(error, text), culprit


def _sentence(error: BaseException, text: str) -> str:
    if "No module named 'maggy'" in text:
        return (
            "Maggy is not installed where Spark runs Python. Install it on the executors, or set "
            f"PYSPARK_PYTHON to {sys.executable} before the session starts."
        )
    if match := re.search(r'Cannot run program "([^"\n]+)": (?:error=\d+, )?([^\n]*)', text):
        return (
            f"Spark cannot start Python on an executor: {match.group(1)}: {match.group(2)}. This "
            "path comes from PYSPARK_PYTHON or spark.pyspark.python. Set it to a Python that is "
            "there, or send the archive that holds it, or unset it before the session starts."
        )
    for pattern in _SENTENCES:
        if match := re.search(pattern, text):
            return match.group(1).strip()
    first_line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    return f"{type(error).__name__}: {first_line}"
