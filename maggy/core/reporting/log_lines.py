"""Cut what a training function prints or logs into lines of bounded length."""

from __future__ import annotations

from collections.abc import Iterator

from maggy.core.messages import MAX_LINE_LENGTH, Line

__all__ = ["batches", "characters", "pieces"]

LINES_AT_ONCE = 1000
"""Maximum number of lines in a batch. There are fewer if they are long."""
CHARACTERS_AT_ONCE = 2**20
LINE_CHARACTERS = 16
"""Number of characters that each line counts beside its text."""


def characters(lines: list[Line]) -> int:
    """Return how much lines count."""
    return sum(len(line[1]) for line in lines) + LINE_CHARACTERS * len(lines)


def batches(lines: list[Line]) -> Iterator[list[Line]]:
    """Yield the lines in batches of a bounded number of lines and characters."""
    batch: list[Line] = []
    count = 0
    for line in lines:
        batch.append(line)
        count += len(line[1])
        if len(batch) >= LINES_AT_ONCE or count >= CHARACTERS_AT_ONCE:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def pieces(line: str) -> list[str]:
    """Return a line in pieces of bounded length."""
    starts = range(0, len(line), MAX_LINE_LENGTH)
    return [line[start : start + MAX_LINE_LENGTH] for start in starts] or [""]
