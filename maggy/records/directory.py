"""Store the records of an experiment in a directory, on a disk or behind a URL."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from maggy.common.credentials import without_credentials, without_secrets_of
from maggy.common.exceptions import MaggyError, RecordsError, ResumeError
from maggy.common.files import Files, is_url
from maggy.common.files.store_errors import StoreError
from maggy.common.types import Json
from maggy.records.contract import RecordStore
from maggy.records.encoding import encode_json, encode_text
from maggy.records.event_files import EventFiles, TimedPoint
from maggy.records.events import EventMaker, HparamsParameter, find_event_maker
from maggy.records.log_files import LogFiles
from maggy.records.log_lines import log_line
from maggy.records.naming import ExperimentDirectory, find_directory, make_directory
from maggy.records.ownership import Ownership
from maggy.records.process import Process
from maggy.records.reading import parse_experiment
from maggy.records.running_files import RunningFiles
from maggy.records.trial_files import TrialFiles, set_aside
from maggy.trial import Trial

__all__ = ["ExperimentStore"]

POINTS_SECONDS = 5.0
"""Seconds between two writes of the points of running trials, on a disk."""
REMOTE_POINTS_SECONDS = 30.0
"""The same behind a URL."""


class ExperimentStore(RecordStore):
    """Records in the directory ``<root>/<app_id>_<run_id>``. Use :meth:`create` or :meth:`open`.

    A resumed experiment believes the trials' ``trial.json`` and nothing else; the other files are
    for people and tools. All methods raise ``OSError`` if the file system refuses.

    A driver that creates the directory owns it. A driver that opens it must :meth:`claim` it
    first; see :mod:`maggy.records.ownership`.

    Args:
        files: Reads and writes in the directory.
        directory: The directory. It must exist.
        events: Makes the content of event files; None if tensorboard is not installed.
        clock: Return the seconds since the epoch.
        process: This driver; None for the current process.
        is_resumed: Whether an earlier driver may have recorded an experiment there.

    Attributes:
        ownership: The right of this driver to write in the directory.
    """

    def __init__(
        self,
        files: Files,
        directory: ExperimentDirectory,
        events: EventMaker | None,
        clock: Callable[[], float] = time.time,
        process: Process | None = None,
        *,
        is_resumed: bool = False,
    ) -> None:
        self.directory = directory.path
        self.app_id = directory.app_id
        self.run_id = directory.run_id
        self.experiment_id = directory.experiment_id
        self.ownership = Ownership(files, directory.path, clock=clock, process=process)
        self._files = files
        self._clock = clock
        self._is_resumed = is_resumed
        self._events = EventFiles(files, directory.path, events, clock, self.log)
        self._logs = LogFiles(files)
        self._trials = TrialFiles(
            files, directory.path, self._events, self._logs, is_resumed=is_resumed
        )
        self._running = RunningFiles(
            files, directory.path, self._logs, lambda: self.ownership.number
        )
        self.points_seconds = REMOTE_POINTS_SECONDS if is_url(directory.path) else POINTS_SECONDS
        self.has_event_files = self._events.available

    @classmethod
    def create(
        cls, files: Files, root: str, app_id: str, names: Callable[[], Iterable[str]] | None = None
    ) -> ExperimentStore:
        """Make the directory of a new experiment, and own it.

        The run number is the highest existing one plus 1. An existing directory is never used. If
        several processes ask at once, each gets its own directory.

        Args:
            files: Reads and writes in ``root``.
            root: The directory that holds all experiments.
            app_id: The application that runs the experiment.
            names: Return the names that the directory must not have; those in ``root`` if None.

        Raises:
            RecordsError: If nothing can be recorded there.
        """
        try:
            store = cls(files, make_directory(files, root, app_id, names), find_event_maker())
            # An object store knows a directory only once there is a file in it.
            place = without_credentials(store.directory)
            store.log(f"Experiment {store.experiment_id} is recorded in {place}.")
            store.claim()
        except MaggyError:
            raise
        except Exception as error:
            name = "" if isinstance(error, StoreError) else f"{type(error).__name__}: "
            raise RecordsError(
                "Experiments must be recorded where files can be written, but in "
                f"{without_credentials(root)} they cannot ({name}"
                f"{without_secrets_of(root, str(error))}). Choose another place with log_dir or "
                "MAGGY_LOG_DIR, or mend the cause."
            ) from error
        return store

    @classmethod
    def open(
        cls,
        files: Files,
        root: str,
        experiment: str | os.PathLike[str],
        *,
        resolve: Callable[[str], str] | None = None,
        clock: Callable[[], float] = time.time,
        process: Process | None = None,
    ) -> ExperimentStore:
        """Return a recorded experiment. It belongs to its owner until it is claimed.

        Args:
            files: Reads and writes there.
            root: The directory in which experiments are looked up by name.
            experiment: The experiment's id (``<app_id>_<run_id>``) or its directory.
            resolve: Return the full path of a directory that the user has named; None for a path
                from the working directory, or a URL.
            clock: Return the seconds since the epoch.
            process: This driver; None for the current process.

        Raises:
            ResumeError: If there is no such experiment. The message names those that exist.
        """
        directory = find_directory(files, root, experiment, resolve)
        return cls(files, directory, find_event_maker(), clock, process, is_resumed=True)

    def trial_directory(self, trial_id: str) -> str:
        """Return the directory of a trial, whether or not it exists yet."""
        return f"{self.directory}/{trial_id}"

    def claim(self) -> None:
        """Make this driver the owner, and remove the temporary files of earlier owners.

        Raises:
            OwnershipError: If another driver owns it, and is neither dead nor silent for too long.
        """
        self.ownership.take()
        if self._is_resumed:
            self._files.remove_temporary(self.directory)

    def renew_ownership(self) -> None:
        """Confirm that this driver is the owner, and give a sign of life if it is time to.

        Raises:
            OwnershipError: If another driver has become the owner.
        """
        self.ownership.renew()

    def proof(self) -> tuple[str, str]:
        """Return the name of this driver's ``owner-<n>.json``, and its token."""
        return self.ownership.proof()

    def release(self) -> None:
        """Let other drivers own the directory at once."""
        self.ownership.release()

    def write_experiment(self, record: Mapping[str, Json]) -> None:
        """Write ``maggy.json``, which says what the experiment is, and its state."""
        self._replace("maggy.json", encode_json(record, indent=2))

    def read_experiment(self) -> dict[str, Json]:
        """Return the content of ``maggy.json``; empty if it is damaged, but trials are recorded.

        Raises:
            ResumeError: If it is missing or damaged, and no trial is recorded.
        """
        path = f"{self.directory}/maggy.json"
        try:
            return parse_experiment(self._files.read_bytes(path))
        except (FileNotFoundError, IsADirectoryError, ValueError) as error:
            if self._trials.has_record():
                return {}
            raise ResumeError(
                f"{without_credentials(path)} must hold the experiment's record, but it cannot be "
                f"read: {error}."
            ) from error

    def set_aside_experiment(self) -> None:
        """Rename a damaged ``maggy.json`` to ``maggy.json.damaged-1`` and so on."""
        set_aside(self._files, self.directory, "maggy.json")

    def write_hparams_space(self, parameters: Iterable[HparamsParameter], metric: str) -> None:
        """Write the event file that tells TensorBoard what is searched, before the first trial.

        Args:
            parameters: The hyperparameters; for an ablation ``ablated_feature`` and
                ``ablated_layer`` as CATEGORICAL with their labels.
            metric: The name of the metric that is optimized.
        """
        self._trials.metric = metric
        self._events.write_space(parameters, metric)

    def write_result(self, result: Mapping[str, Json], rows: Iterable[Mapping[str, Json]]) -> None:
        """Write ``result.json``, and ``.summary.json`` with the scalars of successful trials.

        Args:
            result: The content of ``result.json``.
            rows: One mapping for each trial, with the keys ``params``, ``outputs`` and ``metric``.
        """
        self._replace("result.json", encode_json(result, indent=2))
        combinations: list[Json] = [
            {"parameters": _scalars(row["params"]), "outputs": _scalars(row["outputs"])}
            for row in rows
            if row["metric"] is not None
        ]
        self._replace(".summary.json", encode_json({"combinations": combinations}))

    def log(self, line: str) -> None:
        """Add a line, with the time, to ``maggy.log``."""
        self.append_log(log_line(line, self._clock()))

    def append_log(self, text: str) -> None:
        """Add lines, as they are, to ``maggy.log``."""
        self._append("maggy.log", text)

    def log_executor(self, partition: int, worker_number: int, text: str) -> None:
        """Add text, as it is, to the log of one worker."""
        self._append(f"executor_{partition}_{worker_number}.log", text)

    def begin_trial(self, trial: Trial) -> None:
        """Make the directory of a trial, with its parameters. An earlier end stays for now."""
        self._trials.write_beginning(trial)

    @property
    def shows_points(self) -> bool:
        """Whether TensorBoard is installed, and the store can append to a file."""
        return self._events.show_points

    def append_points(self, trial_id: str, points: Sequence[TimedPoint]) -> None:
        """Add new points of a running trial to its event file."""
        self._trials.append_points(trial_id, points)

    def restart_trial(self, trial_id: str) -> None:
        """Have the next points of a trial replace the earlier ones in TensorBoard."""
        self._events.restart(trial_id)

    def append_output(self, trial_id: str, text: str) -> None:
        """Add text that the training function printed, as it is, to the trial's ``output.log``."""
        self._trials.append_output(trial_id, text)

    def append_running(self, text: str) -> None:
        """Add lines to ``running-<owner>-<n>.jsonl``."""
        self._running.append(text)

    def replace_running(self, text: str) -> None:
        """Write the lines to ``running-<owner>-<n>.jsonl`` with the next n, and remove the last."""
        self._running.replace(text)

    def remove_running(self) -> None:
        """Remove all ``running-*.jsonl``, also those of earlier owners."""
        self._running.remove()

    def end_trial(self, trial: Trial) -> None:
        """Write how a trial ended, in place of an earlier end, and its beginning if it is missing.

        A failed trial has neither ``.outputs.json`` nor ``.metric``.
        """
        self._trials.write_end(trial)

    def interrupted_ids(self) -> list[str]:
        """Return the names of the directories of trials that have not ended, in order."""
        return self._trials.interrupted_ids()

    def read_trials(self) -> tuple[list[Trial], list[str]]:
        """Return the trials that have ended, in the order of their ends, and damaged directories.

        A damaged directory (its ``trial.json`` is torn, or not this trial's) gets another name,
        ``<id>.damaged-1`` and so on, and its trial counts as not run. Directories of trials that
        have not ended are left alone.

        Raises:
            OwnershipError: If another driver has become the owner since this one claimed it.
        """
        return self._trials.read(before_each=self.renew_ownership)

    def _replace(self, name: str, data: bytes) -> None:
        self._files.write_bytes(f"{self.directory}/{name}", data, atomic=True)

    def _append(self, name: str, text: str) -> None:
        self._logs.append(f"{self.directory}/{name}", encode_text(text))


def _scalars(values: Json) -> dict[str, Json]:
    items = values.items() if isinstance(values, dict) else ()
    return {name: value for name, value in items if isinstance(value, (str, int, float))}
