"""The part of a reporter with which a training function saves and restores checkpoints."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from maggy.checkpoints.checkpoint import Checkpoint
from maggy.checkpoints.saved import CheckpointNews, Handover, SavedCheckpoint
from maggy.common.exceptions import BadArgumentsError, CheckpointError, NotSupportedError
from maggy.common.json_values import as_number

__all__ = ["CheckpointReporter", "TrialCheckpoints"]


class TrialCheckpoints(Protocol):
    """The checkpoints of the run that a reporter belongs to."""

    @property
    def handover(self) -> Handover | None:
        """The checkpoint that the run may restore."""

    def save(self, step: int, metric: float | None) -> AbstractContextManager[Path]:
        """Give an empty folder; what is in it at the end of the block is saved."""

    def restore(self) -> Checkpoint | None:
        """Return the checkpoint that the run was handed."""


class CheckpointReporter(ABC):
    """Pass checkpoints on to the run of the trial, and tell the driver of them.

    It is the base class of :class:`maggy.core.reporter.Reporter`.
    """

    def __init__(self) -> None:
        self._checkpoints: TrialCheckpoints | None = None
        self._restored: Checkpoint | None = None
        self._is_restored = False
        self._checkpoint_lock = threading.Lock()
        self._saved: list[SavedCheckpoint] = []
        self._first_saved = 0
        self._last_step: int | float = -1
        self._last_metric: int | float | None = None
        self._is_pausing = self._is_paused = False
        self._should_checkpoint = False

    @property
    def should_checkpoint(self) -> bool:
        """Whether the training should save a checkpoint now, since its executor will be taken away.

        It becomes true when Spark has announced this, and stays true. After ``preemption_grace``
        seconds of the config the trial is interrupted, and goes on elsewhere from its newest
        checkpoint. The property may be read after every step: it costs nothing.

        Example:
            >>> def train(epochs, reporter):
            ...     for epoch in range(epochs):
            ...         reporter.broadcast(1 / (1 + epoch), step=epoch)
            ...         if reporter.should_checkpoint or epoch % 5 == 0:
            ...             with reporter.checkpoint(epoch) as folder:
            ...                 (folder / "epoch").write_text(str(epoch))
        """
        return self._should_checkpoint

    def ask_for_checkpoint(self) -> None:
        """Let the training function save a checkpoint soon. Any thread may call this."""
        self._should_checkpoint = True

    @contextmanager
    def checkpoint(self, step: int) -> Iterator[Path]:
        """Save the state of the training, so that another run of the trial can go on from there.

        The block writes files into the folder that it is given. When it ends without an exception,
        they are uploaded beside the training. If a checkpoint waits to be uploaded when the next
        one comes, the newer one takes its place.

        Example:
            >>> def train(epochs, reporter):
            ...     start, total = 0, 0
            ...     if (checkpoint := reporter.restore()) is not None:
            ...         start = checkpoint.step + 1
            ...         total = int((checkpoint / "total").read_text())
            ...     for epoch in range(start, epochs):
            ...         total += epoch
            ...         reporter.broadcast(total, step=epoch)
            ...         with reporter.checkpoint(step=epoch) as folder:
            ...             (folder / "total").write_text(str(total))
            ...     return total

        Args:
            step: The step that was trained last, a whole number of at least 0. It must not be below
                the step of an earlier checkpoint.

        Raises:
            BadArgumentsError: If the step is no whole number of at least 0.
            CheckpointError: If this worker does not reach the store of the checkpoints, or the step
                goes backwards.
            EarlyStopException: After the block, if the driver pauses the trial. The next run goes
                on from this checkpoint.
            NotSupportedError: If this is not the process that runs the trial, or no experiment.
        """
        number = as_number(step)
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if not isinstance(number, int) or not 0 <= number < 2**63:
            raise BadArgumentsError(
                "The step of a checkpoint must be a whole number of at least 0, but got "
                f"{step!r:.80}."
            )
        metric = self._last_metric
        if metric is not None and not math.isfinite(metric):
            metric = None
        with self._trial_checkpoints("checkpoint").save(number, metric) as folder:
            yield folder
        # A trial without a metric has nothing to end with if it never goes on.
        if self._is_pausing and metric is not None:
            self._is_paused = True
            self._leave(metric)

    def restore(self) -> Checkpoint | None:
        """Return the state with which the training goes on.

        The trial then keeps the metrics up to the step of the checkpoint. Call it before the first
        broadcast.

        Returns:
            The newest checkpoint of the trial, or of the trial that it continues. None if there is
            none, so the training begins at its beginning. The same one each time.

        Raises:
            CheckpointError: If this worker does not reach the store of the checkpoints, or a metric
                was broadcast before.
            NotSupportedError: If this is not the process that runs the trial, or no experiment.
        """
        checkpoints = self._trial_checkpoints("restore")
        if self._restored is not None or checkpoints.handover is None:
            return self._restored
        if self._last_step != -1:
            raise CheckpointError(
                "reporter.restore() must be called before the first reporter.broadcast(), or steps "
                f"would go backwards, but step {self._last_step} was broadcast already."
            )
        checkpoint = checkpoints.restore()
        if checkpoint is not None:
            self._last_step, self._last_metric = checkpoint.step, checkpoint.metric
            self._restored = checkpoint
            self.note_restored()
        return checkpoint

    def pause(self) -> None:
        """Let the next checkpoint end the run, so that the trial can go on later."""
        self._is_pausing = True

    @property
    def is_pausing(self) -> bool:
        """Whether the driver pauses the trial."""
        return self._is_pausing

    @property
    def is_paused(self) -> bool:
        """Whether a checkpoint has ended the run."""
        return self._is_paused

    @property
    def is_restored(self) -> bool:
        """Whether the run goes on from the checkpoint that it was handed."""
        return self._is_restored

    def note_restored(self) -> None:
        """Tell the driver that the run goes on from the checkpoint that it was handed."""
        self._is_restored = True

    def attach(self, checkpoints: TrialCheckpoints | None) -> None:
        """Save and restore checkpoints of this run from now on; None for no run."""
        self._checkpoints = checkpoints

    def add_saved(self, checkpoint: SavedCheckpoint) -> None:
        """Tell the driver soon that a checkpoint is whole. Any thread may call this."""
        with self._checkpoint_lock:
            self._saved.append(checkpoint)

    def checkpoint_news(self) -> CheckpointNews | None:
        """Return what the driver has not acknowledged; None if there is nothing to tell."""
        if not self._saved and not self._is_restored:
            return None
        with self._checkpoint_lock:
            return CheckpointNews(self._is_restored, self._first_saved, self._saved.copy())

    def acknowledge_checkpoints(self, count: int) -> None:
        """Remove the checkpoints that the driver knows.

        Args:
            count: Number of checkpoints of the run that have arrived.
        """
        with self._checkpoint_lock:
            del self._saved[: max(0, count - self._first_saved)]
            self._first_saved = max(self._first_saved, count)

    def _trial_checkpoints(self, method: str) -> TrialCheckpoints:
        self._check_process(method)
        if self._checkpoints is None:
            raise NotSupportedError(
                f"reporter.{method}() must be called while a trial of an experiment runs, but it "
                "was called outside of one."
            )
        return self._checkpoints

    @abstractmethod
    def _leave(self, metric: int | float) -> None:
        """Raise `EarlyStopException`, now and at each later broadcast."""

    @abstractmethod
    def _check_process(self, method: str) -> None:
        """Raise `NotSupportedError` if this is not the process that runs the trial."""
