"""The environment of Hopsworks: records in HopsFS through ``hops.hdfs``, experiments shown by the platform."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from maggy.common.files import AnyFiles
from maggy.core.environment.base import Environment
from maggy.core.environment.hopsworks.experiments_service import ExperimentsService
from maggy.core.environment.hopsworks.feature_store import find_on_hopsworks
from maggy.core.environment.hopsworks.files import HopsFiles
from maggy.core.environment.hopsworks.package import hops_hdfs
from maggy.core.environment.hopsworks.progress_channel import PollServer
from maggy.core.environment.local import local_root
from maggy.core.environment.progress_board import Board
from maggy.core.environment.registration import ExperimentCard, ExperimentEnd, Registration
from maggy.datasets.training_dataset import TrainingDataset

__all__ = ["HopsworksEnvironment", "HopsworksRegistration"]

START_SECONDS = 1.0
"""How long an experiment waits to be registered before its first trial."""
END_SECONDS = 5.0
"""How long it waits for its end to be shown."""


class HopsworksEnvironment(Environment):
    """Keeps experiments in the project's data set ``Experiments`` in HopsFS, or wherever another URL points.

    A path without a scheme is one in HopsFS: relative to the project, or absolute below ``/Projects``. HopsFS cannot
    replace a file in one step, so an atomic write keeps the old file under another name for that moment, and reading
    finds it there.

    Raises:
        MissingDependencyError: hops or pydoop is not installed.
    """

    name = "hopsworks"

    def __init__(self) -> None:
        hops_hdfs()
        hopsfs = HopsFiles()
        super().__init__(AnyFiles({"hdfs": hopsfs, "hopsfs": hopsfs}))

    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        """``log_dir``, else ``$MAGGY_LOG_DIR``, else the project's ``Experiments``: a URL."""
        chosen = os.fspath(log_dir) if log_dir is not None else ""
        chosen = chosen or os.environ.get("MAGGY_LOG_DIR", "") or "Experiments"
        if "://" in chosen:
            return chosen.rstrip("/") if _in_hopsfs(chosen) else local_root(chosen)
        project: str = hops_hdfs().project_path()
        if not chosen.startswith("/"):
            return f"{project}{chosen}".rstrip("/")
        return f"{project.partition('/Projects/')[0]}{chosen}".rstrip("/")

    def experiments(self, root: str) -> Iterable[str]:
        """Those in ``root``, and those in the project's ``Experiments``: the service knows them by their names only."""
        names = self.files.list(root)
        with suppress(Exception):  # records elsewhere do not need HopsFS
            names += self.files.list(self.root("Experiments"))
        return names

    def variables(self, experiment_id: str) -> dict[str, str]:
        """What hops reads to link a model that is exported in an experiment to it."""
        return {"ML_ID": experiment_id}

    def register(self, card: ExperimentCard, tell: Callable[[str], None]) -> Registration:
        def make_directory() -> None:
            self.files.make_directory(
                self.files.join(self.root("Experiments"), card.experiment_id), exist_ok=True
            )

        return HopsworksRegistration(card, make_directory, tell)

    def find_training_dataset(
        self, name: str, version: int | None = 1, label: str | None = None
    ) -> TrainingDataset:
        """A feature view's training data by the Feature Store's SDK, else the files of an old training data set."""
        return find_on_hopsworks(self, hops_hdfs().project_name(), name, version, label)


class HopsworksRegistration(Registration):
    """An experiment in the Experiments service, and the channel on which the notebook asks for its progress.

    Args:
        card: The experiment.
        make_directory: Makes its directory in the data set ``Experiments``, without which the service refuses it. The
            records may be elsewhere.
        tell: Called, at most once, with a sentence about the service.
    """

    def __init__(
        self, card: ExperimentCard, make_directory: Callable[[], None], tell: Callable[[str], None]
    ) -> None:
        self.board = Board()
        self._polls: PollServer | None = None
        self._tell = tell
        self._card = card
        self._experiment = _record(card)
        app_id, _, run_id = card.experiment_id.rpartition("_")
        self._service = ExperimentsService(app_id, run_id, make_directory, tell)
        self._service.register(self._experiment, START_SECONDS)

    def listen(self, host: str, advertised: str) -> None:
        secret = secrets.token_hex(32)
        try:
            polls = PollServer(self.board or Board(), secret, host)
            port = polls.start()
        except OSError as error:
            self._tell(
                f"The notebook cannot show the progress, since no port can be opened on {host}: {error}"
            )
            return
        self._polls = polls
        self._service.register_driver(self._card.app_id, _address(advertised), port, secret)

    def close(self, end: ExperimentEnd) -> None:
        if self._polls is not None:
            self._polls.close()
        changes: dict[str, Any] = {
            "optimizationKey": self._card.optimization_key,
            "metric": end.metric,
            "state": end.state,
            "duration": round(end.seconds * 1000),
        }
        if end.best_id is not None:
            changes["bestDir"] = f"Experiments/{self._card.experiment_id}/{end.best_id}"
        self._service.close(self._experiment, changes, END_SECONDS)


def _record(card: ExperimentCard) -> dict[str, Any]:
    job = os.environ.get("HOPSWORKS_JOB_NAME")
    return {
        "id": card.experiment_id,
        "name": job if job and card.name == "no-name" else card.name,
        "projectName": hops_hdfs().project_name(),
        "description": card.description,
        "state": "RUNNING",
        "function": card.function,
        "experimentType": "MAGGY",
        "appId": card.app_id,
        "direction": card.direction,
        "optimizationKey": card.optimization_key,
        "jobName": job,
        "kernelId": os.environ.get("HOPSWORKS_KERNEL_ID"),
    }


def _in_hopsfs(path: str) -> bool:
    return re.match(r"(hdfs|hopsfs)://", path) is not None


def _address(host: str) -> str:
    """The IP address that the platform wants instead of a name."""
    with suppress(OSError):
        return socket.gethostbyname(host)
    return host
