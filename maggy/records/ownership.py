"""Let one driver at a time write in an experiment's directory. It knows no records."""

from __future__ import annotations

import json
import math
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import OwnershipError
from maggy.common.files import Files
from maggy.records.process import Process, current_process, is_provably_dead

__all__ = [
    "RENEW_SECONDS",
    "SILENCE_SECONDS",
    "Owner",
    "Ownership",
    "is_gone",
    "newest_number",
    "owner_file",
]

SILENCE_SECONDS = 60.0
"""Seconds without a sign of life after which another driver may take over."""
RENEW_SECONDS = 15.0
"""Seconds between two signs of life of an owner. Before each it reads who the owner is."""
_MAX_ATTEMPTS = 10
_FILE = re.compile(r"owner-(\d{1,18})\.json", re.ASCII)


@dataclass(frozen=True)
class Owner:
    """A driver that owns a directory, or has owned it.

    Attributes:
        process: The process of the driver.
        since: The time at which it became the owner, in seconds since the epoch.
        last_sign: The time of its last sign of life.
        end: The time at which it gave the directory back; None if it did not.
        token: A text that differs between any two owners, also of one process.
    """

    process: Process
    since: float
    last_sign: float
    end: float | None = None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def to_json(self) -> bytes:
        """Return the content of the owner's file."""
        record = {
            **asdict(self.process),
            "since": self.since,
            "seen": self.last_sign,
            "ended": self.end,
            "token": self.token,
        }
        return json.dumps(record, indent=2).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Owner | None:
        """Return the owner that a file names; None if the file is incomplete."""
        try:
            record = json.loads(data)
            texts = {
                name: str(record[name]) for name in ("host", "boot_id", "namespace", "started")
            }
            process = Process(**texts, pid=int(record["pid"]))
            end = record.get("ended")
            owner = cls(
                process,
                since=float(record["since"]),
                last_sign=float(record["seen"]),
                end=None if end is None else float(end),
                token=str(record["token"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        # Python's JSON reads NaN, with which every comparison of times would fail.
        return owner if math.isfinite(owner.last_sign) and math.isfinite(owner.since) else None


class Ownership:
    """The right of one driver to write in a directory.

    The file ``owner-<n>.json`` with the highest n names the owner. Stores cannot exchange the
    content of a file in one step, but only one driver can create a file. So each new owner creates
    the next file.

    A driver that was suspended cannot know that another has taken over. So the owner reads who the
    owner is before it gives a sign of life, and must call :meth:`renew` before each write.

    Args:
        files: Reads and writes in the directory.
        directory: The directory of the experiment.
        clock: Return the seconds since the epoch. The clocks of all drivers should agree.
        process: This driver; None for the current process.
        is_dead: Return whether the first process has certainly ended, as the second one sees it.
        allow_own_process: Whether an earlier owner in this very process may be replaced. A process
            runs one experiment at a time, so the earlier one is over.
    """

    def __init__(
        self,
        files: Files,
        directory: str,
        *,
        clock: Callable[[], float] = time.time,
        process: Process | None = None,
        is_dead: Callable[[Process, Process], bool] = is_provably_dead,
        allow_own_process: bool = True,
    ) -> None:
        self._files = files
        self._directory = directory
        self._clock = clock
        self._process = process or current_process()
        self._is_dead = is_dead
        self._allow_own_process = allow_own_process
        self._number = 0
        self._owner: Owner | None = None  # this driver, while it is the owner

    @property
    def number(self) -> int:
        """The number of this driver among the owners, from 1; 0 before it is one."""
        return self._number

    def take(self) -> None:
        """Make this driver the owner.

        Raises:
            OwnershipError: If another driver is the owner, and is neither dead nor silent for too
                long; or if several drivers compete again and again.
        """
        for _ in range(_MAX_ATTEMPTS):
            number = self._newest()
            if number and (owner := self._read(number)) is not None:
                self._refuse_if_alive(owner)
            now = self._clock()
            mine = Owner(self._process, now, now)
            try:
                self._files.create_bytes(self._path(number + 1), mine.to_json())
            except FileExistsError:
                # Another driver was quicker. Or the file is this driver's own: a store's client
                # repeats a write whose answer was lost.
                owner = self._read(number + 1)
                if owner is None or owner.token != mine.token:
                    continue
            self._number, self._owner = number + 1, mine
            # A store may let two drivers create one file, or show a file before its content. So
            # read back whose file it is.
            if self._successor(mine) is None:
                return
            self._owner = None
        raise OwnershipError(
            "An experiment is run by one driver at a time, but several try to own "
            f"{without_credentials(self._directory)} at once. Resume it from one of them."
        )

    def renew(self) -> None:
        """Confirm that this driver is the owner, and give a sign of life if it is time to.

        It costs nothing in between, and nothing is done for a driver that owns nothing.

        Raises:
            OwnershipError: If another driver has become the owner.
        """
        if self._owner is None:
            return
        now = self._clock()
        if abs(now - self._owner.last_sign) < RENEW_SECONDS:  # the clock may have been set back
            return
        if (successor := self._successor(self._owner)) is not None:
            silence = max(0.0, successor.since - self._owner.last_sign)
            raise OwnershipError(
                "An experiment is run by one driver at a time, but "
                f"{without_credentials(self._directory)} is now owned by "
                f"{_describe(successor)}, since this one had given no sign of life for "
                f"{silence:.0f} seconds. This one ends and writes nothing more. Its records are "
                "kept."
            )
        owner = replace(self._owner, last_sign=now)
        self._files.write_bytes(self._path(self._number), owner.to_json())
        self._owner = owner

    def proof(self) -> tuple[str, str]:
        """Return the name of the owner's file, and the text in it that no other owner has.

        Raises:
            RuntimeError: If this driver is not the owner.
        """
        if self._owner is None:
            raise RuntimeError("Only an owner has a file.")
        return owner_file(self._number), self._owner.token

    def release(self) -> None:
        """Give the directory back, so that another driver may own it at once."""
        mine, self._owner = self._owner, None
        if mine is not None and self._successor(mine) is None:
            now = self._clock()
            owner = replace(mine, last_sign=now, end=now)
            self._files.write_bytes(self._path(self._number), owner.to_json())

    def _successor(self, mine: Owner) -> Owner | None:
        """Return the driver that has taken over from this one; None if there is none."""
        # A store without exclusive creation may also have put another owner into the same file.
        owners = (self._read(number) for number in (self._number + 1, self._number))
        return next(
            (owner for owner in owners if owner is not None and owner.token != mine.token), None
        )

    def _refuse_if_alive(self, owner: Owner) -> None:
        now = self._clock()
        if is_gone(owner, now, self._process, self._is_dead):
            return
        is_own = owner.process == self._process and bool(owner.process.boot_id)
        if is_own and self._allow_own_process:
            return
        raise OwnershipError(
            "An experiment is run by one driver at a time, but "
            f"{without_credentials(self._directory)} is owned by {_describe(owner)}. Its last "
            f"sign of life was {max(0.0, now - owner.last_sign):.0f} seconds ago. "
            "End it first. If it has died, resume when it has been silent for "
            f"{SILENCE_SECONDS:.0f} seconds."
        )

    def _newest(self) -> int:
        return newest_number(self._files.list(self._directory))

    def _read(self, number: int) -> Owner | None:
        try:
            # Whoever made the directory may have put a pipe or a link there.
            return Owner.from_json(self._files.read_inside(self._directory, owner_file(number)))
        except FileNotFoundError:
            return None

    def _path(self, number: int) -> str:
        return f"{self._directory}/{owner_file(number)}"


def is_gone(
    owner: Owner,
    now: float,
    seen_from: Process,
    is_dead: Callable[[Process, Process], bool] = is_provably_dead,
) -> bool:
    """Return whether an owner has given its directory back, is silent for too long, or is dead.

    Args:
        owner: The owner.
        now: Seconds since the epoch.
        seen_from: The process that asks.
        is_dead: See :class:`Ownership`.
    """
    is_silent = now - owner.last_sign > SILENCE_SECONDS
    return owner.end is not None or is_silent or is_dead(owner.process, seen_from)


def newest_number(names: Iterable[str]) -> int:
    """Return the number of the newest owner among the names in a directory; 0 without any."""
    return max((int(match[1]) for match in map(_FILE.fullmatch, names) if match), default=0)


def owner_file(number: int) -> str:
    """Return the name of the file of an owner."""
    return f"owner-{number}.json"


def _describe(owner: Owner) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner.since))
    return f"process {owner.process.pid} on {owner.process.host} since {since}"
