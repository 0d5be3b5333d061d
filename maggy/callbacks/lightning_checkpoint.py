"""A Lightning callback that saves the training after an epoch, so that it can be continued."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from maggy.callbacks.checkpoint_saving import OnlyTraining, SavingReporter
from maggy.callbacks.lightning_callback import LightningCallback
from maggy.callbacks.random_states import random_states, restore_random_states

__all__ = ["LightningCheckpoint"]

_FILE = "training.ckpt"


class _Epochs(Protocol):
    """A part of Lightning's count of epochs."""

    ready: int
    completed: int


class _EpochProgress(Protocol):
    """Lightning's count of epochs: in this ``fit()``, and in all."""

    current: _Epochs
    total: _Epochs


class _FitLoop(Protocol):
    """The part of Lightning's loop over epochs that the callback uses."""

    epoch_progress: _EpochProgress


class _Trainer(Protocol):
    """The part of Lightning's ``Trainer`` that the callback uses."""

    current_epoch: int
    fit_loop: _FitLoop

    def save_checkpoint(self, filepath: Path) -> None: ...


class LightningCheckpoint(OnlyTraining, LightningCallback):
    """Save the training after an epoch of PyTorch Lightning, so that it can be continued.

    The training is continued with ``trainer.fit(..., ckpt_path=save.path)``. The path is None in a
    run that begins at the beginning. ``max_epochs`` is the number of all epochs.

    The checkpoint is Lightning's own: the module, the optimizers, the schedulers and the states of
    the other callbacks, such as the patience of ``EarlyStopping``. With it are the states of the
    shared random generators of Python, numpy and PyTorch, for the order of the rows and dropout. So
    on a CPU the continued training ends with the same weights, to the bit. A generator of your own,
    and the random numbers of a ``DataLoader`` that keeps its workers, begin anew.

    One ``fit()`` of a training function can have it, in the process of the trial (``devices=1``).
    Put it behind ``LightningEpochEnd``, so that the checkpoint is of the epoch that was reported
    last. If the checkpoint is of the last epoch, ``fit()`` trains nothing, and
    ``trainer.callback_metrics`` is empty. So compute the returned metric with
    ``trainer.validate()``.

    Example:
        >>> def train(lr, reporter):
        ...     from lightning import Trainer
        ...     from maggy.callbacks import LightningCheckpoint, LightningEpochEnd
        ...
        ...     report, save = LightningEpochEnd(reporter), LightningCheckpoint(reporter)
        ...     trainer = Trainer(max_epochs=10, devices=1, callbacks=[report, save])
        ...     trainer.fit(Model(lr), train_loader, valid_loader, ckpt_path=save.path)

    Args:
        reporter: The argument ``reporter`` of the training function.
        every: Number of epochs between two checkpoints, at least 1. The last epoch is saved, too,
            and every epoch from which on ``reporter.should_checkpoint`` is true.

    Raises:
        BadArgumentsError: If ``every`` is no whole number of at least 1. During ``fit()``, if it
            was not given the path.
        MissingDependencyError: If Lightning is not installed.
        NotSupportedError: During ``fit()``, if it is the second one with this reporter.
    """

    _unit = "epochs"
    _arguments = "ckpt_path=save.path to fit()"

    def __init__(self, reporter: SavingReporter, every: int = 1) -> None:
        super().__init__(reporter, every)
        self._ended_epoch: int | None = None
        self._random_states: dict[str, Any] | None = None

    @property
    def path(self) -> str | None:
        """The path of Lightning's checkpoint; None in a run that begins at the beginning."""
        checkpoint = self._restore()
        return None if checkpoint is None else str(checkpoint / _FILE)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the shared random generators. Lightning calls this method."""
        return random_states()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the states of a checkpoint. Lightning calls this method.

        Args:
            state_dict: What `state_dict` has returned.
        """
        self._random_states = state_dict

    def on_fit_start(self, trainer: _Trainer, pl_module: object) -> None:
        """Restore the states of the random generators. Lightning calls this method.

        Args:
            trainer: Not used.
            pl_module: Not used.
        """
        # Before the first iterator over the training data draws the order of the rows.
        if self._random_states is not None:
            restore_random_states(self._random_states)

    def on_train_start(self, trainer: _Trainer, pl_module: object) -> None:
        """Check that the training continues the checkpoint. Lightning calls this method.

        Args:
            trainer: Not used.
            pl_module: Not used.
        """
        self._begin(is_continued=self._random_states is not None)
        self._ended_epoch = None

    def on_train_epoch_end(self, trainer: _Trainer, pl_module: object) -> None:
        """Note that an epoch has ended. Lightning calls this method.

        Args:
            trainer: Has the number of the epoch.
            pl_module: Not used.
        """
        # The module's own hook and the schedulers come after this one. LightningEpochEnd reports
        # the epoch after them, too.
        self._ended_epoch = trainer.current_epoch

    def on_train_epoch_start(self, trainer: _Trainer, pl_module: object) -> None:
        """Save the epoch before this one if it is time to. Lightning calls this method.

        Args:
            trainer: Has the state.
            pl_module: Not used.
        """
        self._save_epoch(trainer, is_last=False)

    def on_train_end(self, trainer: _Trainer, pl_module: object) -> None:
        """Save the last epoch. Lightning calls this method.

        Args:
            trainer: Has the state.
            pl_module: Not used.
        """
        self._save_epoch(trainer, is_last=True)

    def _save_epoch(self, trainer: _Trainer, is_last: bool) -> None:
        epoch, self._ended_epoch = self._ended_epoch, None
        if epoch is None or not self._is_due(epoch + 1, is_last):
            return
        with self._checkpoint(step=epoch) as folder, _between_epochs(trainer):
            trainer.save_checkpoint(folder / _FILE)


@contextmanager
def _between_epochs(trainer: _Trainer) -> Iterator[None]:
    """Let the next epoch be one that has not begun.

    Lightning counts it before ``on_train_epoch_start``. A training that continues from there
    believes that the batches of this epoch are done, and leaves them out.
    """
    progress = trainer.fit_loop.epoch_progress
    counts = [progress.current, progress.total]
    before = [count.ready for count in counts]
    for count in counts:
        count.ready = count.completed
    try:
        yield
    finally:
        for count, ready in zip(counts, before, strict=True):
            count.ready = ready
