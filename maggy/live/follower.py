"""Look at a recorded experiment again and again, and read only what is new. It changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import ExperimentNotFoundError, RecordsError
from maggy.common.files import Files
from maggy.live.recorded import make_snapshot
from maggy.live.snapshot import MAX_OUTPUT_LINES, Snapshot
from maggy.records.log_files import read_log
from maggy.records.process import Process
from maggy.records.recorded import RecordedExperiment, read_experiment
from maggy.records.trial_memory import TrialMemory
from maggy.trial import Trial

__all__ = ["Follower", "Look"]

MAX_OUTPUTS = 20
"""Maximum number of running trials whose output is read."""
RECENT_TRIALS = 5
"""Number of ended trials whose output is still shown."""
_MAX_OUTPUT_BYTES = 16 * 2**10


@dataclass(frozen=True)
class Look:
    """What one look at an experiment has found.

    Attributes:
        experiment: The records.
        snapshot: What views draw of them.
        new_ends: The trials that have ended since the look before, in that order. The first look
            has none.
        problems: A sentence for each damaged record that no earlier look has named.
    """

    experiment: RecordedExperiment
    snapshot: Snapshot
    new_ends: list[Trial] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_last(self) -> bool:
        """Whether the experiment has ended, so that nothing changes any more."""
        return self.experiment.overview.state != "RUNNING"


class Follower:
    """Look at one experiment again and again.

    A look lists the directory, and reads the trials that are new. With 10,000 ended trials that
    takes a tenth of a second on a disk.

    Args:
        files: Reads the records.
        directory: The directory of the experiment: a path or a URL.
        has_output: Whether the looks hold the last lines of output.
        clock: Return the seconds since the epoch.
        process: The process that looks; None for the current one.
    """

    def __init__(
        self,
        files: Files,
        directory: str,
        *,
        has_output: bool = True,
        clock: Callable[[], float] = time.time,
        process: Process | None = None,
    ) -> None:
        self.directory = directory
        self.has_output = has_output
        self._files = files
        self._clock = clock
        self._process = process
        self._memory = TrialMemory()
        self._earlier: RecordedExperiment | None = None
        self._is_record_lost = False
        self._runs: set[tuple[str, float | None]] = set()  # of trials that have ended
        self._problems: set[str] = set()
        self._outputs: dict[
            tuple[str, float | None], list[str]
        ] = {}  # of trials that have ended lately

    def look(self) -> Look:
        """Look at the experiment.

        Raises:
            ExperimentNotFoundError: If the directory has been removed since the look before.
            RecordsError: If ``maggy.json`` was there before, and cannot be read now. The next look
                may succeed.
            OSError: If the store refuses. The libraries of stores raise errors of their own, too.
        """
        experiment = self._read()
        snapshot = make_snapshot(
            experiment,
            now=self._clock(),
            has_worker=bool(experiment.trials or experiment.beginnings) or self._has_worker(),
        )
        if self.has_output:
            running_ids = [row["trial_id"] for row in snapshot.running[:MAX_OUTPUTS]]
            snapshot.output.update(self._output_of(running_ids, experiment.trials[-RECENT_TRIALS:]))
        # Nothing fails from here on, so a look that fails loses nothing that is new.
        runs = {(trial.trial_id, trial.start): trial for trial in experiment.trials}
        new_ends = [trial for run, trial in runs.items() if run not in self._runs]
        problems = [text for text in experiment.problems if text not in self._problems]
        is_first, self._earlier = self._earlier is None, experiment
        self._runs = set(runs)
        self._problems.update(problems)
        return Look(experiment, snapshot, [] if is_first else new_ends, problems)

    def _read(self) -> RecordedExperiment:
        experiment = read_experiment(
            self._files,
            self.directory,
            clock=self._clock,
            process=self._process,
            memory=self._memory,
        )
        earlier = self._earlier
        if experiment.overview.fields or earlier is None or not earlier.overview.fields:
            self._is_record_lost = False
            return experiment
        if not self._files.list(self.directory):
            raise ExperimentNotFoundError(
                f"{without_credentials(self.directory)} was removed while it was watched."
            )
        if not self._is_record_lost:  # somebody may be removing the directory just now
            self._is_record_lost = True
            raise RecordsError(
                f"{without_credentials(self.directory)}/maggy.json cannot be read any more."
            )
        # The driver has the content in memory, and writes it again at the end.
        overview = replace(experiment.overview, fields=earlier.overview.fields)
        return replace(experiment, overview=overview)

    def _has_worker(self) -> bool:
        """Return whether any worker has begun its log."""
        return any(name.startswith("executor_") for name in self._files.list(self.directory))

    def _output_of(
        self, running_ids: list[str], trials: list[Trial]
    ) -> Iterator[tuple[str, list[str]]]:
        """Yield the last lines of these trials, by id. That of an ended trial is read once."""
        for trial_id in running_ids:
            if lines := self._last_lines(trial_id):
                yield trial_id, lines
        runs = [(trial.trial_id, trial.start) for trial in trials]
        self._outputs = {
            run: self._outputs[run] if run in self._outputs else self._last_lines(run[0])
            for run in runs
        }
        yield from ((trial_id, lines) for (trial_id, _), lines in self._outputs.items() if lines)

    def _last_lines(self, trial_id: str) -> list[str]:
        try:
            name = f"{trial_id}/output.log"
            data = read_log(self._files, self.directory, name, max_bytes=_MAX_OUTPUT_BYTES)
        except Exception:  # the libraries of stores have errors of their own
            return []
        lines = data.decode(errors="replace").split("\n")
        if len(data) == _MAX_OUTPUT_BYTES and len(lines) > 1:
            del lines[0]  # the end of a longer line
        return [line.rstrip("\r") for line in lines if line][-MAX_OUTPUT_LINES:]
