"""Keep the text about running trials in segments beside the records, and read it back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from maggy.common.files import Files
from maggy.records.encoding import encode_text
from maggy.records.log_files import LogFiles, read_segments, segments_of
from maggy.records.ownership import newest_number
from maggy.records.running_points import RunningTrial, parse_running

__all__ = ["RunningFiles", "read_runs"]

_MAX_BYTES = 128 * 2**20
"""Maximum number of bytes that are read: three million points. Of more the newest are read."""
_MAX_ATTEMPTS = 5
_FILE = re.compile(r"running-(\d{1,18})-(\d{1,18})\.jsonl(\.\d{6,18})?", re.ASCII)


class RunningFiles:
    """The file ``running-<owner>-<n>.jsonl`` of an experiment, for all of its running trials.

    The owner is the number of this driver among the owners of the directory, so drivers never write
    the same file. When the text is begun anew, it goes to the file with the next n, and then the
    file before is removed. A reader takes the highest n, and looks again if that is gone.

    Args:
        files: Writes in the directory.
        directory: The directory of the experiment.
        logs: Adds to files.
        owner_number: Return the number of this driver. It may change until the first write.
    """

    def __init__(
        self, files: Files, directory: str, logs: LogFiles, owner_number: Callable[[], int]
    ) -> None:
        self._files = files
        self._directory = directory
        self._logs = logs
        self._owner_number = owner_number
        self._count = 0

    def append(self, text: str) -> None:
        """Add lines to the text."""
        self._logs.append(self._path(max(self._count, 1)), encode_text(text))
        self._count = max(self._count, 1)

    def replace(self, text: str) -> None:
        """Begin the text anew. A reader sees the old text or the new one."""
        path, data = self._path(self._count + 1), encode_text(text)
        if self._files.can_append(path):
            self._files.write_bytes(path, data, atomic=True)
        else:  # the creation of an object is atomic, and more may be added to it
            self._logs.append(path, data)
        self._count += 1
        self._logs.forget(self._path(self._count - 1))
        if self._count > 1:
            mine = self._owner_number()
            self._remove(lambda owner, number: owner == mine and number < self._count)

    def remove(self) -> None:
        """Remove the text, with that of earlier owners."""
        mine = self._owner_number()
        self._remove(lambda owner, _: owner <= mine)

    def _remove(self, is_old: Callable[[int, int], bool]) -> None:
        for name in self._files.list(self._directory):
            match = _FILE.fullmatch(name)
            if match and is_old(int(match[1]), int(match[2])):
                self._files.remove(f"{self._directory}/{name}")

    def _path(self, number: int) -> str:
        return f"{self._directory}/running-{self._owner_number()}-{number}.jsonl"


def read_runs(files: Files, directory: str, *, is_running: bool) -> dict[str, RunningTrial] | None:
    """Return the runs that a driver has recorded while they ran, by the ids of their trials.

    Some of them may have ended since. Nothing is changed.

    Args:
        files: Reads in the directory.
        directory: The directory of the experiment.
        is_running: Whether the experiment runs. Then only its present owner counts. If it was
            killed, all drivers count, the last one first.

    Returns:
        The runs. None if the first driver of an experiment has recorded none so far; it may be of
        a release that records none.
    """
    for _ in range(_MAX_ATTEMPTS):
        names = files.list(directory)
        newest_owner = newest_number(names)
        newest_files = _newest_files(names)
        owners = [newest_owner] if is_running else sorted(newest_files)
        if is_running and newest_owner not in newest_files:
            return {} if newest_owner > 1 else None
        runs: dict[str, RunningTrial] = {}
        try:
            for owner in owners:
                # Those of the same look: another look may come while a driver removes them.
                segments = segments_of(names, f"running-{owner}-{newest_files[owner]}.jsonl")
                data = read_segments(files, directory, segments, max_bytes=_MAX_BYTES)
                runs |= parse_running(data)
        except FileNotFoundError:  # the text was begun anew, or removed, between the two looks
            continue
        except (IsADirectoryError, NotADirectoryError, PermissionError):  # not a driver's
            return None
        return runs
    return None


def _newest_files(names: Iterable[str]) -> dict[int, int]:
    """Return the number of the newest file of each owner."""
    newest: dict[int, int] = {}
    for match in map(_FILE.fullmatch, names):
        if match:
            owner, number = int(match[1]), int(match[2])
            newest[owner] = max(number, newest.get(owner, 0))
    return newest
