"""Add lines of source code to a traceback of another process, which could not read them."""

from __future__ import annotations

import linecache
import re
from typing import Final

__all__ = ["add_source_lines"]

_FRAME: Final = re.compile(
    r'^(?P<indent> +(?:\| +)*)File "(?P<file>[^"\n]+)", line (?P<line>\d{1,7})(?:, in .*)?$'
)


def add_source_lines(traceback: str) -> str:
    r"""Return a traceback with the source line below each frame that is in a cell of a notebook.

    A worker has no file for a cell. Only this process knows its source, if it is the kernel. No
    file is read, so that a traceback of a stranger can show nothing of this machine.

    Example:
        >>> add_source_lines('  File "/tmp/other.py", line 1, in train\nValueError: no\n')
        '  File "/tmp/other.py", line 1, in train\nValueError: no\n'

    Args:
        traceback: The text as Python writes it. Frames that have a source line keep it.
    """
    lines = traceback.splitlines(keepends=True)
    result = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        result.append(line)
        frame = _FRAME.match(line.rstrip("\r\n"))
        if frame is None or following.startswith(f"{frame['indent']}  "):
            continue
        source = _cell_line(frame["file"], int(frame["line"]))
        if source:
            end = "" if line.endswith("\n") else "\n"
            result.append(f"{end}{frame['indent']}  {source}\n")
    return "".join(result)


def _cell_line(file: str, number: int) -> str:
    # IPython enters its cells without a time of change, so that they stay. A lookup through
    # linecache.getline would read files.
    entry = linecache.cache.get(file)
    if entry is None or len(entry) != 4 or entry[1] is not None:
        return ""
    lines = entry[2]
    return lines[number - 1].strip() if 1 <= number <= len(lines) else ""
