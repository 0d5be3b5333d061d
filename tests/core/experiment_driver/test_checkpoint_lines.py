"""The lines about checkpoints: sizes, and uploads that take longer than the training."""

import pytest

from maggy.checkpoints.saved import CheckpointPair, SavedCheckpoint
from maggy.core.experiment_driver.checkpoint_book import Saving
from maggy.core.experiment_driver.checkpoint_lines import CheckpointLines, size_text
from maggy.trial import Trial

MIB = 2**20


class Parts:
    """A recorder, a progress and a foreground that keep lines."""

    def __init__(self):
        self.logged, self.shown = [], []

    def log_soon(self, line):
        self.logged.append(line)

    def say(self, line):
        self.shown.append(line)

    def post(self, call, line):
        call(line)


def tell(verbose, *checkpoints):
    """Tell of checkpoints, one after the other, and return what is logged and what is shown."""
    parts, trial = Parts(), Trial({"x": 1})
    trial.number = 12
    lines = CheckpointLines(parts, parts, parts, verbose)
    for checkpoint in checkpoints:
        lines.tell(Saving(trial, CheckpointPair(), [], [], [], [checkpoint]))
    return parts.logged, parts.shown


def saved(step, seconds, training_seconds, size=MIB):
    return SavedCheckpoint(step, 0.5, f"{step}/a", size, seconds, training_seconds)


@pytest.mark.parametrize(("verbose", "shown"), [(0, 0), (1, 1), (2, 2)])
def test_each_size_is_logged_and_the_first_one_is_shown(verbose, shown):
    logged, lines = tell(verbose, saved(0, 0.5, 9), saved(1, 0.25, 9, 3 * MIB // 2))
    assert logged == [
        "trial 12: checkpoint of step 0 | 1.0 MiB | 0.5 s",
        "trial 12: checkpoint of step 1 | 1.5 MiB | 0.2 s",
    ]
    assert lines == logged[:shown]


def test_an_upload_that_takes_longer_than_the_training_is_said_once():
    logged, shown = tell(1, saved(0, 1, 2), saved(1, 2.5, 2), saved(2, 9, 2))
    slow = (
        "trial 12: the checkpoint of step 1 took 2.5 s to upload, longer than the 2.0 s of "
        "training before it. Save fewer of them, or less in each."
    )
    assert [line for line in logged if "longer" in line] == [slow]
    assert shown == ["trial 12: checkpoint of step 0 | 1.0 MiB | 1.0 s", slow]


def test_an_upload_that_nobody_notices_is_not_called_slow():
    assert not any("longer" in line for line in tell(2, saved(0, 0.05, 0.01))[0])


def test_sizes_have_the_unit_that_fits():
    sizes = [0, 1, 1023, 1024, MIB - 1, 5 * MIB, 2**40]
    assert [size_text(size) for size in sizes] == [
        "0 bytes",
        "1 byte",
        "1023 bytes",
        "1.0 KiB",
        "1,024.0 KiB",
        "5.0 MiB",
        "1,024.0 GiB",
    ]
