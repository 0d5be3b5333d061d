"""A Keras callback that saves the training as a checkpoint, and continues a saved one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from maggy.callbacks.checkpoint_saving import CheckpointSaving, SavedState, SavingReporter
from maggy.callbacks.keras_callback import KerasCallback

if TYPE_CHECKING:
    import keras

__all__ = ["KerasCheckpoint"]

_MODEL = "model.keras"
_WEIGHTS = "model.weights.h5"
_POSITION = "keras.json"
"""The file with the number of the ``fit()`` in the training function, the next epoch, and the
shapes with which the model was built."""


class KerasCheckpoint(CheckpointSaving, KerasCallback):
    """Save the model and the optimizer after an epoch, and continue from there.

    When the trial runs again, because its worker was lost, the experiment was resumed or the trial
    was promoted, ``fit()`` loads the saved state and begins with the epoch after it. No other code
    is needed. With several ``fit()`` in the training function those that had ended are left out,
    and the interrupted one continues; each needs a ``KerasCheckpoint`` with the same reporter.

    Put it behind the callback that reports the metric, so that the checkpoint is of the step that
    was reported last. Other callbacks, such as ``keras.callbacks.EarlyStopping``, begin anew.

    Example:
        >>> def train(lr, budget, reporter):
        ...     from maggy.callbacks import KerasCheckpoint, KerasEpochEnd
        ...
        ...     model = make_model(lr)
        ...     report = KerasEpochEnd(reporter, metric="val_accuracy")
        ...     save = KerasCheckpoint(reporter)
        ...     model.fit(x, y, validation_split=0.2, epochs=budget, callbacks=[report, save])

    Args:
        reporter: The argument ``reporter`` of the training function.
        model_and_optimizer: Save the whole model with its optimizer, as ``model.keras``. Otherwise
            only the weights are saved, as ``model.weights.h5``, and the optimizer begins anew. A
            model that Keras cannot save as a whole is saved as weights, with its optimizer.
        every: Number of epochs between two checkpoints, at least 1. The last epoch is saved, too,
            and every epoch from which on ``reporter.should_checkpoint`` is true.

    Raises:
        BadArgumentsError: If ``every`` is no whole number of at least 1.
        MissingDependencyError: If Keras is not installed.
    """

    _unit = "epochs"

    if TYPE_CHECKING:
        model: keras.Model
        params: Mapping[str, object]

    def __init__(
        self, reporter: SavingReporter, model_and_optimizer: bool = True, every: int = 1
    ) -> None:
        super().__init__(reporter, every)
        self._saves_model = model_and_optimizer
        self._fit = 0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Load the saved state, and choose the first epoch. Keras calls this method.

        Args:
            logs: Not used.
        """
        self._fit = _FIT_COUNTS[self._reporter] = _FIT_COUNTS.get(self._reporter, -1) + 1
        checkpoint = self._reporter.restore()
        if checkpoint is None:
            return
        position = json.loads((checkpoint / _POSITION).read_text(encoding="utf-8"))
        if position["fit"] < self._fit:
            return
        if not self.model.built:
            self.model.build_from_config(position["build"])
            self.model.built = True  # Keras leaves this to the first call for a user's own class
        _load(self.model, checkpoint)
        # The same attribute as in Keras' own BackupAndRestore; fit() looks at nothing else.
        is_over = position["fit"] > self._fit
        self.model._initial_epoch = self.params["epochs"] if is_over else position["next_epoch"]

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Let a further ``fit()`` begin where it is told to. Keras calls this method.

        Args:
            epoch: Not used.
            logs: Not used.
        """
        self.model._initial_epoch = 0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Save the state if it is time to. Keras calls this method.

        Args:
            epoch: The number of the epoch.
            logs: Not used.
        """
        if not self._is_due(epoch + 1, is_last=epoch + 1 == self.params["epochs"]):
            return
        with self._checkpoint(step=epoch) as folder:
            self._save(folder)
            position = {
                "fit": self._fit,
                "next_epoch": epoch + 1,
                "build": self.model.get_build_config(),
            }
            (folder / _POSITION).write_text(json.dumps(position), encoding="utf-8")

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Let a further ``fit()`` begin where it is told to. Keras calls this method.

        Args:
            logs: Not used.
        """
        self.model._initial_epoch = 0

    def _save(self, folder: Path) -> None:
        if self._saves_model:
            try:
                self.model.save(folder / _MODEL)
            except (NotImplementedError, TypeError, ValueError):
                # A model of a user's own class that Keras cannot describe. Its state can be saved.
                (folder / _MODEL).unlink(missing_ok=True)
            else:
                return
        self.model.save_weights(folder / _WEIGHTS)


def _load(model: keras.Model, checkpoint: SavedState) -> None:
    optimizer = model.optimizer
    # Only an optimizer that is built has variables into which its state can be loaded.
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)
    path = checkpoint / _MODEL
    model.load_weights(path if os.path.exists(path) else checkpoint / _WEIGHTS)


_FIT_COUNTS: WeakKeyDictionary[SavingReporter, int] = WeakKeyDictionary()
"""The number of the last ``fit()`` with a checkpoint in each training function, from 0."""
