"""Which checkpoints of a trial count, and which of them are kept.

A checkpoint counts once its manifest is written and the driver knows of it. The driver then writes
it down, so that a resumed experiment finds it without listing a store.
"""

from __future__ import annotations

import math

import msgspec

from maggy.common.direction import Direction

__all__ = [
    "FOLDER",
    "CheckpointNews",
    "CheckpointPair",
    "Handover",
    "SavedCheckpoint",
    "path_of",
]

FOLDER = "checkpoints"
"""The name of the folder in that of the trial."""


class SavedCheckpoint(msgspec.Struct, array_like=True, frozen=True):
    """A checkpoint on the store.

    Attributes:
        step: The step of the training.
        metric: The last metric that was broadcast before; None if there was none.
        name: Its directory in that of the trial's checkpoints.
        size: Number of bytes.
        seconds: How long the upload took.
        training_seconds: The time since the previous checkpoint of the run, or since its begin.
    """

    step: int
    metric: float | None
    name: str
    size: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0


class Handover(msgspec.Struct, array_like=True, frozen=True):
    """The checkpoint that the driver hands to a run.

    Attributes:
        directory: Its path below the place of the experiment's checkpoints; or a whole path or URL.
        step: The step of the training.
        metric: The last metric that was broadcast before; None if there was none.
    """

    directory: str
    step: int
    metric: float | None


class CheckpointNews(msgspec.Struct, array_like=True, frozen=True):
    """What a run tells the driver of its checkpoints.

    Attributes:
        restored: The run goes on from the checkpoint that it was handed.
        first: The position of ``saved[0]`` among the checkpoints of the run, counted from 0.
        saved: The checkpoints from there on.
    """

    restored: bool
    first: int
    saved: list[SavedCheckpoint]


class CheckpointPair(msgspec.Struct):
    """The checkpoints of a trial that are kept: the newest one, and the one with the best metric.

    Example:
        >>> pair = CheckpointPair()
        >>> pair.add(SavedCheckpoint(1, 0.9, "1/a"), Direction.parse("max"))
        []
        >>> pair.add(SavedCheckpoint(2, 0.7, "2/a"), Direction.parse("max"))
        []
        >>> [old.step for old in pair.add(SavedCheckpoint(3, 0.8, "3/a"), Direction.parse("max"))]
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
        pair_names = {one.name for one in (self.newest, self.best) if one is not None}
        return list(
            {
                old.name: old for old in before if old is not None and old.name not in pair_names
            }.values()
        )


def path_of(trial_id: str, name: str) -> str:
    """Return the path of a checkpoint below the place of the experiment's checkpoints.

    Args:
        trial_id: The trial that has saved it.
        name: The name of the checkpoint.
    """
    return f"{trial_id}/{FOLDER}/{name}"
