"""What the command writes: answers to standard output, remarks to standard error.

Nothing reaches either of them but through here, because names, values and tracebacks may hold
sequences that a terminal obeys.
"""

from __future__ import annotations

import json
from typing import TextIO

from maggy.common.credentials import without_credentials
from maggy.common.json_values import to_plain
from maggy.common.terminal_text import terminal_line, terminal_text

__all__ = ["Screen"]


class Screen:
    """Write text and JSON that no terminal obeys.

    Args:
        out: Takes the answer.
        err: Takes remarks.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._err = err

    def write(self, text: str) -> None:
        """Write a part of the answer, with a line end."""
        self._out.write(terminal_text(text) + "\n")

    def write_now(self, text: str) -> None:
        """Write a part of the answer as :meth:`write` does, for a reader who waits for it."""
        self.write(text)
        self._out.flush()

    def write_json_line(self, value: object) -> None:
        """Write a part of the answer as JSON in one line, for a program that waits for it."""
        self._out.write(json.dumps(to_plain(value), allow_nan=False) + "\n")
        self._out.flush()

    def write_json(self, value: object) -> None:
        """Write the answer as JSON of printable characters. NaN and infinity become null."""
        self._out.write(json.dumps(to_plain(value), indent=2, allow_nan=False) + "\n")

    def remark(self, text: str) -> None:
        """Write a remark beside the answer, in one line."""
        self._err.write(f"maggy: {terminal_line(without_credentials(text))}\n")
