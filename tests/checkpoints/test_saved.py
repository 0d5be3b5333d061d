"""Which checkpoints are kept: the newest and the best one."""

import math

import pytest

from maggy.checkpoints.saved import CheckpointPair, SavedCheckpoint
from maggy.common.direction import Direction


def saved(step, metric):
    return SavedCheckpoint(step, metric, f"{step}/1-1")


def keep(metrics, direction="max"):
    """Return the steps that are kept, and those that were removed, in order."""
    pair, removed = CheckpointPair(), []
    for step, metric in enumerate(metrics):
        removed += [old.step for old in pair.add(saved(step, metric), Direction.parse(direction))]
    return pair.newest.step, pair.best and pair.best.step, removed


@pytest.mark.parametrize(
    ("metrics", "direction", "expected"),
    [
        ([0.5], "max", (0, 0, [])),
        ([0.5, 0.6, 0.7], "max", (2, 2, [0, 1])),
        ([0.7, 0.6, 0.5], "max", (2, 0, [1])),
        ([0.7, 0.6, 0.5], "min", (2, 2, [0, 1])),
        ([0.5, 0.9, 0.6, 0.8, 0.7], "max", (4, 1, [0, 2, 3])),
        ([0.5, 0.5], "max", (1, 1, [0])),
        ([None, None], "max", (1, None, [0])),
        ([0.5, None, math.nan], "max", (2, 0, [1])),
    ],
    ids=["one", "up", "down", "down_min", "mixed", "equal", "no_metric", "nan"],
)
def test_the_newest_and_the_best_are_kept(metrics, direction, expected):
    assert keep(metrics, direction) == expected
