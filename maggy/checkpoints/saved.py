"""Which checkpoints of a trial count, and which of them are kept.

A checkpoint counts once its manifest is written and the driver knows of it. The driver then writes
it down, so that a resumed experiment finds it without listing a store.
"""

from __future__ import annotations

import math

import msgspec

from maggy.checkpoints.manifest import check_name
from maggy.common.direction import Direction
from maggy.common.exceptions import CheckpointError
from maggy.common.files import Files

__all__ = ["FOLDER", "Kept", "SavedCheckpoint", "read_kept", "write_kept"]

FOLDER = "checkpoints"
"""The name of the folder in that of the trial."""
_RECORD = "checkpoints.json"


class SavedCheckpoint(msgspec.Struct, array_like=True, frozen=True):
    """A checkpoint on the store.

    Attributes:
        step: The step of the training.
        metric: The last metric that was broadcast before; None if there was none.
        name: Its directory in that of the trial's checkpoints.
        size: Number of bytes.
        seconds: How long the upload took.
    """

    step: int
    metric: float | None
    name: str
    size: int = 0
    seconds: float = 0.0


class Kept(msgspec.Struct):
    """The checkpoints of a trial that are kept: the newest one, and the one with the best metric.

    Example:
        >>> kept = Kept()
        >>> kept.add(SavedCheckpoint(1, 0.9, "1/a"), Direction.parse("max"))
        []
        >>> kept.add(SavedCheckpoint(2, 0.7, "2/a"), Direction.parse("max"))
        []
        >>> [old.step for old in kept.add(SavedCheckpoint(3, 0.8, "3/a"), Direction.parse("max"))]
        [2]

    Attributes:
        newest: The newest one; None if there is none.
        best: The one with the best metric, and of equal ones the newest; None if none has one.
    """

    newest: SavedCheckpoint | None = None
    best: SavedCheckpoint | None = None

    def add(self, checkpoint: SavedCheckpoint, direction: Direction) -> list[SavedCheckpoint]:
        """Add a checkpoint, and return those that are not kept any more.

        Args:
            checkpoint: The checkpoint, which becomes the newest one.
            direction: The direction in which the metric improves.
        """
        before = [self.newest, self.best]
        self.newest = checkpoint
        metric, best = checkpoint.metric, self.best
        if metric is not None and math.isfinite(metric):
            is_worse = (
                best is not None
                and best.metric is not None
                and direction.is_better(best.metric, than=metric)
            )
            self.best = best if is_worse else checkpoint
        kept_names = {kept.name for kept in (self.newest, self.best) if kept is not None}
        return list(
            {
                old.name: old for old in before if old is not None and old.name not in kept_names
            }.values()
        )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Kept)


def write_kept(files: Files, trial_directory: str, kept: Kept) -> None:
    """Write down which checkpoints of a trial count.

    Args:
        files: Writes there.
        trial_directory: The path or URL of the trial. It must exist.
        kept: The checkpoints.

    Raises:
        OSError: If the store refuses.
    """
    files.write_bytes(f"{trial_directory}/{_RECORD}", _encoder.encode(kept), atomic=True)


def read_kept(files: Files, trial_directory: str) -> Kept:
    """Return which checkpoints of a trial count; none if nothing is written down.

    Args:
        files: Reads there.
        trial_directory: The path or URL of the trial.

    Raises:
        CheckpointError: If the record is damaged, or names a directory elsewhere.
        OSError: If the store refuses.
    """
    try:
        kept = _decoder.decode(files.read_inside(trial_directory, _RECORD))
    except FileNotFoundError:
        return Kept()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IsADirectoryError) as error:
        raise CheckpointError(
            f"The record of the checkpoints in {trial_directory} is damaged: {error}"
        ) from error
    for checkpoint in (kept.newest, kept.best):
        if checkpoint is not None:
            check_name(checkpoint.name)
    return kept
