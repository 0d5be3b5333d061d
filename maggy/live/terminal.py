"""The view in a terminal: a bar and tables below the printed lines, drawn by rich."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from maggy.common.optional import can_import
from maggy.common.terminal_text import terminal_text
from maggy.live.snapshot import Snapshot
from maggy.live.terminal_layout import GAP, Section, headline, sections, status_text
from maggy.live.view import View

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.table import Table

__all__ = ["TerminalView", "open_terminal_view"]

TITLE: Final = "Maggy experiment"
MIN_COLUMNS: Final = 40
MIN_LINES: Final = 6
"""In a smaller terminal there is only a bar."""
MAX_BAR_COLUMNS: Final = 40
_CHARACTERS: Final = "▁█━╸…"
_STYLES: Final = {"running": "", "best": "green", "failed": "red"}


def open_terminal_view() -> View | None:
    """Return a view on standard output if that is a terminal in which rich can draw; else None.

    It must be installed, the terminal must obey it and have some size, and nothing else of rich
    may draw there now.
    """
    stream = sys.stdout
    if stream is None or not stream.isatty() or not can_import("rich"):
        return None
    # A live display of the user's own has replaced the stream.
    if hasattr(stream, "rich_proxied_file") or not _can_encode(stream.encoding):
        return None
    view = TerminalView()
    console = view.console
    if not console.is_terminal or console.is_dumb_terminal or console.legacy_windows:
        return None
    size = console.size
    return view if size.width >= MIN_COLUMNS and size.height >= MIN_LINES else None


class TerminalView(View):
    """Draw an experiment below the lines that are printed.

    Until :meth:`close`, rich prints what this process writes to standard output above the tables.
    The cursor stays visible, so that a process which is killed leaves a usable terminal.

    Attributes:
        console: Writes to the terminal.
    """

    def __init__(self) -> None:
        from rich.console import Console

        # Without markup and the like: names, values and lines are data. The terminal itself breaks
        # lines, so that they can be copied whole.
        self.console: Console = Console(
            highlight=False, markup=False, emoji=False, soft_wrap=True, log_time=False
        )
        self._live: Live | None = None
        self._is_closed = False

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot, in place of the earlier one."""
        if self._is_closed:
            return
        if self._live is None:
            self._live = self._start()
        self._live.update(self._draw(snapshot), refresh=True)

    def say(self, text: str) -> None:
        """Print lines that stay, above what is drawn."""
        from rich.text import Text

        self.console.print(Text(terminal_text(text)))

    def close(self, snapshot: Snapshot) -> None:
        """Draw the last snapshot, which stays, and give standard output back."""
        if self._is_closed:
            return
        try:
            self.show(snapshot)
        finally:
            self._is_closed = True
            if self._live is not None:
                self._live.stop()

    def _start(self) -> Live:
        from rich.live import Live

        live = Live(
            console=self.console,
            # The thread that calls show() draws, and no other one.
            auto_refresh=False,
            vertical_overflow="crop",
            redirect_stderr=sys.stderr is not None and sys.stderr.isatty(),
        )
        live.start()
        self.console.show_cursor(True)
        return live

    def _draw(self, snapshot: Snapshot) -> RenderableType:
        """Return the lines to draw. Printing a line draws them again, which must be quick."""
        from rich.console import Group
        from rich.segment import SegmentLines
        from rich.text import Text

        size = self.console.size
        parts: list[RenderableType] = [_bar(snapshot, size.width)]
        if status := status_text(snapshot):
            parts.append(Text(status, no_wrap=True, overflow="ellipsis"))
        # One line stays free, for the end of the line above.
        lines = size.height - 1 - len(parts)
        for section in sections(snapshot, size.width, lines, time.time()):
            parts.append(_table(section))
            if section.more:
                parts.append(Text(f"and {section.more:,} more", style="dim"))
        options = self.console.options.update(no_wrap=True, overflow="ellipsis")
        segments = self.console.render_lines(Group(*parts), options, pad=False)
        return SegmentLines(segments, new_lines=True)


def _bar(snapshot: Snapshot, columns: int) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    text = headline(snapshot)
    room = min(MAX_BAR_COLUMNS, columns - len(TITLE) - len(text) - 2)
    cells: list[RenderableType] = [Text(TITLE, style="bold")]
    if snapshot.total and room > 3:
        cells.append(ProgressBar(total=snapshot.total, completed=snapshot.num_ended, width=room))
    cells.append(Text(text))
    for _ in cells:
        line.add_column(no_wrap=True)
    line.add_row(*cells)
    return line


def _table(section: Section) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_edge=False)
    for index, head in enumerate(section.heads):
        table.add_column(
            Text(head, style="bold"),
            justify="right" if index in section.right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    style = _STYLES[section.name]
    for cells in section.rows:
        name, *others = cells
        table.add_row(Text(name, style=style), *map(Text, others))
    return table


def _can_encode(encoding: str | None) -> bool:
    try:
        _CHARACTERS.encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
