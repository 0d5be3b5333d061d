"""The part that the callbacks with checkpoints have in common: when to save, and at which step."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Protocol
from weakref import WeakSet

from maggy.callbacks.framework_callback import FrameworkCallback
from maggy.common.exceptions import BadArgumentsError, NotSupportedError
from maggy.common.json_values import as_number

__all__ = ["CheckpointSaving", "OnlyTraining", "SavedState", "SavingReporter"]


class SavedState(Protocol):
    """The part of a Checkpoint that a callback uses."""

    def __truediv__(self, name: str) -> Path: ...

    def __fspath__(self) -> str: ...


class SavingReporter(Protocol):
    """The part of a Reporter that a callback with checkpoints uses."""

    @property
    def last_step(self) -> float:
        """The step of the last broadcast; -1 before the first."""

    @property
    def should_checkpoint(self) -> bool:
        """Whether to save now, since the executor will be taken away."""

    def checkpoint(self, step: int) -> AbstractContextManager[Path]:
        """Give an empty folder; what is in it at the end of the block is saved."""

    def restore(self) -> SavedState | None:
        """Return the checkpoint to continue; None if there is none."""


class CheckpointSaving(FrameworkCallback):
    """Save a checkpoint when it is time to, at the step that was reported last."""

    _unit: ClassVar[str]
    """What is counted between two checkpoints, such as "epochs"."""

    def __init__(self, reporter: SavingReporter, every: int) -> None:
        super().__init__()
        number = as_number(every)
        if not isinstance(number, int) or number < 1:
            raise BadArgumentsError(
                f"every must be a whole number of {self._unit}, at least 1, but got {every!r:.80}."
            )
        self._reporter = reporter
        self._every = number

    def _is_due(self, count: int, is_last: bool = False, since: int | None = None) -> bool:
        """Return whether to save a checkpoint now.

        Args:
            count: Number of units that have ended.
            is_last: Whether no further one follows.
            since: Number of units that had ended when this was asked before; None for the one
                before ``count``.
        """
        before = count - 1 if since is None else since
        is_regular = count // self._every > before // self._every
        return is_last or is_regular or self._reporter.should_checkpoint

    def _checkpoint(self, step: int) -> AbstractContextManager[Path]:
        """Return the block that saves a checkpoint.

        Args:
            step: Its step if nothing was reported yet.
        """
        last_step = self._reporter.last_step
        return self._reporter.checkpoint(step=step if last_step < 0 else int(last_step))


class OnlyTraining(CheckpointSaving):
    """Save the only training of a training function, which is told where to begin.

    Its framework takes the saved state as an argument. So a training that was not given it would
    save checkpoints in vain: each run would begin at the beginning. That is an error at once, not
    only when the first worker is lost.
    """

    _arguments: ClassVar[str]
    """The arguments that let the training begin there, if the callback is ``save``; for errors."""

    def __init__(self, reporter: SavingReporter, every: int) -> None:
        super().__init__(reporter, every)
        self._saved: SavedState | None = None
        self._is_restored = False

    def _restore(self) -> SavedState | None:
        """Return the checkpoint to continue. The reporter is asked once only."""
        if not self._is_restored:
            self._saved = self._reporter.restore()
            self._is_restored = True
        return self._saved

    def _is_told(self) -> bool:
        """Return whether the training function has asked where to begin."""
        return self._is_restored

    def _begin(self, is_continued: bool) -> None:
        """Note that the training begins.

        Args:
            is_continued: Whether it begins where the checkpoint ends, if there is one.

        Raises:
            BadArgumentsError: If it was not told where to begin, or begins elsewhere.
            NotSupportedError: If it is the second one with this reporter.
        """
        name = type(self).__name__
        if not self._is_told():
            raise BadArgumentsError(
                f"A training with {name} must be given the saved state, or no run of the trial "
                "could continue another one, but it was given none. If the callback is `save`, "
                f"pass {self._arguments}."
            )
        if self._reporter in _REPORTERS:
            raise NotSupportedError(
                f"One training of a training function can have a {name}, but this is the second "
                "one. A checkpoint would not say which of them it belongs to. Save the others "
                "with reporter.checkpoint()."
            )
        if self._saved is not None and not is_continued:
            raise BadArgumentsError(
                f"A training with {name} must begin where the checkpoint ends, but this one begins "
                f"elsewhere. If the callback is `save`, pass {self._arguments}."
            )
        _REPORTERS.add(self._reporter)


_REPORTERS: WeakSet[SavingReporter] = WeakSet()
"""The reporters of the training functions in which a training has begun."""
