"""The methods of a result that open the checkpoints of its trials."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maggy.checkpoints import Checkpoint
from maggy.checkpoints.keeping import read_checkpoint_record
from maggy.checkpoints.saved import CheckpointPair, SavedCheckpoint, path_of
from maggy.checkpoints.transfer import download
from maggy.common.exceptions import BadArgumentsError, CheckpointError, NotSupportedError
from maggy.common.files import AnyFiles
from maggy.common.keras_session import import_keras
from maggy.common.types import Json
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    import keras

__all__ = ["CheckpointAccess"]

_KERAS_MODEL = "model.keras"
"""The file in which :class:`maggy.callbacks.KerasCheckpoint` saves a model with its optimizer."""


class CheckpointAccess:
    """Open the checkpoints that the trials of an experiment have saved.

    Attributes:
        trials: See :class:`~maggy.result.ExperimentResult`, like the others.
        directory: The directory of the experiment, or None.
        record: The content of ``maggy.json``.
    """

    trials: list[TrialRow]
    directory: str | None
    record: dict[str, Json]

    def checkpoint(self, trial: str | int | TrialRow) -> Checkpoint:
        """Return the newest checkpoint of a trial.

        Unless the config had ``keep_checkpoints="all"``, a finished experiment has only those of
        its best trial.

        Args:
            trial: The id of the trial, its number, or one of ``trials``.

        Returns:
            The checkpoint in a folder on this machine, which is deleted when Python ends.

        Raises:
            BadArgumentsError: If there is no such trial.
            CheckpointError: If the trial has no checkpoint, or it is damaged.
            NotSupportedError: If the result has no directory, or the URL of the checkpoints has
                credentials, which are not recorded.
        """
        trial_id = self._find_id(trial)
        return self._fetch(trial_id, self._pair(trial_id).newest)

    def best_checkpoint(self) -> Checkpoint:
        """Return the checkpoint of the best trial with the best metric, or else its newest one.

        Returns:
            The checkpoint in a folder on this machine, which is deleted when Python ends.

        Raises:
            CheckpointError: If the best trial has no checkpoint, or it is damaged.
            NotSupportedError: If no trial has a metric, or the result has no directory.
        """
        values: Mapping[str, Any] = self if isinstance(self, Mapping) else {}
        best_id = values.get("best_id")
        if best_id is None:
            raise NotSupportedError(
                "There must be a best trial to have a checkpoint, but no trial has a metric."
            )
        pair = self._pair(best_id)
        return self._fetch(best_id, pair.best or pair.newest)

    def best_model(self) -> keras.Model:
        """Return the Keras model in the checkpoint of :meth:`best_checkpoint`.

        Raises:
            CheckpointError: If there is no such checkpoint, or it holds no whole Keras model.
            MissingDependencyError: If Keras is not installed.
            NotSupportedError: If no trial has a metric, or the result has no directory.
        """
        framework = import_keras("A saved Keras model")
        checkpoint = self.best_checkpoint()
        path = checkpoint / _KERAS_MODEL
        if not path.exists():
            raise CheckpointError(
                "best_model() opens what KerasCheckpoint(reporter) saves, the file "
                f"{_KERAS_MODEL}, but the checkpoint of step {checkpoint.step} has none. "
                "best_checkpoint() returns its folder."
            )
        model: keras.Model = framework.saving.load_model(path)
        return model

    def _find_id(self, trial: str | int | TrialRow) -> str:
        key = trial.get("trial_id") if isinstance(trial, Mapping) else trial
        for row in self.trials:
            if key is not None and key in (row["trial_id"], row.get("number")):
                return str(row["trial_id"])
        raise BadArgumentsError(
            "A trial must be given by its id, its number, or as one of result.trials, but got "
            f"{trial!r:.80}."
        )

    def _pair(self, trial_id: str) -> CheckpointPair:
        if self.directory is None:
            raise NotSupportedError(
                "Checkpoints lie in the directory of the experiment, but this result has none. "
                "Open the experiment with maggy.load."
            )
        return read_checkpoint_record(AnyFiles(), f"{self.directory}/{trial_id}").pair

    def _fetch(self, trial_id: str, saved: SavedCheckpoint | None) -> Checkpoint:
        if saved is None:
            raise CheckpointError(
                f"Trial {trial_id} has no checkpoint. Training functions save them with "
                "reporter.checkpoint(step). A finished experiment keeps only those of its best "
                'trial, unless the config has keep_checkpoints="all".'
            )
        root = self.record.get("checkpoint_root", self.directory)
        if "***" in str(root):
            raise NotSupportedError(
                "Checkpoints can be opened where their URL needs no credentials, which are not "
                f"recorded, but these are in {root}. Copy the folder "
                f"{path_of(trial_id, saved.name)} from there."
            )
        folder = Path(tempfile.mkdtemp(prefix="maggy-checkpoint-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        download(AnyFiles(), f"{root}/{path_of(trial_id, saved.name)}", folder)
        return Checkpoint(folder, saved.step, saved.metric)
