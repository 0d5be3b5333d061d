"""Text on its way into log files, gathered by file. It decides neither when it is written nor where."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from typing import IO, Any

__all__ = ["OutputBuffer"]

logger = logging.getLogger(__name__)

MEMORY_CHARACTERS = 16 * 2**20
"""What is kept in memory for all files; the rest waits in temporary files."""

_File = tuple[Callable[..., None], tuple[Any, ...]]


class OutputBuffer:
    """Keeps text until it is flushed; what came for one file meanwhile is then one write.

    A file is named by the function that adds to it and its first arguments; the function is called with these and the
    text. Adding and flushing may happen on different threads. When a write raises, its text stays, and the next flush
    tries again. When text comes faster than it can be written, it waits in temporary files and not
    in memory.

    Example:
        >>> buffer = OutputBuffer()
        >>> for text in ("a line\\n", "another\\n"):
        ...     buffer.add(print, "log:", text=text)
        >>> buffer.flush(print, "log:")
        log: a line
        another
        <BLANKLINE>

    Attributes:
        characters: How much text is kept in memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[_File, _Text] = {}
        self.characters = 0

    def add(self, append: Callable[..., None], *file: Any, text: str) -> None:
        """Keep a text for a file."""
        with self._lock:
            self._texts.setdefault((append, file), _Text()).add(text)
            self.characters += len(text)
            if self.characters > MEMORY_CHARACTERS:
                self._spill()

    def flush(self, append: Callable[..., None], *file: Any) -> None:
        """Write what is kept for one file."""
        while True:
            with self._lock:
                kept = self._texts.get((append, file))
                if kept is None:
                    return
                text, in_memory = kept.take()
                self.characters -= in_memory
                if kept.is_empty:
                    del self._texts[append, file]
            try:
                append(*file, text)
            except BaseException:
                with self._lock:
                    self._texts.setdefault((append, file), _Text()).put_back(text)
                    self.characters += len(text)
                raise

    def flush_all(self) -> None:
        """Write what is kept for every file; the first that raises leaves the rest for the next time."""
        with self._lock:
            files = list(self._texts)
        for append, file in files:
            self.flush(append, *file)

    def _spill(self) -> None:
        try:
            for kept in self._texts.values():
                self.characters -= kept.spill()
        except OSError as error:  # then memory has to do
            logger.warning("Output that waits to be written cannot be kept in a file: %s", error)


class _Text:
    """Text in the order in which it came: what was put back, the file's, and the newest."""

    def __init__(self) -> None:
        self._first = ""
        self._file: IO[bytes] | None = None
        self._chunks: deque[int] = deque()  # sizes of what is in the file and not yet taken
        self._read = 0
        self._newest: list[str] = []
        self._size = 0

    @property
    def is_empty(self) -> bool:
        return not (self._first or self._newest or self._chunks)

    def add(self, text: str) -> None:
        self._newest.append(text)
        self._size += len(text)

    def put_back(self, text: str) -> None:
        self._first = text + self._first

    def spill(self) -> int:
        """Move the newest text to a temporary file; return how many characters that were."""
        if not self._newest:
            return 0
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives until it was read)
        data = "".join(self._newest).encode("utf-8", "surrogatepass")
        self._file.seek(0, os.SEEK_END)
        self._file.write(data)
        self._chunks.append(len(data))
        return self._forget_newest()

    def take(self) -> tuple[str, int]:
        """Take the oldest text away; return it, and how many characters of it were in memory."""
        text, self._first = self._first, ""
        if not self._chunks:
            text += "".join(self._newest)
            self._forget_newest()
            return text, len(text)
        return (text, len(text)) if text else (self._next_chunk(), 0)

    def _next_chunk(self) -> str:
        assert self._file is not None
        self._file.seek(self._read)
        data = self._file.read(self._chunks.popleft())
        self._read += len(data)
        if not self._chunks:
            self._file.close()
            self._file, self._read = None, 0
        return data.decode("utf-8", "surrogatepass")

    def _forget_newest(self) -> int:
        size, self._size = self._size, 0
        self._newest.clear()
        return size
