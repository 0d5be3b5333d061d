"""The file ``mlflow.json`` of an experiment: which runs of MLflow its trials have, by server."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import OwnershipError
from maggy.common.files import Files
from maggy.common.types import Json
from maggy.records.encoding import encode_json
from maggy.records.ownership import SILENCE_SECONDS, Ownership
from maggy.records.reading import parse_object

__all__ = ["Target", "TrackedRuns", "last_target"]

NAME = "mlflow.json"
FORMAT = 1


class Target(NamedTuple):
    """An experiment of MLflow.

    Attributes:
        experiment: Its name or its id.
        is_id: Whether it is the id.
    """

    experiment: str
    is_id: bool = False


class TrackedRuns:
    """The runs that one experiment of MLflow has of an experiment.

    Only :meth:`read` and :meth:`write` touch the file. A damaged file counts as empty, since the
    server can be asked for its runs. Only one writer at a time may write the runs, or a trial could
    get two: the listener, or one export. So :meth:`claim` comes before the first run is made.

    Args:
        files: Reads and writes the file.
        directory: The directory of the experiment.
        server: The URI of MLflow's server. User, password and query are not recorded.
        target: The experiment there.

    Attributes:
        parent: The run of the experiment; None if it has none.
        runs: The runs of the trials that are written completely, by the trials' ids.
        is_complete: The result is written, too.
    """

    def __init__(self, files: Files, directory: str, server: str, target: Target) -> None:
        self._files = files
        self._directory = directory
        self._target = target
        self._key = {"server": without_credentials(server), "experiment": target.experiment}
        digest = hashlib.sha256(json.dumps(self._key, sort_keys=True).encode()).hexdigest()
        self._claims = f"{directory}/.mlflow-{digest[:12]}"
        self._owner = Ownership(files, self._claims, allow_own_process=False)
        self._is_claimed = False
        self.parent: str | None = None
        self.runs: dict[str, str] = {}
        self.is_complete = False

    def claim(self) -> None:
        """Become the only one who writes the runs. Confirm it if this one is that already.

        Raises:
            OwnershipError: If another process or thread writes them.
        """
        try:
            if self._is_claimed:
                self._owner.renew()
                return
            self._files.make_directory(self._claims, exist_ok=True)
            self._owner.take()
        except OwnershipError as error:
            raise OwnershipError(
                "The runs of an experiment in MLflow are written by one process at a time, and "
                "another one, the experiment's listener or an export, writes them now. Export when "
                f"it has ended, or has been silent for {SILENCE_SECONDS:.0f} seconds."
            ) from error
        self._is_claimed = True

    def release(self) -> None:
        """Let others write the runs."""
        self._is_claimed = False
        self._owner.release()

    def read(self) -> None:
        """Read what is recorded. Nothing is, if there is no such file."""
        for entry in _entries(self._files, self._directory):
            if self._is_own(entry):
                self._take(entry)

    def write(self) -> None:
        """Replace the file. What it holds about other servers stays."""
        entry: dict[str, Json] = {
            **self._key,
            "is_id": self._target.is_id,
            "parent": self.parent,
            "is_complete": self.is_complete,
            "runs": dict(self.runs),
        }
        # Another listener may write to another server meanwhile.
        others = [
            other for other in _entries(self._files, self._directory) if not self._is_own(other)
        ]
        record: dict[str, Json] = {"format": FORMAT, "targets": [*others, entry]}
        path = f"{self._directory}/{NAME}"
        self._files.write_bytes(path, encode_json(record, indent=2), atomic=True)

    def _is_own(self, entry: dict[str, Json]) -> bool:
        return entry.items() >= self._key.items()

    def _take(self, entry: dict[str, Json]) -> None:
        parent, runs = entry.get("parent"), entry.get("runs")
        if isinstance(parent, str) and isinstance(runs, dict):
            self.parent, self.is_complete = parent, entry.get("is_complete") is True
            self.runs = {trial: run for trial, run in runs.items() if isinstance(run, str)}


def last_target(files: Files, directory: str, server: str) -> Target | None:
    """Return the experiment of MLflow to which this server's runs were written last.

    Args:
        files: Reads the file.
        directory: The directory of the experiment.
        server: The URI of MLflow's server.
    """
    for entry in reversed(_entries(files, directory)):
        experiment = entry.get("experiment")
        if entry.get("server") == without_credentials(server) and isinstance(experiment, str):
            return Target(experiment, is_id=entry.get("is_id") is True)
    return None


def _entries(files: Files, directory: str) -> list[dict[str, Json]]:
    try:
        record = parse_object(files.read_inside(directory, NAME))
    except (FileNotFoundError, PermissionError, ValueError):  # missing, a link, or damaged
        return []
    entries = record.get("targets")
    return [
        entry for entry in (entries if isinstance(entries, list) else []) if isinstance(entry, dict)
    ]
