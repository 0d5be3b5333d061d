"""What the command writes: answers to standard output, remarks to standard error.

Nothing reaches either of them but through here, because names, values and tracebacks may hold
sequences that a terminal obeys.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TextIO

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import to_plain
from maggy.common.terminal_text import terminal_line, terminal_text

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["Screen", "discard", "unwritable"]


class Screen:
    """Write text and JSON that no terminal obeys.

    An answer that cannot be written is wrong use, except to a reader that has gone.

    Args:
        out: Takes the answer.
        err: Takes remarks.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._err = err

    def write(self, text: str) -> None:
        """Write a part of the answer, with a line end."""
        self._put(terminal_text(text))

    def write_now(self, text: str) -> None:
        """Write a part of the answer as :meth:`write` does, for a reader who waits for it."""
        self._put(terminal_text(text), now=True)

    def write_json_line(self, value: object) -> None:
        """Write a part of the answer as JSON in one line, for a program that waits for it."""
        self._put(json.dumps(to_plain(value), allow_nan=False), now=True)

    def write_json(self, value: object) -> None:
        """Write the answer as JSON of printable characters. NaN and infinity become null."""
        self._put(json.dumps(to_plain(value), indent=2, allow_nan=False))

    def remark(self, text: str) -> None:
        """Write a remark beside the answer, in one line, if anybody can read it."""
        with suppress(OSError):
            self._err.write(f"maggy: {terminal_line(without_credentials(text))}\n")

    def progress(self, total: int) -> tqdm[NoReturn]:
        """Return a bar that counts trials on standard error, and vanishes when it is closed.

        Nothing is written where standard error is no terminal.
        """
        from tqdm import tqdm  # here, because it takes as long to import as the rest

        return tqdm(total=total, unit="trial", file=self._err, disable=None, leave=False)

    def _put(self, text: str, *, now: bool = False) -> None:
        try:
            self._out.write(text + "\n")
            if now:
                self._out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:  # the disk is full
            discard(self._out)
            raise BadArgumentsError(unwritable(error)) from error


def unwritable(error: OSError) -> str:
    """Return a sentence about standard output to which nothing can be written."""
    return f"Standard output must be a place that can be written, but it is not: {error}."


def discard(stream: TextIO) -> None:
    """Discard what a stream still has in memory. Otherwise Python complains when it ends."""
    with suppress(OSError, ValueError):  # a stream without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
