"""Write a table of texts as plain text, HTML, Markdown or LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["TextTable"]

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


@dataclass(frozen=True)
class TextTable:
    r"""A table of texts.

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
    """

    heads: list[str]
    rows: list[list[str]]
    bold: frozenset[tuple[int, int]] = frozenset()

    def to_text(self, indent: str = "") -> str:
        """Return the table with aligned columns.

        Args:
            indent: The beginning of each line.
        """
        lines = [self.heads, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            indent
            + "  ".join(
                cell.ljust(width) for cell, width in zip(line, widths, strict=True)
            ).rstrip()
            for line in lines
        )

    def to_html(self, caption: str, max_rows: int) -> str:
        """Return the table as HTML. All texts are escaped, since users choose names and values.

        Args:
            caption: The text above the table.
            max_rows: Further rows are only counted in the caption.
        """
        body = self.rows[:max_rows]
        more = len(self.rows) - len(body)
        if more > 0:
            caption = f"{caption}; {more} more trials are not shown"
        return (
            f"<table><caption>{escape(caption)}</caption>"
            f"<thead>{_html_row(self.heads, 'th')}</thead>"
            f"<tbody>{''.join(_html_row(cells, 'td') for cells in body)}</tbody></table>"
        )

    def to_markdown(self) -> str:
        """Return the table in GitHub's Markdown."""
        rows = [list(map(_markdown_text, row)) for row in self.rows]
        for row, column in self.bold:
            rows[row][column] = f"**{rows[row][column]}**"
        lines = [f"| {' | '.join(row)} |" for row in ([*map(_markdown_text, self.heads)], *rows)]
        lines.insert(1, "|" + "---|" * len(self.heads))
        return "\n".join(lines)

    def to_latex(self) -> str:
        """Return the table as LaTeX's ``tabular``, with the rules of the package booktabs."""
        rows = [list(map(_latex_text, row)) for row in self.rows]
        for row, column in self.bold:
            rows[row][column] = rf"\textbf{{{rows[row][column]}}}"
        return "\n".join(
            [
                rf"\begin{{tabular}}{{l{'r' * (len(self.heads) - 1)}}}",
                r"\toprule",
                _latex_row(map(_latex_text, self.heads)),
                r"\midrule",
                *map(_latex_row, rows),
                r"\bottomrule",
                r"\end{tabular}",
            ]
        )


def _html_row(texts: Sequence[str], tag: str) -> str:
    cells = "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
    return f"<tr>{cells}</tr>"


def _markdown_text(text: str) -> str:
    # A line end or a bar would end the cell, and the others have a meaning in Markdown.
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(text.split()))


def _latex_text(text: str) -> str:
    escaped = _LATEX_CHARACTER.sub(lambda match: _LATEX[match[0]], " ".join(text.split()))
    return _MINUS.sub("$-$", escaped)


def _latex_row(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
