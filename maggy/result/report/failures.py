"""The failures of an experiment, with one traceback for all trials that failed in the same way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from maggy.common.terminal_text import terminal_text
from maggy.result.report.labels import line, trial_name
from maggy.result.rows import TrialRow
from maggy.trial import Trial

__all__ = ["Failure", "failures_of"]

_MAX_GROUPS = 100
_MAX_TEXT, _MIN_TEXT, _MAX_TOTAL = 20_000, 4_000, 600_000  # characters
_MAX_REASON = 300


@dataclass
class Failure:
    """Trials that failed with the same text.

    Attributes:
        reason: The last line of the traceback.
        text: The traceback. The middle of a very long one is left out.
        trials: The names of the trials.
    """

    reason: str
    text: str
    trials: list[str] = field(default_factory=list)


def failures_of(rows: Iterable[TrialRow]) -> tuple[list[Failure], int]:
    """Return the failures, the most frequent first, and the number of further ones.

    Args:
        rows: The ended trials of a search or an ablation, or of a function that ran once.
    """
    groups: dict[str, list[TrialRow]] = {}
    for row in rows:
        if row["error"] is not None or row["status"] == Trial.ERROR:
            groups.setdefault(row["error"] or "", []).append(row)
    ranking = sorted(groups.items(), key=lambda item: -len(item[1]))
    limit = max(_MIN_TEXT, min(_MAX_TEXT, _MAX_TOTAL // max(1, min(len(ranking), _MAX_GROUPS))))
    failures = [
        Failure(_reason(error), _shortened(error, limit), [trial_name(row) for row in group])
        for error, group in ranking[:_MAX_GROUPS]
    ]
    return failures, len(ranking) - len(failures)


def _reason(error: str) -> str:
    last_line = terminal_text(error[-4 * _MAX_REASON :]).strip().rpartition("\n")[2]
    return line(last_line, _MAX_REASON) or "no error is recorded"


def _shortened(error: str, limit: int) -> str:
    """Return a text without what a terminal obeys, and without its middle if it is too long."""
    if len(error) <= limit:
        return terminal_text(error).strip("\n")
    head, tail = error[: limit // 4], error[-(limit - limit // 4) :]
    count = len(error) - len(head) - len(tail)
    return (
        f"{terminal_text(head)}\n... {count:,} characters are left out ...\n{terminal_text(tail)}"
    )
