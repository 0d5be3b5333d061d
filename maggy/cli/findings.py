"""What ``maggy doctor`` finds: one line for each thing it has looked at, with the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from maggy.common.credentials import without_credentials
from maggy.common.terminal_text import terminal_line
from maggy.common.text_table import TextTable

__all__ = ["Finding", "findings_text"]


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Attributes:
        status: ``"ok"``, ``"problem"`` for what Maggy cannot work with, or ``"note"``.
        topic: What was looked at, in a few words.
        text: What was found.
        remedy: What to do, as a sentence; empty if there is nothing to do.
    """

    status: Literal["ok", "problem", "note"]
    topic: str
    text: str
    remedy: str = ""


def findings_text(findings: list[Finding]) -> str:
    """Return the findings as aligned lines, each remedy below its finding."""
    rows = [[finding.status, finding.topic, _shown(finding.text)] for finding in findings]
    # The table begins with a row of heads, and this one needs none.
    lines = TextTable(rows[0], rows[1:]).to_text().split("\n")
    for number, finding in reversed([*enumerate(findings)]):
        if finding.remedy:
            lines.insert(number + 1, f"         {_shown(finding.remedy)}")
    return "\n".join(lines)


def _shown(text: str) -> str:
    return without_credentials(terminal_line(text))
