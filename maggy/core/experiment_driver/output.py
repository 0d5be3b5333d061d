"""Buffer text on its way into log files, by file. It does not decide when to write."""

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
"""Maximum number of characters in memory, over all files. More text waits in temporary files."""

_File = tuple[Callable[..., None], tuple[Any, ...]]


class OutputBuffer:
    r"""Keep text until it is flushed. All text of one file since the last flush becomes one write.

    A file is identified by the function that appends to it and by the first arguments of this
    function, which is called with these and the text. Adding and flushing may happen on different
    threads. When a write raises, its text stays, and the next flush tries again. When text comes
    faster than it can be written, it waits in temporary files and not in memory.

    Example:
        >>> buffer = OutputBuffer()
        >>> for text in ("a line\n", "another\n"):
        ...     buffer.add(print, "log:", text=text)
        >>> buffer.flush(print, "log:")
        log: a line
        another
        <BLANKLINE>

    Attributes:
        characters: Number of characters in memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[_File, list[str]] = {}
        self._spilled: dict[_File, _Spilled] = {}  # older text than that in memory
        self.characters = 0

    def add(self, append: Callable[..., None], *file: str | int, text: str) -> None:
        """Add text for a file."""
        with self._lock:
            self._texts.setdefault((append, file), []).append(text)
            self.characters += len(text)
            if self.characters > MEMORY_CHARACTERS:
                self._spill()

    def flush(self, append: Callable[..., None], *file: str | int) -> None:
        """Write the text of one file. Only one thread may flush at a time."""
        while True:
            with self._lock:
                spilled = self._spilled.get((append, file))
                if spilled is None:
                    # Taken under the lock that found no file: text that another thread moves to a
                    # file meanwhile would otherwise be written after newer text.
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
        """Write the text of every file. After the first error the rest waits for the next flush."""
        with self._lock:
            files = list(dict.fromkeys([*self._spilled, *self._texts]))
        for append, file in files:
            self.flush(append, *file)

    def _put_back(self, file: _File, text: str) -> None:
        """Put text back that could not be written, before the text that has come since."""
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
        except OSError as error:  # then the text stays in memory
            logger.warning(
                "Output cannot be moved to a temporary file, so it waits in memory: %s", error
            )


class _Spilled:
    """Text in a temporary file, in the chunks in which it arrived."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed at the end)
        # For each chunk: its start in the file and its size in bytes, or the text itself.
        self._chunks: deque[tuple[int, int] | str] = deque()
        self._end = 0

    def __bool__(self) -> bool:
        return bool(self._chunks)

    def add(self, text: str) -> None:
        """Add a chunk at the end."""
        data = text.encode("utf-8", "surrogatepass")
        self._file.seek(self._end)
        self._file.write(data)
        self._chunks.append((self._end, len(data)))
        self._end += len(data)

    def put_back(self, text: str) -> None:
        """Add a chunk at the beginning."""
        self._chunks.appendleft(text)  # in memory: a full disk must not lose it

    def first(self) -> str:
        """Return the text of the first chunk."""
        chunk = self._chunks[0]
        if isinstance(chunk, str):
            return chunk
        start, size = chunk
        self._file.seek(start)
        return self._file.read(size).decode("utf-8", "surrogatepass")

    def forget_first(self) -> None:
        """Remove the first chunk, and the file after the last one."""
        self._chunks.popleft()
        if not self._chunks:
            self._file.close()
