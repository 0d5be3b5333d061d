"""Runs of one trial in this process: each continues the newest checkpoint of the one before."""

import contextlib

from maggy.checkpoints import Checkpoint
from maggy.checkpoints.saved import Handover
from maggy.core.reporter import Reporter

__all__ = ["Interruption", "next_run", "saved_steps"]


class Interruption(Exception):
    """The worker is lost."""


class FolderCheckpoints:
    """Keep the checkpoints of a run in a folder. Nothing is uploaded."""

    def __init__(self, folder, checkpoint=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._checkpoint = folder, checkpoint
        self.handover = checkpoint and Handover("", checkpoint.step, checkpoint.metric)
        self.saved = []

    @contextlib.contextmanager
    def save(self, step, metric):
        path = self.folder / f"{len(list(self.folder.iterdir()))}-{step}"
        path.mkdir()
        yield path
        self.saved.append(Checkpoint(path, step, metric))

    def restore(self):
        return self._checkpoint


def next_run(folder, reporter=None):
    """Return the reporter of a run.

    Args:
        folder: Where its checkpoints go.
        reporter: The reporter of the run to continue; None for none.
    """
    run = Reporter()
    saved = [] if reporter is None else reporter._checkpoints.saved
    run.attach(FolderCheckpoints(folder, saved[-1] if saved else None))
    return run


def saved_steps(reporter):
    """Return the steps of the checkpoints that a run has saved."""
    return [checkpoint.step for checkpoint in reporter._checkpoints.saved]
