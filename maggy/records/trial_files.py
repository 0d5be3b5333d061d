"""Write and read the files of an experiment's trials: each trial has a directory of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from maggy.common.files import Files
from maggy.common.types import Json
from maggy.records.encoding import encode_json, encode_text
from maggy.records.event_files import EventFiles, TimedPoint
from maggy.records.log_files import LogFiles
from maggy.records.reading import DAMAGED, NumberedTrial, parse_ended_trial, sort_by_end
from maggy.trial import Trial, is_directory_name

__all__ = ["TrialFiles", "set_aside"]


class TrialFiles:
    """The files of the trials, in the directory of their experiment.

    ``trial.json`` is written last and atomically, so a trial is recorded wholly or not at all.
    The other files of a trial are for people and tools.

    Args:
        files: Reads and writes in the directory.
        directory: The directory of the experiment.
        events: Writes the event files.
        logs: Writes the output of the trials.
        is_resumed: Whether an earlier driver may have recorded trials there.

    Attributes:
        metric: The name of a single returned number in the outputs of a trial.
    """

    def __init__(
        self,
        files: Files,
        directory: str,
        events: EventFiles,
        logs: LogFiles,
        *,
        is_resumed: bool,
    ) -> None:
        self.metric = "metric"
        self._files = files
        self._directory = directory
        self._events = events
        self._logs = logs
        self._is_resumed = is_resumed
        self._next_number = 0
        self._beginnings: dict[str, bytes] = {}  # of trials that run: what their event file holds
        self._recorded_ids: set[str] = set()
        self._interrupted_ids: set[str] = set()  # an earlier driver has recorded no end of these

    def write_beginning(self, trial: Trial) -> None:
        """Make the directory of a trial, with its parameters. The files of an earlier end stay."""
        beginning = self._begin(trial)
        self._events.write_beginning(trial.trial_id, beginning)

    def append_points(self, trial_id: str, points: Sequence[TimedPoint]) -> None:
        """Add points of a running trial to its event file; no effect before its beginning."""
        beginning = self._beginnings.get(trial_id)
        if beginning is not None:
            self._events.write_points(trial_id, beginning, points)

    def append_output(self, trial_id: str, text: str) -> None:
        """Add text to the ``output.log`` of a trial."""
        path = self._path(trial_id, "output.log")
        data = encode_text(text)
        try:
            self._logs.append(path, data)
        except FileNotFoundError:  # the output may be written before the trial's beginning is
            self._files.make_directory(f"{self._directory}/{trial_id}", exist_ok=True)
            self._logs.append(path, data)

    def write_end(self, trial: Trial) -> None:
        """Write how a trial ended. A failed trial has neither ``.outputs.json`` nor ``.metric``."""
        trial_id = trial.trial_id
        if trial_id not in self._beginnings:
            self._begin(trial)
        # The other files come before the record, so that a recorded trial has all its files, and
        # a failed trial is never seen with a metric.
        self._write_outcome(trial)
        self._events.write_end(
            trial,
            self._beginnings[trial_id],
            self.metric,
            is_repeated=self._is_repeated(trial_id),
        )
        # Two trials can end in the same instant, so their order is a number of its own.
        text = f'{trial.to_json()[:-1]}, "ended": {self._next_number}}}'
        self._files.write_bytes(self._path(trial_id, "trial.json"), text.encode(), atomic=True)
        self._next_number += 1
        self._recorded_ids.add(trial_id)
        del self._beginnings[trial_id]
        self._logs.forget(self._path(trial_id, "output.log"))
        self._events.forget(trial_id)

    def read(self, before_each: Callable[[], None]) -> tuple[list[Trial], list[str]]:
        """Return the trials that have ended, in the order of their ends, and damaged directories.

        A damaged directory (its ``trial.json`` is torn, or not this trial's) gets another name,
        ``<id>.damaged-1`` and so on, and its trial counts as not run. Directories of trials that
        have not ended are left alone.

        Args:
            before_each: Called before each directory is read; reading all may take minutes.
        """
        numbered_trials: list[NumberedTrial] = []
        damaged_names: list[str] = []
        for name in self._files.list(self._directory):
            if DAMAGED in name:
                continue
            before_each()
            try:
                data = self._files.read_bytes(self._path(name, "trial.json"))
                numbered_trials.append(parse_ended_trial(name, data))
            except (FileNotFoundError, NotADirectoryError):
                self._interrupted_ids.add(name)
                continue
            except (IsADirectoryError, ValueError):
                damaged_names.append(name)
                set_aside(self._files, self._directory, name)
        self._recorded_ids.update(trial.trial_id for _, trial in numbered_trials)
        next_numbers = (number + 1 for number, _ in numbered_trials if number is not None)
        self._next_number = max([self._next_number, *next_numbers])
        return sort_by_end(numbered_trials), damaged_names

    def interrupted_ids(self) -> list[str]:
        """Return the ids of trials that had begun and not ended when :meth:`read` looked."""
        return sorted(name for name in self._interrupted_ids if is_directory_name(name))

    def has_record(self) -> bool:
        """Return whether the end of any trial is recorded, whether or not the record is whole."""
        names = self._files.list(self._directory)
        return any(self._files.exists(self._path(name, "trial.json")) for name in names)

    def _begin(self, trial: Trial) -> bytes:
        """Write a trial's beginning without its event file, and return the content of that file."""
        self._files.make_directory(f"{self._directory}/{trial.trial_id}", exist_ok=True)
        self._files.write_bytes(
            self._path(trial.trial_id, ".hparams.json"), encode_json(trial.params), atomic=False
        )
        beginning = self._events.beginning(trial, is_repeated=self._is_repeated(trial.trial_id))
        self._beginnings[trial.trial_id] = beginning
        return beginning

    def _is_repeated(self, trial_id: str) -> bool:
        """Return whether an earlier run of the trial may have left event files."""
        return trial_id in self._recorded_ids or trial_id in self._interrupted_ids

    def _write_outcome(self, trial: Trial) -> None:
        outputs_path = self._path(trial.trial_id, ".outputs.json")
        metric_path = self._path(trial.trial_id, ".metric")
        may_replace = self._is_resumed or trial.trial_id in self._recorded_ids
        if trial.status == Trial.FINALIZED and trial.final_metric is not None:
            outputs: dict[str, Json] = {"log": "output.log"}
            outputs |= {self.metric: trial.final_metric} if trial.outputs is None else trial.outputs
            # A file that replaces an earlier end must not be seen half written; a new one may,
            # since nothing reads it before the record. Not atomic is faster.
            self._files.write_bytes(outputs_path, encode_json(outputs), atomic=may_replace)
            metric = repr(trial.final_metric).encode()
            self._files.write_bytes(metric_path, metric, atomic=may_replace)
        elif may_replace:
            self._files.remove(outputs_path)
            self._files.remove(metric_path)

    def _path(self, trial_id: str, name: str) -> str:
        return f"{self._directory}/{trial_id}/{name}"


def set_aside(files: Files, directory: str, name: str) -> None:
    """Give a damaged file or directory of an experiment another name, ``<name>.damaged-1``."""
    names = files.list(directory)
    number = 1
    while f"{name}{DAMAGED}{number}" in names:
        number += 1
    files.rename(f"{directory}/{name}", f"{directory}/{name}{DAMAGED}{number}")
