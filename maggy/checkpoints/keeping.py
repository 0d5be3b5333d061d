"""The driver's side of checkpoints: write down which ones count, and remove the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from maggy.checkpoints.manifest import check_name
from maggy.checkpoints.run import CheckpointPlace
from maggy.checkpoints.saved import FOLDER, CheckpointPair, SavedCheckpoint, path_of
from maggy.common.credentials import without_credentials, without_secrets_of
from maggy.common.exceptions import BadArgumentsError, CheckpointError
from maggy.common.files import Files
from maggy.trial import Trial

__all__ = ["CheckpointKeeper", "CheckpointRecord", "read_checkpoint_record"]

_RECORD = "checkpoints.json"


class _Record(CheckpointPair):
    """The content of ``checkpoints.json``.

    Attributes:
        trial: The trial as in ``trial.json``, with its points up to the newest checkpoint.
    """

    trial: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Record)


@dataclass(frozen=True)
class CheckpointRecord:
    """What is recorded of the checkpoints of a trial.

    Attributes:
        pair: The checkpoints.
        trial: The trial with its points up to the newest one; None if there is none.
    """

    pair: CheckpointPair
    trial: Trial | None = None


class CheckpointKeeper:
    """Record the checkpoints of an experiment, and remove those that are not kept.

    The driver's writer calls it. All methods raise ``OSError`` if the store refuses, and can be
    repeated.

    Args:
        files: Reads and writes there.
        place: Where the checkpoints lie.
        trial_directory: Return the directory of a trial's records. It need not exist.
        keep_all: Whether the checkpoints of all trials stay at the end of the experiment.
    """

    def __init__(
        self,
        files: Files,
        place: CheckpointPlace,
        trial_directory: Callable[[str], str],
        *,
        keep_all: bool,
    ) -> None:
        self.place = place
        self._files = files
        self._trial_directory = trial_directory
        self._keep_all = keep_all

    def record(
        self,
        trial: Trial,
        pair: CheckpointPair,
        steps: Sequence[int | float],
        values: Sequence[float],
        *,
        paused: bool = False,
    ) -> None:
        """Write down which checkpoints of a trial count, with what a later driver needs.

        Args:
            trial: The trial. It may get more points meanwhile, or run again without any.
            pair: The checkpoints.
            steps: The steps of its points up to the newest checkpoint.
            values: The values there.
            paused: Whether the trial has left its worker, and does not go on at once.
        """
        directory = self._trial_directory(trial.trial_id)
        copy = _copy(trial, steps, values)
        copy.status = Trial.PAUSED if paused else Trial.RUNNING
        record = _Record(pair.newest, pair.best, json.loads(copy.to_json()))
        self._files.make_directory(directory, exist_ok=True)
        self._files.write_bytes(f"{directory}/{_RECORD}", msgspec.json.encode(record), atomic=True)

    def remove(
        self, trial_id: str, checkpoints: Iterable[SavedCheckpoint], pair: CheckpointPair
    ) -> None:
        """Remove checkpoints that are not kept any more.

        Args:
            trial_id: The trial.
            checkpoints: The checkpoints.
            pair: Those of the trial that are kept.

        Raises:
            CheckpointError: If a name leads elsewhere.
        """
        pair_steps = {one.step for one in (pair.newest, pair.best) if one is not None}
        for checkpoint in checkpoints:
            # What runs that were lost have left at the step goes with it.
            check_name(checkpoint.name)
            is_shared = checkpoint.step in pair_steps
            name = checkpoint.name if is_shared else str(checkpoint.step)
            self._files.remove_folder(f"{self.place.root}/{path_of(trial_id, name)}")

    def read(self, trial_id: str) -> CheckpointRecord:
        """Return what is recorded of a trial of an earlier call.

        Nothing if that is damaged, or the store is away: then the trial begins anew.
        """
        try:
            return read_checkpoint_record(self._files, self._trial_directory(trial_id))
        except Exception:  # the libraries of stores have errors of their own
            return CheckpointRecord(CheckpointPair())

    def clear(self, trial_ids: Iterable[str], best_id: str | None) -> None:
        """Remove the checkpoints of all trials but the best one, unless all are to be kept.

        Args:
            trial_ids: The trials that may have checkpoints.
            best_id: The best trial; None if no trial has a metric. Then all checkpoints stay.
        """
        if self._keep_all or best_id is None:
            return
        for trial_id in trial_ids:
            if trial_id != best_id:
                self._files.remove_folder(f"{self.place.root}/{trial_id}/{FOLDER}")
                self._files.remove(f"{self._trial_directory(trial_id)}/{_RECORD}")


def read_checkpoint_record(files: Files, trial_directory: str) -> CheckpointRecord:
    """Return what is recorded of the checkpoints of a trial; nothing if there is no record.

    Args:
        files: Reads there.
        trial_directory: The path or URL of the trial.

    Raises:
        CheckpointError: If the record is damaged, or names a directory elsewhere.
        OSError: If the store refuses.
    """
    try:
        record = _decoder.decode(files.read_inside(trial_directory, _RECORD))
        trial = None if record.trial is None else Trial.from_json(json.dumps(record.trial))
    except (FileNotFoundError, NotADirectoryError):
        return CheckpointRecord(CheckpointPair())
    except (
        msgspec.DecodeError,
        BadArgumentsError,
        UnicodeDecodeError,
        RecursionError,
        IsADirectoryError,
    ) as error:
        raise CheckpointError(
            f"The record of the checkpoints in {without_credentials(trial_directory)} is damaged: "
            f"{without_secrets_of(trial_directory, str(error))}"
        ) from error
    for checkpoint in (record.newest, record.best):
        if checkpoint is not None:
            check_name(checkpoint.name)
    return CheckpointRecord(CheckpointPair(record.newest, record.best), trial)


def _copy(trial: Trial, steps: Sequence[int | float], values: Sequence[float]) -> Trial:
    """Return a copy of a trial with these points."""
    copy = Trial(trial.params, trial.trial_type, dict(trial.info_dict))
    for name in ("trial_id", "number", "attempts", "start", "worker", "initial_number"):
        setattr(copy, name, getattr(trial, name))
    for step, value in zip(steps, values, strict=True):
        copy.append_point(step, value)
    return copy
