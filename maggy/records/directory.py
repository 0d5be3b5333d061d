"""The experiment directory: what is written there and when, and reading it back.

When records are due, and on which thread they are written, others decide.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from maggy.common.exceptions import MaggyError, RecordsError, ResumeError
from maggy.common.files import Files, is_url
from maggy.common.json_values import closest, to_plain
from maggy.records.events import EventMaker, find_event_maker
from maggy.records.ownership import Ownership
from maggy.records.process import Process
from maggy.records.reading import in_order_of_ends, parse_ended_trial, parse_experiment
from maggy.trial import Trial

__all__ = ["ExperimentStore"]

_DAMAGED = ".damaged-"


class ExperimentStore:
    """One experiment's directory, ``<root>/<app_id>_<run_id>``; made by :meth:`create` or :meth:`open`.

    ``trial.json`` is written last and atomically, so a trial is recorded wholly or not at all, and a resumed
    experiment believes nothing else. The other files of a trial are for people and tools. All but the reading
    methods are meant for one thread, and raise ``OSError`` when the file system refuses.

    Who creates the directory owns it; who opens it must :meth:`claim` it first. See :mod:`maggy.records.ownership`.

    Attributes:
        directory: The path or URL.
        app_id: The application that runs the experiment.
        run_id: Counts the application's experiments, from 1.
        experiment_id: ``<app_id>_<run_id>``.
        events_available: Whether TensorBoard event files are written, that is, whether tensorboard is installed.
        ownership: Whether this driver owns the directory; to be checked before each write.
    """

    def __init__(
        self,
        files: Files,
        directory: str,
        app_id: str,
        run_id: int,
        events: EventMaker | None,
        clock: Callable[[], float] = time.time,
        process: Process | None = None,
    ) -> None:
        self.directory = directory
        self.app_id = app_id
        self.run_id = run_id
        self.experiment_id = f"{app_id}_{run_id}"
        self.events_available = events is not None
        self._files = files
        self._events = events
        self._clock = clock
        self.ownership = Ownership(files, directory, clock=clock, process=process)
        now = clock()
        self._event_file = f"events.out.tfevents.{int(now)}.maggy"
        self._event_header = events.header(now) if events is not None else b""
        self._metric = "metric"
        self._ended = 0
        self._begun: dict[str, bytes] = {}  # trial -> what its event file holds
        self._recorded: set[str] = set()
        self._continued = False

    @classmethod
    def create(
        cls, files: Files, root: str, app_id: str, names: Callable[[], Iterable[str]] | None = None
    ) -> ExperimentStore:
        """Make the directory of a new experiment. Its run number is the highest existing number plus 1.

        Never use an existing directory. If several processes ask at once, each gets its own directory.

        Args:
            files: Reads and writes in ``root``.
            root: The directory that holds all experiments.
            app_id: The application that runs the experiment.
            names: Return the names that the directory must not have; those in ``root`` if None.

        Raises:
            RecordsError: Nothing can be recorded there.
        """
        try:
            return cls._create(files, root, app_id, names or (lambda: files.list(root)))
        except MaggyError:
            raise
        except Exception as error:  # the libraries of stores have errors of their own
            raise RecordsError(
                f"Experiments must be recorded where files can be written, but in {root} they cannot "
                f"({type(error).__name__}: {error}). Choose another place with log_dir or MAGGY_LOG_DIR, or see to "
                "what this one lacks."
            ) from error

    @classmethod
    def _create(
        cls, files: Files, root: str, app_id: str, names: Callable[[], Iterable[str]]
    ) -> ExperimentStore:
        files.make_directory(root, exist_ok=True)
        run_id = 1 + max((_run_id(name, app_id) for name in names()), default=0)
        while True:
            directory = files.join(root, f"{app_id}_{run_id}")
            try:
                files.make_directory(directory)
                break
            except FileExistsError:  # another process was quicker
                run_id += 1
        store = cls(files, directory, app_id, run_id, find_event_maker())
        # An object store knows a directory only once there is a file in it.
        store.log(f"Experiment {store.experiment_id} is recorded in {directory}.")
        store.claim()
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
        """The directory of an experiment that is to be continued; it belongs to its owner until it is claimed.

        Args:
            files: Reads and writes there.
            root: The directory in which experiments are looked up by name.
            experiment: The experiment's id (``<app_id>_<run_id>``) or its directory.
            resolve: Return the full path of a directory that the user has named; None for a path from the working
                directory, or a URL.
            clock, process: The driver's; see :class:`maggy.records.ownership.Ownership`.

        Raises:
            ResumeError: There is no such experiment; the message names those that there are.
        """
        given = os.fspath(experiment)
        name = given.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]
        app_id, _, number = name.rpartition("_")
        if app_id and number.isascii() and number.isdigit():
            below = [] if "://" in given else [files.join(root, given)]
            for directory in (*below, (resolve or _full_path)(given)):
                if files.exists(files.join(directory, "maggy.json")):
                    store = cls(
                        files, directory, app_id, int(number), find_event_maker(), clock, process
                    )
                    store._continued = True
                    return store
        known = [
            each for each in files.list(root) if files.exists(files.join(root, each, "maggy.json"))
        ]
        shown = ", ".join(known[-20:]) if known else "none"
        raise ResumeError(
            f"An experiment to resume must be one that is recorded (<application>_<number>), but there is no "
            f"{given!r}. In {root} there are: {shown}.{closest(name, known)}"
        )

    def trial_directory(self, trial_id: str) -> str:
        """The directory of a trial, whether or not it is there yet."""
        return self._files.join(self.directory, trial_id)

    # Who may write.

    def claim(self) -> None:
        """Become the owner of the directory, and remove the temporary files of earlier ones.

        Raises:
            OwnershipError: Another driver owns it.
        """
        self.ownership.take()
        if self._continued:
            self._files.remove_temporary(self.directory)

    def release(self) -> None:
        """Let other drivers own the directory at once."""
        self.ownership.release()

    # What the experiment as a whole records.

    def write_experiment(self, record: Mapping[str, Any]) -> None:
        """Writes ``maggy.json``: what the experiment is, and its state."""
        self._write("maggy.json", _json(record, indent=2), atomic=True)

    def read_experiment(self) -> dict[str, Any]:
        """Reads ``maggy.json``; empty if it is damaged, but trials are recorded beside it.

        Raises:
            ResumeError: It is missing or damaged, and no trial is recorded.
        """
        path = f"{self.directory}/maggy.json"
        try:
            return parse_experiment(self._files.read_bytes(path))
        except (FileNotFoundError, IsADirectoryError, ValueError) as error:
            trials = (
                f"{self.directory}/{name}/trial.json" for name in self._files.list(self.directory)
            )
            if any(map(self._files.exists, trials)):
                return {}
            raise ResumeError(
                f"{path} must hold the experiment's record, but it cannot be read: {error}."
            ) from error

    def write_hparams_space(self, parameters: Iterable[Mapping[str, Any]], metric: str) -> None:
        """Writes the event file that tells TensorBoard what is searched; call it before the first trial.

        Args:
            parameters: Dicts with ``name``, ``type`` and ``values``, as iterating over a Searchspace gives; for an
                ablation ``ablated_feature`` and ``ablated_layer`` as CATEGORICAL with their labels.
            metric: The name of the metric that is optimized.
        """
        self._metric = metric
        if self._events is not None:
            content = self._event_bytes(self._events.experiment, parameters, metric)
            self._write(self._event_file, self._event_header + content)

    def write_result(self, result: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
        """Write ``result.json`` and ``.summary.json``, which holds the scalars of every trial that succeeded.

        Args:
            result: The content of ``result.json``.
            rows: One mapping for each trial, with the keys ``params``, ``outputs`` and ``metric``.
        """
        self._write("result.json", _json(result, indent=2), atomic=True)
        combinations = [
            {"parameters": _scalars(row["params"]), "outputs": _scalars(row["outputs"])}
            for row in rows
            if row["metric"] is not None
        ]
        self._write(".summary.json", _json({"combinations": combinations}), atomic=True)

    def log(self, line: str) -> None:
        """Adds a line, with the time, to ``maggy.log``."""
        now = self._clock()
        stamp = (
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03d}"
        )
        self._append("maggy.log", f"{stamp} {line}\n")

    def log_executor(self, partition: int, attempt: int, text: str) -> None:
        """Adds text, as it is, to the log of one worker."""
        self._append(f"executor_{partition}_{attempt}.log", text)

    # What each trial records.

    def begin_trial(self, trial: Trial) -> None:
        """Makes the trial's directory with its parameters; what an earlier attempt recorded stays until it ends."""
        content = self._open_trial(trial)
        if content:
            self._write(f"{trial.trial_id}/{self._event_file}", content)

    def append_output(self, trial_id: str, text: str) -> None:
        """Adds what the training function printed, as it is, to the trial's ``output.log``."""
        try:
            self._append(f"{trial_id}/output.log", text)
        except FileNotFoundError:  # the output may be written before the trial's beginning is
            self._files.make_directory(f"{self.directory}/{trial_id}", exist_ok=True)
            self._append(f"{trial_id}/output.log", text)

    def end_trial(self, trial: Trial) -> None:
        """Records how the trial ended, in place of an earlier end, and first its beginning if that is not recorded yet.

        A failed trial has neither ``.outputs.json`` nor ``.metric``.
        """
        if trial.trial_id not in self._begun:
            self._open_trial(trial)
        self._write_end(trial)
        self._recorded.add(trial.trial_id)
        del self._begun[trial.trial_id]

    def read_trials(self) -> tuple[list[Trial], list[str]]:
        """The trials that have ended, in the order in which they did, and the names of damaged directories.

        A damaged directory (a ``trial.json`` that is torn or not this trial's) gets another name, ``<id>.damaged-1``
        and so on, and the trial counts as not run. Directories of trials that had not ended are left alone.
        """
        ended: list[tuple[int | None, Trial]] = []
        damaged: list[str] = []
        for name in self._files.list(self.directory):
            if _DAMAGED in name:
                continue
            self.ownership.check()  # this may take minutes
            try:
                data = self._files.read_bytes(f"{self.directory}/{name}/trial.json")
                ended.append(parse_ended_trial(name, data))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (IsADirectoryError, ValueError):
                damaged.append(name)
                self.set_aside(name)
        self._recorded.update(trial.trial_id for _, trial in ended)
        self._ended = max([self._ended, *(place + 1 for place, _ in ended if place is not None)])
        return [trial for _, trial in in_order_of_ends(ended)], damaged

    def _open_trial(self, trial: Trial) -> bytes:
        """What is done at a trial's beginning but for its event file, whose content is returned and kept."""
        self._files.make_directory(f"{self.directory}/{trial.trial_id}", exist_ok=True)
        self._write(f"{trial.trial_id}/.hparams.json", _json(trial.params))
        content = b""
        if self._events is not None:
            content = self._event_header + self._event_bytes(self._events.session_start, trial)
        self._begun[trial.trial_id] = content
        return content

    def _write_end(self, trial: Trial) -> None:
        again = (
            self._continued or trial.trial_id in self._recorded
        )  # there may be files of an earlier end
        if trial.status == Trial.FINALIZED and trial.final_metric is not None:
            outputs = (
                trial.outputs if trial.outputs is not None else {self._metric: trial.final_metric}
            )
            self._write(
                f"{trial.trial_id}/.outputs.json",
                _json({"log": "output.log", **outputs}),
                atomic=again,
            )
            self._write(
                f"{trial.trial_id}/.metric", repr(trial.final_metric).encode(), atomic=again
            )
        elif again:  # before the record, so that a failed trial is never seen with a metric
            for name in (".outputs.json", ".metric"):
                self._files.remove(f"{self.directory}/{trial.trial_id}/{name}")
        if self._events is not None:
            # Written anew, not appended to: so it can be tried again, and every store can do it.
            content = self._begun[trial.trial_id] + self._event_bytes(
                self._events.session_end, trial, self._metric
            )
            self._write(f"{trial.trial_id}/{self._event_file}", content)
            if trial.trial_id in self._recorded:  # TensorBoard shows the first end that it finds
                self._remove_older_events(trial.trial_id)
        # Two trials can end in the same instant, so their order is a number of its own.
        text = f'{trial.to_json()[:-1]}, "ended": {self._ended}}}'
        self._write(f"{trial.trial_id}/trial.json", text.encode(), atomic=True)
        self._ended += 1

    def _remove_older_events(self, trial_id: str) -> None:
        directory = self.trial_directory(trial_id)
        for name in self._files.list(directory):
            if name.startswith("events.") and name.endswith(".maggy") and name != self._event_file:
                self._files.remove(f"{directory}/{name}")

    def _event_bytes(self, make: Callable[..., bytes], *args: Any) -> bytes:
        """What TensorBoard will show; nothing if its format cannot hold it, which must not cost a trial its record."""
        try:
            return make(*args, self._clock())
        except (ValueError, TypeError, OverflowError) as error:
            self.log(f"TensorBoard cannot show a part of this experiment: {error}")
            return b""

    def set_aside(self, name: str) -> None:
        """Give a damaged file or directory of the experiment another name."""
        names = self._files.list(self.directory)
        number = 1
        while f"{name}{_DAMAGED}{number}" in names:
            number += 1
        self._files.rename(f"{self.directory}/{name}", f"{self.directory}/{name}{_DAMAGED}{number}")

    def _write(self, name: str, data: bytes, atomic: bool = False) -> None:
        self._files.write_bytes(f"{self.directory}/{name}", data, atomic)

    def _append(self, name: str, text: str) -> None:
        # A training function may print what is not valid Unicode; that must not cost the rest.
        self._files.append_bytes(
            f"{self.directory}/{name}", text.encode("utf-8", "backslashreplace")
        )


def _run_id(name: str, app_id: str) -> int:
    """The run number in a directory's name; 0 if it is not one of this application's experiments."""
    number = name[len(app_id) + 1 :]
    return (
        int(number)
        if name.startswith(f"{app_id}_") and number.isascii() and number.isdigit()
        else 0
    )


def _json(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    return json.dumps(to_plain(value), allow_nan=False, indent=indent).encode()


def _scalars(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        key: value for key, value in (values or {}).items() if isinstance(value, (str, int, float))
    }


def _full_path(path: str) -> str:
    return path.rstrip("/") if is_url(path) else os.path.abspath(path)
