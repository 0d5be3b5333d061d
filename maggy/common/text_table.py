"""Write a table of texts as plain text, HTML, Markdown or LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Final

__all__ = ["TextTable", "display_width", "printable"]

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    # LaTeX would set the straight quotes of labels as closing ones.
    "'": r"\textquotesingle{}",
}
_LATEX_CHARACTER = re.compile("|".join(map(re.escape, _LATEX)))
# The sign of a negative number, but not the hyphen of a name such as conv-2 or of 1e-05.
_MINUS = re.compile(r"(?<!\w)-(?=\.?\d)")
_NUMBER = re.compile(r"[<+-]?\d.*|failed|")
"""A cell of a column of numbers. An empty cell is one, too."""
MAX_CELL: Final = 40
"""Maximum number of characters of a cell in HTML. Markdown and LaTeX keep all of them."""

# Styles stand in the elements, because notebooks remove style sheets from what they do not trust.
_TABLE_STYLE = "margin: 0; border-collapse: collapse; font-variant-numeric: tabular-nums"
_CELL_STYLE = "padding: 2px 8px; white-space: nowrap; text-align: "
_CAPTION_STYLE = "caption-side: top; text-align: left; padding: 4px 0"
_MARK_CELL_STYLE = "padding: 2px 4px"
_MARK_STYLE = "font-weight: bold; background: rgba(0, 158, 115, 0.18)"


@dataclass(frozen=True)
class TextTable:
    r"""A table of texts.

    Texts are data of users. Each form escapes what has a meaning in it, and leaves out characters
    that cannot be printed, such as those that control a terminal.

    Example:
        >>> table = TextTable(["name", "size"], [["a", "1"], ["b_c", "20"]], frozenset({(1, 1)}))
        >>> print(table.to_text())
        name  size
        a     1
        b_c   20
        >>> print(table.to_markdown())
        | name | size |
        |---|---|
        | a | 1 |
        | b\_c | **20** |

    Attributes:
        heads: The texts above the columns.
        rows: The texts of each row, one for each column.
        bold: The row and the column of each cell that Markdown and LaTeX show in bold.
        right: The columns that are aligned to the right.
        marks: The rows that HTML shows with a star, and plain text with an asterisk.
    """

    heads: list[str]
    rows: list[list[str]]
    bold: frozenset[tuple[int, int]] = frozenset()
    right: frozenset[int] = frozenset()
    marks: frozenset[int] = frozenset()

    def with_numbers_right(self) -> TextTable:
        """Return the table with all columns of numbers aligned to the right."""
        columns = zip(*self.rows, strict=True)
        right = [
            index
            for index, cells in enumerate(columns)
            if any(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)
        ]
        return replace(self, right=frozenset(right))

    def cut(self, size: int, columns: Collection[int]) -> TextTable:
        """Return the table with at most this number of characters in the cells of some columns."""
        heads, *rows = (
            [_cut(cell, size) if index in columns else cell for index, cell in enumerate(line)]
            for line in (self.heads, *self.rows)
        )
        return replace(self, heads=heads, rows=rows)

    def without_columns(self, columns: Collection[int]) -> TextTable:
        """Return the table without some columns."""
        places = [index for index in range(len(self.heads)) if index not in columns]
        return TextTable(
            [self.heads[index] for index in places],
            [[row[index] for index in places] for row in self.rows],
            frozenset((row, places.index(index)) for row, index in self.bold if index in places),
            frozenset(places.index(index) for index in self.right if index in places),
            self.marks,
        )

    def to_text(self, indent: str = "") -> str:
        """Return the table with aligned columns.

        Args:
            indent: The beginning of each line.
        """
        lines = [list(map(printable, line)) for line in (self.heads, *self.rows)]
        right = self.right
        if self.marks:
            # The mark is a column of its own, so that it moves no number.
            lines = [
                ["*" if row - 1 in self.marks else "", *line] for row, line in enumerate(lines)
            ]
            right = frozenset(index + 1 for index in right)
        widths = [max(map(display_width, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            indent
            + "  ".join(
                _pad(cell, width, is_right=index in right)
                for index, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def to_html(self, caption: str, max_rows: int) -> str:
        """Return the table as HTML.

        Args:
            caption: The text above the table.
            max_rows: Further rows are only counted in the caption.
        """
        body = self.rows[:max_rows]
        more = len(self.rows) - len(body)
        if more > 0:
            caption = f"{caption}; {more} more trials are not shown"
        rows = "".join(self._html_row(row, cells) for row, cells in enumerate(body))
        return (
            f'<div style="overflow-x: auto"><table style="{_TABLE_STYLE}">'
            f'<caption style="{_CAPTION_STYLE}">{_html_text(caption)}</caption>'
            f"<thead>{self._html_row(None, self.heads)}</thead>"
            f"<tbody>{rows}</tbody></table></div>"
        )

    def to_markdown(self) -> str:
        """Return the table in GitHub's Markdown."""
        rows = [list(map(_markdown_text, row)) for row in self.rows]
        for row, column in self.bold:
            rows[row][column] = f"**{rows[row][column]}**"
        lines = [f"| {' | '.join(row)} |" for row in ([*map(_markdown_text, self.heads)], *rows)]
        columns = range(len(self.heads))
        rule = "".join("---:|" if index in self.right else "---|" for index in columns)
        lines.insert(1, f"|{rule}")
        return "\n".join(lines)

    def to_latex(self) -> str:
        """Return the table as LaTeX's ``tabular``, with the rules of the package booktabs."""
        rows = [list(map(_latex_text, row)) for row in self.rows]
        for row, column in self.bold:
            rows[row][column] = rf"\textbf{{{rows[row][column]}}}"
        # Without a word on alignment, all columns but the first are numbers.
        right = self.right or frozenset(range(1, len(self.heads)))
        columns = "".join("r" if index in right else "l" for index in range(len(self.heads)))
        return "\n".join(
            [
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                _latex_row(map(_latex_text, self.heads)),
                r"\midrule",
                *map(_latex_row, rows),
                r"\bottomrule",
                r"\end{tabular}",
            ]
        )

    def _html_row(self, row: int | None, texts: Sequence[str]) -> str:
        tag = "th" if row is None else "td"
        cells = "".join(
            f"<{tag}{self._html_style(index)}>{_html_text(_cut(text, MAX_CELL))}</{tag}>"
            for index, text in enumerate(texts)
        )
        if not self.marks:
            return f"<tr>{cells}</tr>"
        style, star = (f' style="{_MARK_STYLE}"', "&#9733;") if row in self.marks else ("", "")
        return f'<tr{style}><{tag} style="{_MARK_CELL_STYLE}">{star}</{tag}>{cells}</tr>'

    def _html_style(self, column: int) -> str:
        if not self.right:
            return ""
        return f' style="{_CELL_STYLE}{"right" if column in self.right else "left"}"'


def printable(text: str) -> str:
    r"""Return a text in one line, without characters that control a terminal or the direction.

    Example:
        >>> printable("a\x1b[31m\nb")
        'a[31m b'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else " " if character.isspace() else ""
        for character in text
    )


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        2
        if unicodedata.east_asian_width(character) in "WF"
        else not unicodedata.combining(character)
        for character in text
    )


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"


def _pad(cell: str, width: int, *, is_right: bool) -> str:
    blanks = " " * (width - display_width(cell))
    return blanks + cell if is_right else cell + blanks


def _html_text(text: str) -> str:
    return escape(printable(text))


def _markdown_text(text: str) -> str:
    # A line end or a bar would end the cell, and the others have a meaning in Markdown.
    return re.sub(r"([\\`*_|<>\[\]&~$])", r"\\\1", " ".join(printable(text).split()))


def _latex_text(text: str) -> str:
    text = " ".join(printable(text).split())
    escaped = _LATEX_CHARACTER.sub(lambda match: _LATEX[match[0]], text)
    return _MINUS.sub("$-$", escaped)


def _latex_row(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
