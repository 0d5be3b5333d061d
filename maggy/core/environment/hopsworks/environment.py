"""Keep records in HopsFS, and register experiments with Hopsworks, which shows them."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

from maggy.common.files import AnyFiles
from maggy.common.types import Json
from maggy.core.environment.base import Environment
from maggy.core.environment.hopsworks.experiments_service import ExperimentsService
from maggy.core.environment.hopsworks.feature_store import find_on_hopsworks
from maggy.core.environment.hopsworks.files import HopsFiles
from maggy.core.environment.hopsworks.package import hops_hdfs
from maggy.core.environment.hopsworks.progress_channel import ProgressChannel
from maggy.core.environment.progress_board import ProgressBoard
from maggy.core.environment.registration import ExperimentCard, ExperimentEnd, Registration
from maggy.datasets.training_dataset import TrainingDataset

__all__ = ["HopsworksEnvironment", "HopsworksRegistration"]

START_SECONDS = 1.0
"""Maximum number of seconds that an experiment waits for its registration at the beginning."""
END_SECONDS = 5.0
"""Maximum number of seconds that an experiment waits until the service shows its end."""


class HopsworksEnvironment(Environment):
    """Keep experiments in the project's data set ``Experiments`` in HopsFS, or behind another URL.

    A path without a scheme lies in HopsFS: relative to the project, or absolute below
    ``/Projects``. HopsFS cannot replace a file in one step. An atomic write therefore keeps the old
    file under another name for that moment, and a reader looks for it there.

    Raises:
        MissingDependencyError: If hops or pydoop is not installed.
    """

    name = "hopsworks"

    def __init__(self) -> None:
        hops_hdfs()
        hopsfs = HopsFiles()
        super().__init__(AnyFiles({"hdfs": hopsfs, "hopsfs": hopsfs}, home=hopsfs))

    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        """Return the URL of the directory of all experiments.

        The first of these that is not empty decides: ``log_dir``, ``$MAGGY_LOG_DIR``, the project's
        ``Experiments``.
        """
        path = os.fspath(log_dir) if log_dir is not None else ""
        return self.files.resolve(path or os.environ.get("MAGGY_LOG_DIR", "") or "Experiments")

    def experiments(self, root: str) -> Iterable[str]:
        """Return the names in ``root`` and in the project's ``Experiments``.

        The service identifies an experiment by its name alone, wherever its records are.
        """
        names = self.files.list(root)
        # An experiment whose records are elsewhere must start even if HopsFS does not answer.
        with suppress(Exception):
            names += self.files.list(self.root("Experiments"))
        return names

    def variables(self, experiment_id: str) -> dict[str, str]:
        """Return the variable by which hops links an exported model to its experiment."""
        return {"ML_ID": experiment_id}

    def register(self, card: ExperimentCard, tell: Callable[[str], None]) -> Registration:
        """Tell the Experiments service that an experiment begins."""

        def make_directory() -> None:
            self.files.make_directory(
                self.files.join(self.root("Experiments"), card.experiment_id), exist_ok=True
            )

        return HopsworksRegistration(card, make_directory, tell)

    def find_training_dataset(
        self, name: str, version: int | None = 1, label: str | None = None
    ) -> TrainingDataset:
        """Return a feature view's training data, else the files of an old training data set."""
        return find_on_hopsworks(self, hops_hdfs().project_name(), name, version, label)


class HopsworksRegistration(Registration):
    """Show an experiment in the Experiments service, and its progress in the notebook.

    Args:
        card: The description of the experiment.
        make_directory: Make the experiment's directory in the data set ``Experiments``. Without it
            the service refuses the experiment, even if the records are elsewhere.
        tell: Called with a sentence about the service, at most once.
    """

    def __init__(
        self, card: ExperimentCard, make_directory: Callable[[], None], tell: Callable[[str], None]
    ) -> None:
        self.board = ProgressBoard()
        self._channel: ProgressChannel | None = None
        self._tell = tell
        self._card = card
        self._experiment = _record(card)
        app_id, _, run_id = card.experiment_id.rpartition("_")
        self._service = ExperimentsService(app_id, run_id, make_directory, tell)
        self._service.register(self._experiment, START_SECONDS)

    def serve_progress(self, host: str, advertised: str) -> None:
        """Let the notebook's front end ask for the progress, and tell the platform where."""
        secret = secrets.token_hex(32)
        try:
            channel = ProgressChannel(self.board or ProgressBoard(), secret, host)
            port = channel.start()
        except OSError as error:
            self._tell(
                "The notebook cannot show the progress, since no port can be opened on "
                f"{host}: {error}"
            )
            return
        self._channel = channel
        self._service.register_driver(self._card.app_id, _ip_address(advertised), port, secret)

    def close(self, end: ExperimentEnd) -> None:
        """Close the channel and tell the service how the experiment ended."""
        if self._channel is not None:
            self._channel.close()
        changes: dict[str, Json] = {
            "optimizationKey": self._card.optimization_key,
            "metric": end.metric,
            "state": end.state,
            "duration": round(end.seconds * 1000),
        }
        if end.best_id is not None:
            changes["bestDir"] = f"Experiments/{self._card.experiment_id}/{end.best_id}"
        self._service.close(self._experiment, changes, END_SECONDS)


def _record(card: ExperimentCard) -> dict[str, Json]:
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


def _ip_address(host: str) -> str:
    """Return the IP address of a host, since the platform accepts no names."""
    with suppress(OSError):
        return socket.gethostbyname(host)
    return host
