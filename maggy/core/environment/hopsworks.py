"""The environment of Hopsworks: records in HopsFS through ``hops.hdfs``, experiments shown by the platform."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from maggy.ablation.trainingdataset import TrainingDataset
from maggy.core.environment.base import Environment
from maggy.core.environment.board import Board
from maggy.core.environment.experiments_service import ExperimentsService
from maggy.core.environment.feature_store import find_on_hopsworks
from maggy.core.environment.hops_package import hops_hdfs
from maggy.core.environment.local import LocalEnvironment
from maggy.core.environment.polls import PollServer
from maggy.core.environment.registration import ExperimentCard, ExperimentEnd, Registration

__all__ = ["HopsworksEnvironment", "HopsworksRegistration"]

START_SECONDS = 1.0
"""How long an experiment waits to be registered before its first trial."""
END_SECONDS = 5.0
"""How long it waits for its end to be shown."""
_OLD, _NEW = ".previous", ".writing"


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
        self._elsewhere = LocalEnvironment()

    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        """``log_dir``, else ``$MAGGY_LOG_DIR``, else the project's ``Experiments``: a URL."""
        chosen = os.fspath(log_dir) if log_dir is not None else ""
        chosen = chosen or os.environ.get("MAGGY_LOG_DIR", "") or "Experiments"
        if "://" in chosen:
            return chosen.rstrip("/") if _in_hopsfs(chosen) else self._elsewhere.root(chosen)
        project: str = hops_hdfs().project_path()
        if not chosen.startswith("/"):
            return f"{project}{chosen}".rstrip("/")
        return f"{project.partition('/Projects/')[0]}{chosen}".rstrip("/")

    def join(self, *parts: str) -> str:
        return self._elsewhere.join(*parts)

    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        if not _in_hopsfs(path):
            self._elsewhere.make_directory(path, exist_ok)
            return
        hdfs = hops_hdfs()
        if hdfs.exists(path):
            if not (exist_ok and hdfs.isdir(path)):
                raise FileExistsError(f"{path} exists already.")
            return
        hdfs.mkdir(path)

    def exists(self, path: str) -> bool:
        if not _in_hopsfs(path):
            return self._elsewhere.exists(path)
        hdfs = hops_hdfs()
        return bool(hdfs.exists(path) or hdfs.exists(path + _OLD))

    def list(self, path: str) -> list[str]:
        if not _in_hopsfs(path):
            return self._elsewhere.list(path)
        hdfs = hops_hdfs()
        if not hdfs.exists(path) or not hdfs.isdir(path):
            return []
        return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in hdfs.ls(path))

    def read_bytes(self, path: str) -> bytes:
        if not _in_hopsfs(path):
            return self._elsewhere.read_bytes(path)
        hdfs = hops_hdfs()
        for each in (path, path + _OLD):
            if hdfs.exists(each):
                data = hdfs.load(each)
                return data.encode() if isinstance(data, str) else bytes(data)
        raise FileNotFoundError(f"There is no file {path}.")

    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        if not _in_hopsfs(path):
            self._elsewhere.write_bytes(path, data, atomic)
            return
        hdfs = hops_hdfs()
        if not atomic:
            hdfs.dump(data, path)
            return
        hdfs.dump(data, path + _NEW)
        if hdfs.exists(path):
            _delete(hdfs, path + _OLD)
            hdfs.rename(path, path + _OLD)
        hdfs.rename(path + _NEW, path)
        _delete(hdfs, path + _OLD)

    def create_bytes(self, path: str, data: bytes) -> None:
        if not _in_hopsfs(path):
            self._elsewhere.create_bytes(path, data)
            return
        hdfs = hops_hdfs()
        temporary = f"{path}.{secrets.token_hex(4)}{_NEW}"
        hdfs.dump(data, temporary)
        try:
            hdfs.rename(temporary, path)  # never onto a file
        except OSError as error:
            _delete(hdfs, temporary)
            if hdfs.exists(path):
                raise FileExistsError(f"{path} exists already.") from error
            raise

    def append_bytes(self, path: str, data: bytes) -> None:
        if not _in_hopsfs(path):
            self._elsewhere.append_bytes(path, data)
            return
        hdfs = hops_hdfs()
        file = hdfs.open_file(path, flags="a" if hdfs.exists(path) else "w")
        try:
            file.write(data)
        finally:
            file.close()

    def rename(self, path: str, new_path: str) -> None:
        if not _in_hopsfs(path):
            self._elsewhere.rename(path, new_path)
            return
        hops_hdfs().rename(path, new_path)

    def remove(self, path: str) -> None:
        if not _in_hopsfs(path):
            self._elsewhere.remove(path)
            return
        hdfs = hops_hdfs()
        for each in (path + _OLD, path):  # in this order, so that the older content never comes back
            _delete(hdfs, each)

    def remove_temporary(self, path: str) -> None:
        if not _in_hopsfs(path):
            self._elsewhere.remove_temporary(path)
            return
        hdfs = hops_hdfs()
        for folder in (path, *(f"{path}/{name}" for name in self.list(path))):
            for name in self.list(folder):
                if name.endswith(_NEW):
                    _delete(hdfs, f"{folder}/{name}")

    def experiments(self, root: str) -> Iterable[str]:
        """Those in ``root``, and those in the project's ``Experiments``: the service knows them by their names only."""
        names = self.list(root)
        with suppress(Exception):  # records elsewhere do not need HopsFS
            names += self.list(self.root("Experiments"))
        return names

    def variables(self, experiment_id: str) -> dict[str, str]:
        """What hops reads to link a model that is exported in an experiment to it."""
        return {"ML_ID": experiment_id}

    def register(self, card: ExperimentCard, tell: Callable[[str], None]) -> Registration:
        def make_directory() -> None:
            self.make_directory(self.join(self.root("Experiments"), card.experiment_id), exist_ok=True)

        return HopsworksRegistration(card, make_directory, tell)

    def find_training_dataset(self, name: str, version: int | None = 1, label: str | None = None) -> TrainingDataset:
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

    def __init__(self, card: ExperimentCard, make_directory: Callable[[], None], tell: Callable[[str], None]) -> None:
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
            self._tell(f"The notebook cannot show the progress, since no port can be opened on {host}: {error}")
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


def _delete(hdfs: Any, path: str) -> None:
    if hdfs.exists(path):
        hdfs.delete(path)


def _address(host: str) -> str:
    """The IP address that the platform wants instead of a name."""
    with suppress(OSError):
        return socket.gethostbyname(host)
    return host
