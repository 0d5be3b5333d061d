"""What Spark's errors mean."""

from __future__ import annotations

import re
import sys

__all__ = ["error_of"]


def error_of(error: BaseException) -> tuple[str, int | None]:
    """A Spark failure in one sentence, and the index of the task whose crash caused it where Spark says so."""
    text = str(error)
    found = re.search(r"Task (\d+) in stage \S+ failed", text)
    culprit = int(found.group(1)) if found else None
    if "No module named 'maggy'" in text:
        return (
            "Maggy is not installed where Spark runs Python. Install it on the executors, or set PYSPARK_PYTHON "
            f"to {sys.executable} before the session starts.",
            culprit,
        )
    for pattern in (
        r"ConnectionError: (Maggy's driver at [^\n]*)",
        r"(Attempted to use Broadcast\(\d+\) after it was destroyed)",
        r"Traceback \(most recent call last\):\n(?:[ \t][^\n]*\n)*([^\n]+)",
        r"most recent failure: Lost task [^:\n]*: (?:[\w.$]+: )?([^\n]*?)(?: Consider setting [^\n]*)?\n",
        r"most recent failure: ([^\n]*)",
        r"((?:\[\w+\] )?(?:Job|Operation) [^\n]*cancell?ed[^\n]*)",
        r"\n: (?:[\w$]+\.)*([\w$]+: [^\n]+)",
        r"\n\s+details = \"([^\n]+)\"\n",
    ):
        if match := re.search(pattern, text):
            return match.group(1).strip(), culprit
    return (
        f"{type(error).__name__}: {text.strip().splitlines()[0] if text.strip() else 'no reason given'}",
        culprit,
    )
