"""What the driver records and when: each event becomes a call of the store, made by the writer's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from maggy.common.exceptions import OwnershipError
from maggy.core.experiment_driver.instructions import WorkerId
from maggy.core.experiment_driver.output import OutputBuffer
from maggy.records.directory import ExperimentStore
from maggy.records.ownership import RENEW_SECONDS
from maggy.records.writer import RecordWriter
from maggy.result import ExperimentResult
from maggy.trial import Trial

__all__ = ["Recorder"]


MUCH_OUTPUT = 4 * 2**20
"""When so many characters of output wait, they are written without a rest in between."""


class Recorder:
    """Writes an experiment's records without making anyone wait.

    Once another driver owns the directory nothing more is written.

    Args:
        store: The experiment's directory.
        on_error: Told in a sentence when records cannot be written; the experiment goes on in memory.

    Attributes:
        lost: Which other driver owns the directory; None while this one does.
    """

    def __init__(self, store: ExperimentStore, on_error: Callable[[str], None]) -> None:
        self._store = store
        self._writer = RecordWriter(on_error, guard=self._check_owner, guard_seconds=RENEW_SECONDS)
        self._on_error = on_error
        self._output = OutputBuffer()
        self._lock = threading.Lock()
        self.lost: OwnershipError | None = None
        self._when_lost: Callable[[OwnershipError], None] | None = None
        self._beginnings: dict[str, Trial] = {}  # of trials that have not ended; not yet written
        self._attempts: dict[WorkerId, int] = {}
        self._tries: dict[int, int] = {}
        self._hurried = False
        self.experiment_id = store.experiment_id

    def when_lost(self, call: Callable[[OwnershipError], None]) -> None:
        """Have ``call`` told once another driver owns the directory, on the writer's thread or now."""
        with self._lock:
            self._when_lost, lost = call, self.lost
        if lost is not None:
            call(lost)

    def trial_directory(self, trial_id: str) -> str:
        """Where a trial's records are."""
        return self._store.trial_directory(trial_id)

    def log(self, text: str) -> None:
        """Add a line to ``maggy.log``."""
        self._writer.submit(self._store.log, text)

    def tell(self, text: str) -> None:
        """Add a line to ``maggy.log``, and say it to the user too."""
        self._on_error(text)
        with suppress(RuntimeError):  # an experiment that is over writes no more
            self.log(text)

    def experiment(self, record: dict[str, Any]) -> None:
        """Write ``maggy.json``."""
        self._writer.submit(self._store.write_experiment, record)

    def hparams(self, parameters: list[dict[str, Any]], metric: str) -> None:
        """Write the search space for TensorBoard."""
        self._writer.submit(self._store.write_hparams_space, parameters, metric)

    def result(self, result: ExperimentResult) -> None:
        """Write ``result.json`` and ``.summary.json``."""
        self._writer.submit(self._store.write_result, result, result.trials)

    def worker_registered(
        self, job: int, partition: int, attempt: int, host: str, pid: int
    ) -> None:
        """Begin a worker's log. Its file counts the workers that the partition has had, over all Spark jobs."""
        number = self._tries[partition] = self._tries.get(partition, -1) + 1
        self._attempts[WorkerId(job, partition, attempt)] = number
        text = f"Worker {partition} (Spark job {job}, attempt {attempt}) on {host}, process {pid}\n"
        self._add(self._store.log_executor, partition, number, text=text)

    def lines(self, trial_id: str, worker: WorkerId, lines: list[str]) -> None:
        """Write what a trial printed, to its own output and to its worker's log."""
        self._add(self._store.append_output, trial_id, text="\n".join(lines) + "\n")
        number = self._attempts.get(worker, 0)
        marked = "".join(f"{trial_id} {line}\n" for line in lines)
        self._add(self._store.log_executor, worker.partition, number, text=marked)

    def trial_begins(self, trial: Trial) -> None:
        """Record that a trial begins; of one that ends before there is time for that, only the end is written."""
        self._beginnings[trial.trial_id] = trial
        self._writer.sweep(self._sweep)

    def trial_given_back(self, trial: Trial, text: str) -> None:
        self._writer.submit(self._store.log, text)
        self._add(self._store.append_output, trial.trial_id, text=f"--- {text} ---\n")

    def trial_ended(self, trial: Trial) -> None:
        """Record how a trial ended, after what it printed."""
        with self._lock:
            self._beginnings.pop(trial.trial_id, None)
        self._writer.submit(self._output.flush, self._store.append_output, trial.trial_id)
        self._writer.submit(self._store.end_trial, trial)

    def close(self) -> None:
        """Wait until everything is written, and give the directory back."""
        if self._writer.close():
            with suppress(
                Exception
            ):  # the store is away: the next driver waits until this one is silent
                self._store.release()

    def _add(self, append: Callable[..., None], *file: Any, text: str) -> None:
        self._output.add(append, *file, text=text)
        if self._output.characters > MUCH_OUTPUT and not self._hurried:
            self._hurried = True
            self._writer.submit(self._write_much)
        self._writer.sweep(self._sweep)

    # From here on everything runs on the writer's thread.

    def _check_owner(self) -> None:
        try:
            self._store.ownership.check()
        except OwnershipError as error:
            self._writer.abandon()
            with self._lock:
                self.lost, call = error, self._when_lost
            if call is not None:
                call(error)
            raise

    def _sweep(self) -> None:
        try:
            self._output.flush_all()
        finally:
            self._write_beginnings()

    def _write_much(self) -> None:
        self._hurried = False  # before it begins, so that what comes meanwhile asks for another
        self._output.flush_all()

    def _write_beginnings(self) -> None:
        for trial_id, trial in list(self._beginnings.items()):
            if trial_id not in self._beginnings:  # it has ended since
                continue
            try:
                self._store.begin_trial(trial)
            except BaseException:
                with self._lock:  # the last one the next time, so that it holds up no other
                    if self._beginnings.pop(trial_id, None) is not None:
                        self._beginnings[trial_id] = trial
                raise
            self._beginnings.pop(trial_id, None)
