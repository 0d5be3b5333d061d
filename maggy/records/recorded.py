"""Read a recorded experiment, whoever wrote it, without a change to anything.

A store that a driver opens sets damaged records aside (:mod:`maggy.records.directory`). Here they
are left where they are, and left out. Nothing that is read is believed to be well-formed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from maggy.common.files import Files
from maggy.common.terminal_text import terminal_line
from maggy.common.types import Json
from maggy.records.ownership import Owner, is_gone, newest_number, owner_file
from maggy.records.process import Process, current_process
from maggy.records.reading import (
    DAMAGED,
    NumberedTrial,
    parse_ended_trial,
    parse_object,
)
from maggy.records.running_files import read_runs
from maggy.records.running_points import RunningTrial
from maggy.records.trial_memory import TrialMemory
from maggy.records.trial_record import is_number
from maggy.trial import Trial

__all__ = ["Overview", "RecordedExperiment", "read_experiment", "read_overview"]

_ENDS = ("FINISHED", "FAILED", "KILLED")
_IS_DAMAGE = (ValueError, IsADirectoryError, PermissionError, RecursionError, MemoryError)
_IS_MISSING = (FileNotFoundError, NotADirectoryError)
_MAX_REASON = 200


@dataclass(frozen=True)
class Overview:
    """What the records say about an experiment as a whole.

    Attributes:
        directory: The path or URL.
        fields: The content of ``maggy.json``; empty if it is missing or damaged.
        state: ``"RUNNING"``, ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``. Killed is also an
            experiment of which no end is recorded, and whose owner is gone.
        result: The content of ``result.json`` if it belongs to the last call; else empty.
        problems: A sentence for each damaged record, which was left out.
    """

    directory: str
    fields: dict[str, Json]
    state: str
    result: dict[str, Json] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def identity(self) -> dict[str, Json]:
        """What must be equal when the experiment is resumed; empty if it is not recorded."""
        identity = self.fields.get("identity")
        return identity if isinstance(identity, dict) else {}

    @property
    def direction(self) -> str:
        """``"max"`` or ``"min"``; ``"max"`` if it is not recorded."""
        return "min" if self.identity.get("direction") == "min" else "max"

    @property
    def optimization_key(self) -> str:
        """The name of the metric; ``"metric"`` if it is not recorded."""
        key = self.identity.get("optimization_key")
        return key if isinstance(key, str) else "metric"

    @property
    def call_start(self) -> float | None:
        """When the last call began, in seconds since the epoch; None if it is not recorded."""
        calls = self.fields.get("runs")
        call = calls[-1] if isinstance(calls, list) and calls else None
        return _time(call.get("began")) if isinstance(call, dict) else None

    @property
    def end(self) -> float | None:
        """When the last call ended, in seconds since the epoch; None if it is not recorded."""
        return _time(self.fields.get("ended"))


@dataclass(frozen=True)
class RecordedExperiment:
    """A recorded experiment with its trials.

    Attributes:
        overview: The experiment as a whole.
        trials: The trials that have ended, in that order.
        beginnings: The parameters, by id, of the trials that run. Only a running experiment has
            any.
        runs: What trials had recorded of themselves while they ran, by id: those that run now, or
            ran when the experiment was killed. Trials that have ended since are left out.
        problems: A sentence for each damaged record, which was left out.
    """

    overview: Overview
    trials: list[Trial]
    beginnings: dict[str, dict[str, Json]]
    problems: list[str]
    runs: dict[str, RunningTrial] = field(default_factory=dict)


def read_overview(
    files: Files,
    directory: str,
    *,
    clock: Callable[[], float] = time.time,
    process: Process | None = None,
) -> Overview:
    """Return what is recorded about an experiment as a whole. Nothing is changed.

    Release 2.0 recorded no owners. So an experiment of that release that has not ended is KILLED,
    although it may still run.

    Args:
        files: Reads there.
        directory: The directory of the experiment.
        clock: Return the seconds since the epoch.
        process: The process that asks; None for the current one.
    """
    reader = _Reader(files, directory)
    fields = reader.read("maggy.json", is_required=True)
    end, has_owner = _recorded_end(fields), True
    if end is None and not _has_owner(reader, clock(), process or current_process()):
        # The end is recorded before the owner goes. It may have gone since the first look.
        reader.problems.clear()
        fields = reader.read("maggy.json", is_required=True)
        end, has_owner = _recorded_end(fields), False
    state = end or ("RUNNING" if has_owner else "KILLED")
    # Until the end of a resumed experiment the result is that of an earlier call.
    result = {} if end is None else reader.read("result.json", is_required=False)
    return Overview(directory, fields, state, result, reader.problems)


def read_experiment(
    files: Files,
    directory: str,
    *,
    clock: Callable[[], float] = time.time,
    process: Process | None = None,
    memory: TrialMemory | None = None,
) -> RecordedExperiment:
    """Return a recorded experiment with its trials. Nothing is changed.

    Args:
        files: Reads there.
        directory: The directory of the experiment.
        clock: Return the seconds since the epoch.
        process: The process that asks; None for the current one.
        memory: What earlier looks at the same experiment have read. It is brought up to date; None
            to read everything.
    """
    # The state comes first: all trials of an experiment that has ended are recorded by then.
    overview = read_overview(files, directory, clock=clock, process=process)
    reader = _Reader(files, directory)
    # The runs come before the ends: a trial that ends between the two is then seen as ended.
    is_running, runs = overview.state == "RUNNING", None
    if overview.state in ("RUNNING", "KILLED"):
        runs = read_runs(files, directory, is_running=is_running)
    memory = TrialMemory() if memory is None else memory
    names = [name for name in files.list(directory) if DAMAGED not in name]
    for name in memory.names_to_read(
        names, call_start=overview.call_start, running=runs or (), is_over=not is_running
    ):
        try:
            memory.keep(name, reader.read_trial(name))
        except _IS_MISSING:
            memory.forget(name)
            if name in memory.beginnings or not is_running:
                continue
            if (params := reader.read_beginning(name)) is not None:
                memory.beginnings[name] = params
            else:
                memory.skip(name)
        except _IS_DAMAGE as error:
            memory.keep_problem(name, _describe(f"{name}/trial.json", error))
    problems = [*overview.problems, *(memory.problems[name] for name in sorted(memory.problems))]
    beginnings: dict[str, dict[str, Json]] = {}
    if is_running:
        beginnings = {name: memory.beginnings[name] for name in names if name in memory.beginnings}
    trials = memory.trials
    if runs is not None:
        runs = _without_ended(runs, names, trials)
        if is_running:
            beginnings = _running_params(runs, beginnings, reader.read_beginning)
    return RecordedExperiment(overview, trials, beginnings, problems, runs or {})


def _without_ended(
    runs: dict[str, RunningTrial], names: Iterable[str], trials: Iterable[Trial]
) -> dict[str, RunningTrial]:
    """Return the runs of trials that have a directory and have not ended.

    A trial that runs again has an earlier end.
    """
    ends = {trial.trial_id: trial.start or 0.0 for trial in trials}
    return {
        name: run
        for name in names
        if (run := runs.get(name)) is not None
        and (name not in ends or (run.start is not None and run.start > ends[name]))
    }


def _running_params(
    runs: Iterable[str],
    beginnings: dict[str, dict[str, Json]],
    read_beginning: Callable[[str], dict[str, Json] | None],
) -> dict[str, dict[str, Json]]:
    """Return the parameters of the trials that run, by id.

    A trial that has begun and is no run has lost its worker, or was begun by an earlier driver.
    """
    params = {
        trial_id: beginnings.get(trial_id) or read_beginning(trial_id) for trial_id in sorted(runs)
    }
    return {trial_id: values for trial_id, values in params.items() if values is not None}


class _Reader:
    """Read files of an experiment, and note the damaged ones.

    Args:
        files: Reads in the directory.
        directory: The directory of the experiment.
    """

    def __init__(self, files: Files, directory: str) -> None:
        self.problems: list[str] = []
        self._files = files
        self._directory = directory

    def read(self, name: str, *, is_required: bool) -> dict[str, Json]:
        """Return the JSON object in a file; an empty one if it is missing or damaged."""
        try:
            return parse_object(self._files.read_inside(self._directory, name))
        except _IS_MISSING:
            if is_required:
                self.problems.append(f"{name} is missing. Its fields are unknown.")
        except _IS_DAMAGE as error:
            self.problems.append(_describe(name, error))
        return {}

    def read_trial(self, name: str) -> NumberedTrial:
        """Return the trial that has ended in the directory of this name."""
        data = self._files.read_inside(self._directory, f"{name}/trial.json")
        parse_object(data)  # to refuse one that is nested too deeply for what shows it
        return parse_ended_trial(name, data)

    def read_beginning(self, name: str) -> dict[str, Json] | None:
        """Return the parameters with which a trial began; None if none are recorded (yet)."""
        try:
            data = self._files.read_inside(self._directory, f"{name}/.hparams.json")
            return parse_object(data)
        except (*_IS_MISSING, *_IS_DAMAGE):  # a driver may be writing it just now
            return None

    def read_owner(self) -> Owner | None:
        """Return the newest owner; None if there is none, or its file is damaged."""
        number = newest_number(self._files.list(self._directory))
        try:
            return Owner.from_json(self._files.read_inside(self._directory, owner_file(number)))
        except (*_IS_MISSING, *_IS_DAMAGE):
            return None


def _time(value: Json) -> float | None:
    return float(value) if is_number(value) else None


def _describe(name: str, error: Exception) -> str:
    """Return a sentence about a damaged record."""
    reason = terminal_line(str(error))[:_MAX_REASON].rstrip(". ")
    return f"{terminal_line(name)} is damaged, and left out: {reason}."


def _recorded_end(fields: dict[str, Json]) -> str | None:
    """Return the state in which the experiment ended; None if no end is recorded."""
    state = fields.get("state")
    return state if isinstance(state, str) and state in _ENDS else None


def _has_owner(reader: _Reader, now: float, process: Process) -> bool:
    owner = reader.read_owner()
    return owner is not None and not is_gone(owner, now, process)
