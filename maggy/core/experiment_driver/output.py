"""Text on its way into log files, gathered by file. It decides neither when it is written nor where."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

__all__ = ["OutputBuffer"]

_File = tuple[Callable[..., None], tuple[Any, ...]]


class OutputBuffer:
    """Keeps text until it is flushed; what came for one file meanwhile is then one write.

    A file is named by the function that adds to it and its first arguments; the function is called with these and the
    text. Adding and flushing may happen on different threads. When a write raises, its text stays, and the next flush
    tries again.

    Example:
        >>> buffer = OutputBuffer()
        >>> for text in ("a line\\n", "another\\n"):
        ...     buffer.add(print, "log:", text=text)
        >>> buffer.flush(print, "log:")
        log: a line
        another
        <BLANKLINE>
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[_File, list[str]] = {}

    def add(self, append: Callable[..., None], *file: Any, text: str) -> None:
        """Keep a text for a file."""
        with self._lock:
            self._texts.setdefault((append, file), []).append(text)

    def flush(self, append: Callable[..., None], *file: Any) -> None:
        """Write what is kept for one file."""
        with self._lock:
            texts = self._texts.pop((append, file), None)
        if texts is None:
            return
        try:
            append(*file, "".join(texts))
        except BaseException:
            with self._lock:
                self._texts[append, file] = texts + self._texts.get((append, file), [])
            raise

    def flush_all(self) -> None:
        """Write what is kept for every file; the first that raises leaves the rest for the next time."""
        with self._lock:
            files = list(self._texts)
        for append, file in files:
            self.flush(append, *file)
