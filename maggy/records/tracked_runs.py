"""The file ``mlflow.json`` of an experiment: which runs of MLflow its trials have, by server."""

from __future__ import annotations

import re

from maggy.common.files import Files
from maggy.common.types import Json
from maggy.records.encoding import encode_json
from maggy.records.reading import parse_experiment

__all__ = ["TrackedRuns", "without_password"]

NAME = "mlflow.json"
FORMAT = 1


class TrackedRuns:
    """The runs that one experiment of MLflow has of an experiment.

    Only :meth:`read` and :meth:`write` touch the file. A damaged file counts as empty, since the
    server can be asked for its runs.

    Args:
        files: Reads and writes the file.
        directory: The directory of the experiment.
        server: The URI of MLflow's server. A password in it is not recorded.
        experiment: The name or the id of the experiment there.

    Attributes:
        parent: The run of the experiment; None if it has none.
        runs: The runs of the trials that are written completely, by the trials' ids.
        is_complete: The result is written, too.
    """

    def __init__(self, files: Files, directory: str, server: str, experiment: str) -> None:
        self._files = files
        self._path = f"{directory}/{NAME}"
        self._key = {"server": without_password(server), "experiment": experiment}
        self._others: list[Json] = []
        self.parent: str | None = None
        self.runs: dict[str, str] = {}
        self.is_complete = False

    def read(self) -> None:
        """Read what is recorded. Nothing is, if there is no such file."""
        self._others = []
        try:
            entries = parse_experiment(self._files.read_bytes(self._path)).get("targets")
        except (FileNotFoundError, ValueError):
            return
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.items() >= self._key.items():
                self._take(entry)
            else:
                self._others.append(entry)

    def write(self) -> None:
        """Replace the file."""
        entry: dict[str, Json] = {
            **self._key,
            "parent": self.parent,
            "is_complete": self.is_complete,
            "runs": dict(self.runs),
        }
        record: dict[str, Json] = {"format": FORMAT, "targets": [*self._others, entry]}
        self._files.write_bytes(self._path, encode_json(record, indent=2), atomic=True)

    def _take(self, entry: dict[str, Json]) -> None:
        parent, runs = entry.get("parent"), entry.get("runs")
        if isinstance(parent, str) and isinstance(runs, dict):
            self.parent, self.is_complete = parent, entry.get("is_complete") is True
            self.runs = {trial: run for trial, run in runs.items() if isinstance(run, str)}


def without_password(url: str) -> str:
    """Return a URL without the name and the password of a user.

    Example:
        >>> without_password("https://me:secret@example.org:5000/mlflow")
        'https://example.org:5000/mlflow'
    """
    return re.sub(r"(?<=://)[^/?#]*@", "", url)
