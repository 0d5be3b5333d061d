"""Write texts that grow, and read them back, also where a store cannot append to a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from maggy.common.credentials import without_credentials
from maggy.common.files import Files

__all__ = ["SEGMENT_BYTES", "LogFiles", "read_log", "read_segments", "segments_of"]

SEGMENT_BYTES = 64 * 2**10
"""Size at which a segment is full. To add to one that is not full writes it again."""
_MAX_LAST_SEGMENTS = 256
"""Maximum number of texts of which the last segment is in memory: 16 MiB in all."""
_MAX_SEGMENTS = 4096
"""Maximum number of segments that are read of one text."""
_MAX_ATTEMPTS = 10
_SEGMENT = re.compile(r"(.+)\.(\d{6,18})", re.ASCII | re.DOTALL)


@dataclass
class _Segment:
    """A segment that this driver has begun.

    Attributes:
        number: Its number among the segments of the text, from 0.
        data: Its content; empty if it is full.
    """

    number: int
    data: bytes


class LogFiles:
    """The growing texts of one driver: logs, output, the points of running trials.

    Where a file can be appended to, a text is one file. An object store replaces whole objects
    only. There a text is a row of segments: ``maggy.log``, ``maggy.log.000001``,
    ``maggy.log.000002`` and so on. Only the last one is written again, until it is full. So the
    cost of a line does not grow with the text, and the number of objects not with the lines.

    A driver creates each of its segments exclusively, and never writes one that it has not created.
    So the lines of an earlier owner stay whole, whatever that owner still does.

    Args:
        files: Reads and writes where the texts are.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._last_segments: dict[str, _Segment] = {}  # that written last comes last

    def append(self, path: str, data: bytes) -> None:
        """Add data to the end of a text. After an error the data may be in it or not."""
        if self._files.can_append(path):
            self._files.append_bytes(path, data)
            return
        last = self._last_segments.pop(path, None)
        if last is not None and last.data and len(last.data) + len(data) <= SEGMENT_BYTES:
            self._last_segments[path] = last  # it stays as it is if the store refuses
            self._files.write_bytes(_segment_path(path, last.number), last.data + data)
            last.data += data
            return
        number = self._create(path, 0 if last is None else last.number + 1, data)
        self._last_segments[path] = _Segment(number, data if len(data) < SEGMENT_BYTES else b"")
        if len(self._last_segments) > _MAX_LAST_SEGMENTS:
            self.forget(next(iter(self._last_segments)))

    def forget(self, path: str) -> None:
        """Keep nothing of a text in memory. It may still grow, in a new segment."""
        self._last_segments.pop(path, None)

    def _create(self, path: str, number: int, data: bytes) -> int:
        """Write a new segment with this number, or with the next one that is free."""
        for _ in range(_MAX_ATTEMPTS):
            try:
                self._files.create_bytes(_segment_path(path, number), data)
            except FileExistsError:  # of an earlier owner, or written although an error came back
                folder, _, name = path.rpartition("/")
                segments = segments_of(self._files.list(folder), name)
                # A listing may be older than the segment that is in the way.
                number = 1 + max([number, *map(_number, segments)])
            else:
                return number
        raise OSError(f"Several drivers write {without_credentials(path)} at once.")


def read_log(files: Files, folder: str, name: str, *, max_bytes: int) -> bytes:
    """Return the end of a growing text in a folder that anybody may have made.

    Args:
        files: Reads in the folder.
        folder: The directory of an experiment.
        name: The path of the text in the folder, such as ``maggy.log`` or ``<id>/output.log``.
        max_bytes: Maximum number of bytes, at least 1.

    Raises:
        FileNotFoundError: If there is no such text, or a segment was removed meanwhile.
        IsADirectoryError: If a directory has the name of a segment.
        PermissionError: If a segment is no ordinary file inside the folder.
    """
    place, slash, last_name = name.rpartition("/")
    names = segments_of(files.list(f"{folder}{slash}{place}"), last_name)
    segments = [f"{place}{slash}{segment}" for segment in names]
    if not segments:
        raise FileNotFoundError(f"There is no text {folder}/{name}.")
    return read_segments(files, folder, segments, max_bytes=max_bytes)


def read_segments(files: Files, folder: str, segments: Sequence[str], *, max_bytes: int) -> bytes:
    """Return the end of the text that consists of these segments. See :func:`read_log`.

    Args:
        files: Reads in the folder.
        folder: The directory of an experiment.
        segments: The paths of the segments in the folder, in their order.
        max_bytes: Maximum number of bytes, at least 1.
    """
    parts: list[bytes] = []
    remaining = max_bytes
    for segment in reversed(segments[-_MAX_SEGMENTS:]):
        parts.append(files.read_end_inside(folder, segment, remaining))
        remaining -= len(parts[-1])
        if remaining <= 0:
            break
    return b"".join(reversed(parts))


def segments_of(names: Iterable[str], name: str) -> list[str]:
    """Return those of the names in a directory that are segments of a text, in their order.

    Example:
        >>> segments_of(["a.log", "a.log.000002", "a.log.000001", "b.log"], "a.log")
        ['a.log', 'a.log.000001', 'a.log.000002']
    """
    segments = [other for other in names if other == name or _text_of(other) == name]
    return sorted(segments, key=lambda segment: (segment != name, _number(segment)))


def _segment_path(path: str, number: int) -> str:
    return f"{path}.{number:06d}" if number else path


def _text_of(segment: str) -> str:
    match = _SEGMENT.fullmatch(segment)
    return match[1] if match else segment


def _number(segment: str) -> int:
    match = _SEGMENT.fullmatch(segment)
    return int(match[2]) if match else 0
