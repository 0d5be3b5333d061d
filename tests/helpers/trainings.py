"""Simulated workers whose reports are real: they train, save checkpoints and go on from them.

Each value names the run that has trained it, and each checkpoint keeps the curve that its training
function saw. So a curve cannot be made of the wrong pieces without notice.
"""

from contextlib import contextmanager
from pathlib import Path

from maggy.checkpoints.checkpoint import Checkpoint
from maggy.checkpoints.saved import SavedCheckpoint, path_of
from maggy.core.executors.heartbeats import Reports
from maggy.core.messages import Abandon, Ack, Assign, Done, Failed, Heartbeat, Pause, Register, Wait

__all__ = ["HonestWorker", "StillClient", "Stored", "Training"]


class Stored:
    """A checkpoint in the store.

    Attributes:
        curve: The curve of the training function up to there.
        is_whole: Its manifest is written.
        is_acknowledged: The ledger has heard of it from the worker that had the trial.
        is_removed: It is not kept any more.
    """

    def __init__(self, trial_id, saved, curve):
        self.trial_id, self.saved, self.curve = trial_id, saved, curve
        self.is_whole = self.is_acknowledged = self.is_removed = False


class Training:
    """A run as its training function sees it: real reports, and checkpoints in a simulated store.

    Attributes:
        own: The points that the run has broadcast itself.
        curve: Those of the checkpoint from which it goes on, and its own.
    """

    def __init__(self, world, worker, assignment):
        self.world, self.worker, self.assignment = world, worker, assignment
        self.handover = assignment.handover
        self.reporter = worker.reports.reporter
        self.reporter.attach(self)
        self.own, self.curve, self.uploads = [], [], []

    @contextmanager
    def save(self, step, metric):
        yield Path()
        name = f"{step}/{len(self.world.store)}"
        saved = SavedCheckpoint(step, metric, name)
        stored = Stored(self.assignment.trial_id, saved, list(self.curve))
        self.world.store[path_of(stored.trial_id, name)] = stored
        # One that waits is replaced; the upload that is under way is finished first.
        self.uploads[1:] = [stored]

    def restore(self):
        stored = self.world.store[self.handover.directory]
        if stored.is_removed:
            assert not self.is_current, "a checkpoint was removed that a run may go on from"
            return None
        self.curve = list(stored.curve)
        return Checkpoint(Path(), self.handover.step, self.handover.metric)

    @property
    def is_current(self):
        """Whether the trial has no other run by now."""
        record = self.world.ledger._roster.get(self.worker.identity)
        return record.run is not None and record.run.number == self.assignment.run

    def train(self):
        step = self.curve[-1][0] + 1 if self.curve else 0
        value = self.assignment.run + step * 7 % 10 / 10  # neither rises nor falls
        self.reporter.broadcast(value, step=step)
        self.own.append((step, value))
        self.curve.append((step, value))

    def ask(self):
        """Restore the checkpoint, unless the run has reported something."""
        if not self.own:
            self.reporter.restore()

    def upload(self):
        """Finish the upload that is under way."""
        if self.uploads:
            stored = self.uploads.pop(0)
            stored.is_whole = True
            if self.worker.training is self:
                self.reporter.add_saved(stored.saved)


class StillClient:
    """A client that has no thread to wake."""

    def wake(self):
        pass

    def is_current_thread(self):
        return True


class HonestWorker:
    """An honest worker. It repeats its request until it gets an answer."""

    def __init__(self, world, identity):
        self.world, self.identity = world, identity
        self.reports = Reports(StillClient())
        self.training = None
        self.is_gone = False
        self.request = [Register.of_this_release("host", 1)]
        self.said = []

    def hear(self, message):
        if isinstance(message, Assign):
            if message.run > self.reports.run and self.training is None:
                self.request = []
                self.reports.begin_run(message.run)
                self.training = Training(self.world, self, message)
        elif isinstance(message, Ack):
            self.reports.acknowledge(message)
        elif isinstance(message, Pause):
            if message.run == self.reports.run:
                self.reports.reporter.pause()
        elif isinstance(message, Wait):
            self.request = []
        elif isinstance(message, Abandon):
            if message.run == self.reports.run and self.training is not None:
                self.end(lambda **report: Failed(reason="abandoned", traceback="", **report))
        elif isinstance(message, Done):
            self.is_gone = True

    def end(self, message):
        """End the training, and report it with all that has not arrived."""
        *parts, (fields, times, checkpoints, _) = self.reports.parts()
        names = ("run", "first_point", "points", "first_line", "lines")
        report = dict(zip(names, fields, strict=True), times=times, checkpoints=checkpoints)
        self.request = [*(part.heartbeat for part in parts), message(**report)]
        self.training = None

    def messages(self):
        if self.request:
            return self.request
        if self.training is None:
            return [Heartbeat(self.reports.run, 0, [], 0, [], True)]
        return self.reports.heartbeats()
