"""The table of a result as text that fits a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Final

from maggy.common.text_table import TextTable, display_width, printable

__all__ = ["terminal_text"]

MAX_ROWS: Final = 20
"""Maximum number of rows, so that the text does not fill several screens."""
CELL_SIZES: Final = (40, 24, 12)
"""Maximum numbers of characters of an optional cell. The smaller ones are for wide tables."""
MAX_NAMES: Final = 3
"""Maximum number of columns without room that are named."""


def terminal_text(
    table: TextTable, caption: str, *, optional: Sequence[int], spare: Sequence[int] = ()
) -> str:
    """Return a table with its caption. What does not fit is named below it.

    Args:
        table: The table.
        caption: The text above the table.
        optional: The columns that may be left out if the lines are too long, the last ones first.
        spare: The columns that are left out before any text is cut.
    """
    if not table.rows:
        return printable(caption)
    limit = shutil.get_terminal_size().columns
    rows = TextTable(table.heads, table.rows[:MAX_ROWS], right=table.right, marks=table.marks)
    smallest = CELL_SIZES[-1]
    attempts = [
        (CELL_SIZES[0], []),
        *((size, [*spare]) for size in CELL_SIZES),
        *((smallest, [*spare, *optional[start:]]) for start in reversed(range(len(optional)))),
    ]
    for size, left_out in attempts:
        text = rows.cut(size, optional).without_columns(left_out).to_text()
        if max(map(display_width, text.splitlines())) <= limit:
            break
    notes = []
    if len(table.rows) > MAX_ROWS:
        notes.append(f"{len(table.rows) - MAX_ROWS} more rows are not shown")
    if left_out:
        names = [table.heads[index] for index in sorted(left_out)[:MAX_NAMES]]
        more = [f"{len(left_out) - MAX_NAMES} more"] if len(left_out) > MAX_NAMES else []
        notes.append(f"columns without room: {', '.join(names + more)}")
    remark = [f"({'; '.join(notes)}; to_pandas() has all)"] if notes else []
    return "\n".join([printable(caption), text, *map(printable, remark)])
