"""Text on its way into log files, gathered by file. It decides neither when it is written nor where."""

from __future__ import annotations

import logging
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
        self._texts: dict[_File, list[str]] = {}
        self._spilled: dict[_File, _Spilled] = {}  # what came before
        self.characters = 0

    def add(self, append: Callable[..., None], *file: Any, text: str) -> None:
        """Keep a text for a file."""
        with self._lock:
            self._texts.setdefault((append, file), []).append(text)
            self.characters += len(text)
            if self.characters > MEMORY_CHARACTERS:
                self._spill()

    def flush(self, append: Callable[..., None], *file: Any) -> None:
        """Write what is kept for one file; only one thread at a time."""
        while True:
            with self._lock:
                spilled = self._spilled.get((append, file))
                if spilled is None:
                    # Under the same lock, or text that is moved to a file meanwhile would be written after newer text.
                    text = "".join(self._texts.pop((append, file), ()))
                    self.characters -= len(text)
                    break
                text = spilled.first()
            append(*file, text)
            with self._lock:
                spilled.forget_first()
                if not spilled:
                    del self._spilled[append, file]
        if not text:
            return
        try:
            append(*file, text)
        except BaseException:
            with self._lock:
                self._put_back((append, file), text)
            raise

    def flush_all(self) -> None:
        """Write what is kept for every file; the first that raises leaves the rest for the next time."""
        with self._lock:
            files = list(dict.fromkeys([*self._spilled, *self._texts]))
        for append, file in files:
            self.flush(append, *file)

    def _put_back(self, file: _File, text: str) -> None:
        """Keep a text that could not be written, before what has come since."""
        spilled = self._spilled.get(file)
        if spilled is not None:
            spilled.put_back(text)
            return
        self._texts[file] = [text, *self._texts.get(file, [])]
        self.characters += len(text)

    def _spill(self) -> None:
        """Move all text to temporary files."""
        try:
            for file, texts in list(self._texts.items()):
                text = "".join(texts)
                spilled = self._spilled.get(file) or _Spilled()
                spilled.add(text)
                self._spilled[file] = spilled
                self.characters -= len(text)
                del self._texts[file]
        except OSError as error:  # then memory has to do
            logger.warning("Output that waits to be written cannot be kept in a file: %s", error)


class _Spilled:
    """Text in a temporary file, in the chunks in which it came."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (it lives until it was read)
        self._chunks: deque[tuple[int, int] | str] = (
            deque()
        )  # where each begins, and its size; or the text itself
        self._end = 0

    def __bool__(self) -> bool:
        return bool(self._chunks)

    def add(self, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self._file.seek(self._end)
        self._file.write(data)
        self._chunks.append((self._end, len(data)))
        self._end += len(data)

    def put_back(self, text: str) -> None:
        """Have this text as the first."""
        self._chunks.appendleft(text)  # in memory, since a full disk must not lose it

    def first(self) -> str:
        """Return the text of the first chunk."""
        chunk = self._chunks[0]
        if isinstance(chunk, str):
            return chunk
        begin, size = chunk
        self._file.seek(begin)
        return self._file.read(size).decode("utf-8", "surrogatepass")

    def forget_first(self) -> None:
        self._chunks.popleft()
        if not self._chunks:
            self._file.close()
