"""Turn the events of an experiment into calls of the record store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from maggy.checkpoints.keeping import CheckpointKeeper
from maggy.common.credentials import without_secrets_of
from maggy.common.exceptions import OwnershipError
from maggy.core.experiment_driver.checkpoint_book import Saving
from maggy.core.experiment_driver.instructions import Points
from maggy.core.experiment_driver.output import OutputBuffer
from maggy.core.experiment_driver.running_log import RunningLog
from maggy.core.messages import WorkerId
from maggy.records.contract import RecordStore
from maggy.records.event_files import TimedPoint
from maggy.records.log_lines import log_line
from maggy.records.ownership import RENEW_SECONDS
from maggy.records.writer import RecordWriter
from maggy.result import ExperimentResult
from maggy.trial import Trial

__all__ = ["Recorder"]


MANY_CHARACTERS = 4 * 2**20
"""When this many characters of output wait, they are written at once."""


class Recorder:
    """Write the records of an experiment without making any thread wait.

    When another driver owns the directory, nothing more is written.

    Args:
        store: The store of the records.
        on_error: Called with a sentence when records cannot be written. The experiment continues in
            memory.
        keeper: Records which checkpoints count; None if nobody does.

    Attributes:
        lost: The error that names the other driver that owns the directory; None while this driver
            owns it.
    """

    def __init__(
        self,
        store: RecordStore,
        on_error: Callable[[str], None],
        keeper: CheckpointKeeper | None = None,
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._writer = RecordWriter(
            self._tell_error, guard=self._renew_ownership, guard_seconds=RENEW_SECONDS
        )
        self._on_error = on_error
        self._output = OutputBuffer()
        self._running = RunningLog(store)
        self._are_points_due = False
        self._lock = threading.Lock()
        self.lost: OwnershipError | None = None
        self._when_lost: Callable[[OwnershipError], None] | None = None
        self._beginnings: dict[str, Trial] = {}  # running trials whose beginning is not written yet
        # Points of running trials that TensorBoard does not show yet, and when the first one came.
        self._points: dict[str, tuple[float, list[TimedPoint]]] = {}
        self._file_numbers: dict[WorkerId, int] = {}
        self._worker_counts: dict[int, int] = {}  # by partition
        self._is_hurried = False
        self.experiment_id = store.experiment_id

    def _tell_error(self, text: str) -> None:
        self._on_error(without_secrets_of(self._store.directory, text))

    def when_lost(self, call: Callable[[OwnershipError], None]) -> None:
        """Have a function called when another driver owns the directory.

        The writer's thread calls it. If the directory is lost already, this thread calls it now.
        """
        with self._lock:
            self._when_lost, error = call, self.lost
        if error is not None:
            call(error)

    def trial_directory(self, trial_id: str) -> str:
        """Return the directory of a trial's records."""
        return self._store.trial_directory(trial_id)

    def log(self, text: str) -> None:
        """Add a line to ``maggy.log``."""
        # Through the same buffer as the lines of trials, so that all lines stay in order.
        self._output.add(self._store.append_log, text=log_line(text, time.time()))
        self._writer.submit(self._output.flush, self._store.append_log)

    def log_soon(self, text: str) -> None:
        """Add a line to ``maggy.log``, together with others that come within a moment."""
        self._add(self._store.append_log, text=log_line(text, time.time()))

    def tell(self, text: str) -> None:
        """Add a line to ``maggy.log``, and show it to the user."""
        self._on_error(text)
        with suppress(RuntimeError):  # the writer of an experiment that is over is closed
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

    def worker_registered(self, worker: WorkerId, host: str, pid: int) -> None:
        """Begin the log of a worker.

        The number in its file name counts the workers of its partition over all Spark jobs.
        """
        partition = worker.partition
        number = self._worker_counts[partition] = self._worker_counts.get(partition, -1) + 1
        self._file_numbers[worker] = number
        text = (
            f"Worker {partition} (Spark job {worker.job}, attempt {worker.attempt}) on {host}, "
            f"process {pid}\n"
        )
        self._add(self._store.log_executor, partition, number, text=text)

    def lines(self, trial_id: str, worker: WorkerId, lines: list[str]) -> None:
        """Write lines of a trial to its ``output.log`` and to the log of its worker."""
        self._add(self._store.append_output, trial_id, text="\n".join(lines) + "\n")
        number = self._file_numbers.get(worker, 0)
        text = "".join(f"{trial_id} {line}\n" for line in lines)
        self._add(self._store.log_executor, worker.partition, number, text=text)

    def trial_begins(self, trial: Trial) -> None:
        """Record that a trial begins. For a trial that ends soon, only its end is written."""
        self._beginnings[trial.trial_id] = trial
        self._running.begin(trial)
        self._writer.sweep(self._sweep)

    def points_came(self, points: Points) -> None:
        """Have the points of running trials recorded before long. They are in the trials by then.

        The policy thread calls it just before it gives the points to their trial.
        """
        if points.last:  # the end of a trial is recorded with all its points
            return
        if points.times and self._store.shows_points:
            with self._lock:
                if points.trial_id not in self._points:
                    self._points[points.trial_id] = time.monotonic(), []
                waiting_points = self._points[points.trial_id][1]
                waiting_points += [
                    (*point, at) for point, at in zip(points.points, points.times, strict=True)
                ]
        self._write_points_later()

    def checkpoints_saved(self, saving: Saving) -> None:
        """Record which checkpoints of a trial count, and then remove the others."""
        keeper = self._keeper
        if keeper is not None:
            self._writer.submit(
                keeper.record, saving.trial, saving.pair, saving.steps, saving.values
            )
            self._writer.submit(keeper.remove, saving.trial.trial_id, saving.replaced, saving.pair)

    def clear_checkpoints(self, trial_ids: Iterable[str], best: Trial | None) -> None:
        """Remove the checkpoints of all trials but the best one, since the experiment is over."""
        if self._keeper is not None:
            best_id = None if best is None else best.trial_id
            self._writer.submit(self._keeper.clear, list(trial_ids), best_id)

    def trial_given_back(self, trial: Trial, text: str) -> None:
        """Record that a trial has left its worker and has not ended."""
        self._running.give_back(trial.trial_id)
        with self._lock:
            self._points.pop(trial.trial_id, None)
        self._writer.submit(self._store.restart_trial, trial.trial_id)
        self._writer.submit(self._store.log, text)
        self._add(self._store.append_output, trial.trial_id, text=f"--- {text} ---\n")

    def trial_paused(self, trial: Trial, text: str, saving: Saving | None) -> None:
        """Record that a trial has left its worker and may go on later."""
        if self._keeper is not None and saving is not None:
            record = partial(self._keeper.record, paused=True)
            self._writer.submit(record, trial, saving.pair, saving.steps, saving.values)
        self.trial_given_back(trial, text)

    def trial_ended(self, trial: Trial) -> None:
        """Record the end of a trial, after its output."""
        with self._lock:
            self._beginnings.pop(trial.trial_id, None)
            self._points.pop(trial.trial_id, None)
        self._running.end(trial.trial_id)
        self._writer.submit(self._output.flush, self._store.append_output, trial.trial_id)
        self._writer.submit(self._store.end_trial, trial)

    def close(self) -> None:
        """Wait until everything is written, and release the directory.

        What is recorded of running trials is removed.
        """
        with suppress(RuntimeError):  # it is closed already
            self._writer.submit(self._running.remove)
        if self._writer.close():
            # If the store is away, the next driver waits until this one has been silent for a
            # minute.
            with suppress(Exception):
                self._store.release()

    def _add(self, append: Callable[..., None], *file: str | int, text: str) -> None:
        self._output.add(append, *file, text=text)
        if self._output.characters > MANY_CHARACTERS and not self._is_hurried:
            self._is_hurried = True
            self._writer.submit(self._write_output)
        self._writer.sweep(self._sweep)

    # Everything below runs on the writer's thread.

    def _renew_ownership(self) -> None:
        try:
            self._store.renew_ownership()
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
            try:
                self._write_beginnings()
            finally:
                self._running.write(with_points=False)

    def _write_points(self) -> None:
        # Reset before the writing: points that come meanwhile must cause another call.
        self._are_points_due = False
        try:
            self._running.write(with_points=True)
        finally:
            self._write_event_points()

    def _write_event_points(self) -> None:
        """Show points in TensorBoard. A trial that ends soon is written at its end only."""
        latest = time.monotonic() - self._store.points_seconds
        for trial_id, (since, points) in list(self._points.items()):
            if not points:
                continue
            if since > latest or trial_id in self._beginnings:
                self._write_points_later()
                continue
            count = len(points)
            self._store.append_points(trial_id, points[:count])
            with self._lock:
                del points[:count]

    def _write_points_later(self) -> None:
        """Have the points written after a while. May be called from any thread."""
        if self._are_points_due:
            return
        self._are_points_due = True
        with suppress(RuntimeError):  # the experiment is over: the ends have all points
            self._writer.call_later(self._write_points, self._store.points_seconds)

    def _write_output(self) -> None:
        # Reset before the writing: output that comes meanwhile must cause another call.
        self._is_hurried = False
        self._output.flush_all()

    def _write_beginnings(self) -> None:
        for trial_id, trial in list(self._beginnings.items()):
            if trial_id not in self._beginnings:  # it has ended meanwhile
                continue
            try:
                self._store.begin_trial(trial)
            except BaseException:
                # Move the trial to the end, so that it does not hold up the others the next time.
                with self._lock:
                    if self._beginnings.pop(trial_id, None) is not None:
                        self._beginnings[trial_id] = trial
                raise
            self._beginnings.pop(trial_id, None)
