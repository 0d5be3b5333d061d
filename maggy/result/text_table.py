"""A table of texts, which can be written as HTML, Markdown or LaTeX."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TextTable"]


@dataclass(frozen=True)
class TextTable:
    """A table of texts.

    Attributes:
        heads: The texts above the columns.
        rows: The texts of each row, one for each column.
        verdict_column: The position of the column with the verdict on a component, or None.
    """

    heads: list[str]
    rows: list[list[str]]
    verdict_column: int | None = None
