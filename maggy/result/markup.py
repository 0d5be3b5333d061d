"""Tables of texts in Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from maggy.result.text_table import TextTable

__all__ = ["latex_table", "markdown_table"]

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
}
_LATEX_CHARACTER = re.compile("|".join(map(re.escape, _LATEX)))
_BOLD = ("helps", "hurts")


def markdown_table(table: TextTable) -> str:
    """Return the table in GitHub's Markdown. Verdicts that tell something are bold."""
    rows = [[_markdown_text(cell) for cell in row] for row in (table.heads, *table.rows)]
    if table.verdict_column is not None:
        for row in rows[1:]:
            if row[table.verdict_column] in _BOLD:
                row[table.verdict_column] = f"**{row[table.verdict_column]}**"
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(table.heads))
    return "\n".join(lines)


def latex_table(table: TextTable) -> str:
    r"""Return the table as LaTeX's ``tabular``, with the rules of the package booktabs.

    Verdicts that tell something are bold. The document needs ``\usepackage{booktabs}``.
    """
    rows = [[_latex_text(cell) for cell in row] for row in table.rows]
    if table.verdict_column is not None:
        for row in rows:
            if row[table.verdict_column] in _BOLD:
                row[table.verdict_column] = rf"\textbf{{{row[table.verdict_column]}}}"
    columns = "l" + "r" * (len(table.heads) - 1)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            _latex_row([_latex_text(head) for head in table.heads]),
            r"\midrule",
            *map(_latex_row, rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _markdown_text(text: str) -> str:
    # A line end or a bar would end the cell, and the others have a meaning in Markdown.
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(text.split()))


def _latex_text(text: str) -> str:
    return _LATEX_CHARACTER.sub(lambda match: _LATEX[match[0]], " ".join(text.split()))


def _latex_row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
