"""A CatBoost callback that keeps CatBoost's snapshots, with which a training continues itself."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, Protocol

from maggy.callbacks.checkpoint_saving import OnlyTraining, SavingReporter
from maggy.common.exceptions import BadArgumentsError, EarlyStopException
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["CatBoostCheckpoint"]

_FILE = "snapshot"
_POSITION = "iterations.json"
"""The file with the number of iterations that were trained."""


class _Iteration(Protocol):
    """The part of CatBoost's information that the callback uses."""

    iteration: int


class CatBoostCheckpoint(OnlyTraining):
    """Save CatBoost's snapshot after iterations, so that the next run continues the training.

    CatBoost hands no model to a callback, but it writes snapshots and begins with one. The
    arguments ``**save.snapshot`` of ``fit()`` let it write one in each iteration, into a temporary
    folder where the saved one lies already. ``iterations`` is the number of all iterations, and may
    grow between two runs: then set ``learning_rate``, whose default depends on it. Every other
    parameter and the data must be the same, and ``allow_writing_files`` must be true.

    A snapshot has the random generator and the metrics of all iterations. So the continued model is
    the same, to the bit, with sampling, too. Writing it takes time for each row of the data. For
    large data set ``snapshot_interval``, in seconds, behind ``**save.snapshot``: an iteration
    without a new snapshot saves nothing.

    **Put it before CatBoostRound.** The snapshot that lies there when CatBoost calls its callbacks
    is of the iteration before. So the checkpoint is, too, and the last iteration has none.

    One ``fit()`` of a training function can have the callback. If the driver pauses the trial at a
    checkpoint, ``fit()`` ends with the trees that it has, as for an early stop.

    Example:
        >>> def train(depth, reporter):
        ...     from catboost import CatBoostClassifier
        ...     from maggy.callbacks import CatBoostCheckpoint, CatBoostRound
        ...
        ...     save, report = CatBoostCheckpoint(reporter), CatBoostRound(reporter)
        ...     model = CatBoostClassifier(iterations=50, depth=depth)
        ...     model.fit(
        ...         x, y, eval_set=(x_valid, y_valid), callbacks=[save, report], **save.snapshot
        ...     )

    Args:
        reporter: The argument ``reporter`` of the training function.
        every: Number of iterations between two checkpoints, at least 1. Every iteration from which
            on ``reporter.should_checkpoint`` is true is saved, too.

    Raises:
        BadArgumentsError: If ``every`` is no whole number of at least 1. During ``fit()``, if it
            was not given the snapshot, or the callback comes after one that reports. It is then the
            context of a ``CatBoostError`` with its text, as each error of a callback.
        MissingDependencyError: If CatBoost is not installed.
        NotSupportedError: During ``fit()``, if it is the second one with this reporter.
    """

    _unit = "iterations"
    _arguments = "**save.snapshot to fit()"

    def __init__(self, reporter: SavingReporter, every: int = 10) -> None:
        super().__init__(reporter, every)
        self._folder = tempfile.mkdtemp(prefix="maggy-catboost-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._snapshot = Path(self._folder, _FILE)
        self._snapshot_mark = self._mark()
        self._last_step = -1.0
        self._last_iteration = 0
        self._saved_iteration = 0

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        # CatBoost accepts any object with the method.
        import_optional("catboost", cls.__name__, install_command("catboost"))
        return ()

    @property
    def snapshot(self) -> dict[str, Any]:
        """The arguments of ``fit()`` that let CatBoost write and continue snapshots."""
        is_first = not self._is_restored
        checkpoint = self._restore()
        if is_first:
            self._last_step = self._reporter.last_step
        if is_first and checkpoint is not None:
            # A copy, since CatBoost writes the next snapshots to the same path.
            shutil.copyfile(checkpoint / _FILE, self._snapshot)
            self._snapshot_mark = self._mark()
            position = json.loads((checkpoint / _POSITION).read_text(encoding="utf-8"))
            self._saved_iteration = position["iterations"]
        return {
            "save_snapshot": True,
            "snapshot_file": str(self._snapshot),
            "snapshot_interval": 0,
        }

    def after_iteration(self, info: _Iteration) -> bool:
        """Save the snapshot if it is time to. CatBoost calls this method.

        Args:
            info: The iteration, from 1.

        Returns:
            Whether the training goes on.
        """
        if self._last_iteration == 0 or info.iteration <= self._last_iteration:
            self._begin_at(info.iteration)
        self._last_iteration = info.iteration
        iteration = info.iteration - 1
        mark = self._mark()
        is_new, self._snapshot_mark = mark != self._snapshot_mark, mark
        is_due = self._is_due(iteration, since=self._saved_iteration)
        if not is_new or iteration <= self._saved_iteration or not is_due:
            return True
        self._saved_iteration = iteration
        try:
            with self._checkpoint(step=iteration - 1) as folder:
                shutil.copyfile(self._snapshot, folder / _FILE)
                position = {"iterations": iteration}
                (folder / _POSITION).write_text(json.dumps(position), encoding="utf-8")
        except EarlyStopException:
            return False
        return True

    def _mark(self) -> tuple[int, int, int]:
        """Return what tells the snapshot that lies there from the one before."""
        if not self._snapshot.exists():
            return 0, 0, 0
        status = self._snapshot.stat()
        # Two iterations may take less time than the clock of a file system can tell apart, but each
        # one adds to the size.
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _begin_at(self, iteration: int) -> None:
        """Note that the training begins with this iteration.

        Raises:
            BadArgumentsError: If it should begin elsewhere, or was reported already.
            NotSupportedError: If it is the second training with this reporter.
        """
        self._begin(is_continued=iteration == self._saved_iteration + 1)
        if self._reporter.last_step != self._last_step:
            raise BadArgumentsError(
                "CatBoostCheckpoint must come before the callback that reports the metric, but "
                "this iteration was reported already. Pass callbacks=[save, report]."
            )
