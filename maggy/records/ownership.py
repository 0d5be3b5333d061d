"""Who may write in an experiment's directory: one driver at a time. It knows files of owners, not records."""

from __future__ import annotations

import json
import math
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from maggy.common.exceptions import OwnershipError
from maggy.common.files import Files
from maggy.records.process import Process, current_process, is_provably_dead

__all__ = ["RENEW_SECONDS", "SILENCE_SECONDS", "Owner", "Ownership"]

SILENCE_SECONDS = 60.0
"""Another driver may follow an owner that has given no sign of life for longer."""
RENEW_SECONDS = 15.0
"""How often an owner gives a sign of life. Before each it reads who the owner is."""
_MOST_ATTEMPTS = 10
_FILE = re.compile(r"owner-(\d+)\.json")


@dataclass(frozen=True)
class Owner:
    """A driver that owns a directory, or has owned it.

    Attributes:
        process: The driver's process.
        since: When it became the owner, in seconds since the epoch.
        seen: When it gave its last sign of life.
        ended: When it gave the directory back; None if it did not.
        token: Differs between any two owners, also of one process.
    """

    process: Process
    since: float
    seen: float
    ended: float | None = None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def to_json(self) -> bytes:
        """Return the content of the owner's file."""
        times = {"since": self.since, "seen": self.seen, "ended": self.ended, "token": self.token}
        return json.dumps({**asdict(self.process), **times}, indent=2).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Owner | None:
        """Return the owner that a file names; None if the file was not written to its end."""
        try:
            record = json.loads(data)
            texts = {
                name: str(record[name]) for name in ("host", "boot_id", "namespace", "started")
            }
            process = Process(**texts, pid=int(record["pid"]))
            ended = None if record.get("ended") is None else float(record["ended"])
            owner = cls(
                process, float(record["since"]), float(record["seen"]), ended, str(record["token"])
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        return owner if math.isfinite(owner.seen) and math.isfinite(owner.since) else None


class Ownership:
    """Keeps every driver but one out of a directory.

    The owner is named by the file ``owner-<n>.json`` with the highest n. Stores cannot exchange a file's content in
    one step, but only one driver can create a file, so each new owner creates the next one.

    A driver that was suspended cannot know that another has followed it. So the owner reads who the owner is before it
    gives a sign of life, and must call :meth:`check` before each write.

    Args:
        files: Where the directory is.
        directory: The experiment's directory.
        clock: Seconds since the epoch; those of all drivers should agree.
        process: This driver.
        is_dead: Whether it is certain that the first process has ended, as the second one sees it.
    """

    def __init__(
        self,
        files: Files,
        directory: str,
        *,
        clock: Callable[[], float] = time.time,
        process: Process | None = None,
        is_dead: Callable[[Process, Process], bool] = is_provably_dead,
    ) -> None:
        self._files = files
        self._directory = directory
        self._clock = clock
        self._process = process or current_process()
        self._is_dead = is_dead
        self._number = 0
        self._owner: Owner | None = None  # this driver, while it is the owner

    def take(self) -> None:
        """Become the owner.

        Raises:
            OwnershipError: Another driver is the owner, and neither dead nor silent for too long.
        """
        for _ in range(_MOST_ATTEMPTS):
            number = self._newest()
            if number and (owner := self._read(number)) is not None:
                self._refuse_if_alive(owner)
            now = self._clock()
            mine = Owner(self._process, now, now)
            try:
                self._files.create_bytes(self._path(number + 1), mine.to_json())
            except FileExistsError:  # another driver was quicker: see who
                continue
            self._number, self._owner = number + 1, mine
            # A store may let two drivers create one file, or show a file before its content.
            if self._successor(mine) is None:
                return
            self._owner = None
        raise OwnershipError(
            f"An experiment is run by one driver at a time, but several want {self._directory} at once. "
            "Resume it from one of them."
        )

    def check(self) -> None:
        """Give a sign of life if it is time to. Costs nothing in between.

        Raises:
            OwnershipError: Another driver has become the owner.
        """
        if self._owner is None:
            return
        now = self._clock()
        if abs(now - self._owner.seen) < RENEW_SECONDS:  # the clock may have been set back
            return
        if (successor := self._successor(self._owner)) is not None:
            silence = max(0.0, successor.since - self._owner.seen)
            raise OwnershipError(
                f"An experiment is run by one driver at a time, but {self._directory} is now owned by "
                f"{_described(successor)}, since this one had given no sign of life for {silence:.0f} seconds. "
                "So this one ends and writes nothing more; what it has recorded is kept."
            )
        owner = replace(self._owner, seen=now)
        self._files.write_bytes(self._path(self._number), owner.to_json())
        self._owner = owner

    def release(self) -> None:
        """Give the directory back, so that another driver may own it at once."""
        mine, self._owner = self._owner, None
        if mine is not None and self._successor(mine) is None:
            now = self._clock()
            owner = replace(mine, seen=now, ended=now)
            self._files.write_bytes(self._path(self._number), owner.to_json())

    def _successor(self, mine: Owner) -> Owner | None:
        """The driver that has become the owner after this one, if there is one."""
        owners = (self._read(number) for number in (self._number + 1, self._number))
        return next(
            (owner for owner in owners if owner is not None and owner.token != mine.token), None
        )

    def _refuse_if_alive(self, owner: Owner) -> None:
        silence = self._clock() - owner.seen
        if owner.ended is not None or silence > SILENCE_SECONDS:
            return
        # An earlier experiment of this very process is over, or this one could not have begun.
        if (owner.process == self._process and owner.process.boot_id) or self._is_dead(
            owner.process, self._process
        ):
            return
        raise OwnershipError(
            f"An experiment is run by one driver at a time, but {self._directory} is owned by "
            f"{_described(owner)}. Its last sign of life was {max(0.0, silence):.0f} seconds ago. End it first; "
            f"if it has died, resume once it has been silent for {SILENCE_SECONDS:.0f} seconds."
        )

    def _newest(self) -> int:
        matches = map(_FILE.fullmatch, self._files.list(self._directory))
        return max((int(match[1]) for match in matches if match), default=0)

    def _read(self, number: int) -> Owner | None:
        try:
            return Owner.from_json(self._files.read_bytes(self._path(number)))
        except FileNotFoundError:
            return None

    def _path(self, number: int) -> str:
        return f"{self._directory}/owner-{number}.json"


def _described(owner: Owner) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner.since))
    return f"process {owner.process.pid} on {owner.process.host} since {since}"
