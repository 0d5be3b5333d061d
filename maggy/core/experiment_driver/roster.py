"""List every worker that has registered, with its run, and the attempts of each Spark task."""

from __future__ import annotations

from dataclasses import dataclass

from maggy.checkpoints.saved import Handover, path_of
from maggy.core.experiment_driver.instructions import (
    Continued,
    DecisionWanted,
    Instruction,
    Lines,
    Points,
    Saved,
)
from maggy.core.experiment_driver.trial_queue import QueuedTrial
from maggy.core.messages import Assign, Failed, Final, Heartbeat, WorkerId

__all__ = ["Roster", "Run", "Worker"]

OVERDUE_SECONDS = 15.0
"""How much longer than ``max_trial_seconds`` a trial may take before the ledger ends it in place of
its worker."""

SHORT_PAUSE_SECONDS = 0.1
"""A shorter pause of the driver is ignored. A driver of many workers often has one, and it changes
nothing."""


@dataclass(slots=True)
class Run:
    """One assignment of one trial to one worker.

    Attributes:
        number: The number of the run, counted over the experiment.
        trial: The trial.
        start: When it was assigned, in monotonic seconds.
        points: Number of points that have arrived.
        handover: The checkpoint that the run was handed; None if there was none.
        lines: Number of lines of output that have arrived.
        checkpoints: Number of checkpoints that have arrived.
        is_continued: The run goes on from the checkpoint that it was handed.
        is_stopping: The worker was told to stop it early.
        is_pausing: The worker was told to pause it.
    """

    number: int
    trial: QueuedTrial
    start: float
    handover: Handover | None = None
    points: int = 0
    lines: int = 0
    checkpoints: int = 0
    is_continued: bool = False
    is_stopping: bool = False
    is_pausing: bool = False

    def is_overdue(self, now: float, limit: float | None) -> bool:
        """Return whether the run exceeds its limit by so much that its worker cannot end it."""
        return limit is not None and now - self.start > limit + OVERDUE_SECONDS

    def assignment(self) -> Assign:
        """Return the message that tells the worker to train."""
        trial = self.trial
        return Assign(self.number, trial.trial_id, trial.params, trial.logdir, self.handover)

    def accept(self, worker: WorkerId, report: Heartbeat | Final | Failed) -> list[Instruction]:
        """Accept the points, lines and checkpoints that have not arrived before, and a question."""
        out: list[Instruction] = []
        news, trial_id = report.checkpoints, self.trial.trial_id
        if news is not None and news.restored and not self.is_continued and self.handover:
            self.is_continued = True
            out.append(Continued(trial_id, self.handover.step))
        # A report may repeat what an earlier one brought: skip up to the first new position.
        start = max(0, self.points - report.first_point)
        points = report.points[start:]
        if points:
            self.points = report.first_point + len(report.points)
            is_last = not isinstance(report, Heartbeat)
            out.append(Points(trial_id, points, is_last, report.times[start:]))
        lines = report.lines[max(0, self.lines - report.first_line) :]
        if lines:
            self.lines = report.first_line + len(report.lines)
            out.append(Lines(trial_id, worker, lines))
        if news is not None and (saved := news.saved[max(0, self.checkpoints - news.first) :]):
            self.checkpoints = news.first + len(news.saved)
            newest = saved[-1]
            # The next run gets it. This run keeps what it was handed.
            self.trial.handover = Handover(
                path_of(trial_id, newest.name), newest.step, newest.metric
            )
            out.append(Saved(trial_id, saved))
        if isinstance(report, Heartbeat) and report.asks:
            out.append(DecisionWanted(trial_id, self.number, self.points))
        return out


@dataclass(slots=True)
class Worker:
    """One attempt of one Spark task.

    Attributes:
        task: The id that Spark gave to the task, with which it can be killed.
        last_seen: When the worker sent its last message, in monotonic seconds.
        run: What it runs; None if it runs nothing.
        is_waiting: It has asked for a trial.
        is_lost: It counts as gone. If it sends a message again, it is back, without its trial.
        is_standby: Another attempt of the same task lives and works.
        has_run: It was assigned a trial at least once.
        is_dismissed: It was told to leave, since there will be no further trial for it. It gets
            none, whatever messages it still sends.
        leave_by: When its run is taken from it, in monotonic seconds, since its executor will be
            taken away; None if it will not.
    """

    identity: WorkerId
    task: int = 0
    last_seen: float = 0.0
    run: Run | None = None
    is_waiting: bool = False
    is_lost: bool = False
    is_standby: bool = False
    has_run: bool = False
    is_dismissed: bool = False
    leave_by: float | None = None

    @property
    def is_live(self) -> bool:
        """Whether the worker is neither lost nor dismissed."""
        return not (self.is_lost or self.is_dismissed)

    @property
    def is_leaving(self) -> bool:
        """Whether its executor will be taken away, so that it gets no further trial."""
        return self.leave_by is not None


class Roster:
    """Keep every worker that has registered, by identity and by Spark task."""

    def __init__(self) -> None:
        self._workers: dict[WorkerId, Worker] = {}
        # (job, partition) -> the attempts of this task, oldest first
        self._tasks: dict[tuple[int, int], list[Worker]] = {}
        # Jobs that have ended. Some of their tasks may live for a few seconds more.
        self._closed_jobs: set[int] = set()

    def __getitem__(self, identity: WorkerId) -> Worker:
        return self._workers[identity]

    def get(self, identity: WorkerId) -> Worker | None:
        """Return the worker, or None if it has never registered."""
        return self._workers.get(identity)

    def add(self, identity: WorkerId, task: int) -> Worker:
        """Add a new worker, and return it."""
        worker = self._workers[identity] = Worker(identity, task)
        self._tasks.setdefault(identity[:2], []).append(worker)
        return worker

    def note_message(self, identity: WorkerId, now: float) -> Worker | None:
        """Note that a worker sent a message, and return it. A worker that counted as lost is back.

        Return None if the worker may not work: it has not registered, it was dismissed, or its job
        has ended.
        """
        worker = self._workers.get(identity)
        if worker is None or worker.is_dismissed or self.is_closed(identity.job):
            return None
        worker.last_seen = now
        if worker.is_lost:
            worker.is_standby = bool(self.rivals(identity))
            worker.is_lost = False
        return worker

    def live(self) -> list[Worker]:
        """Return the workers that are neither lost nor dismissed."""
        return [worker for worker in self._workers.values() if worker.is_live]

    def excuse_pause(self, seconds: float, now: float) -> None:
        """Do not count the last seconds as silence of a worker or as time of a trial.

        In this time the driver could not receive messages.
        """
        if seconds < SHORT_PAUSE_SECONDS:
            return
        for worker in self.live():
            worker.last_seen = min(now, worker.last_seen + seconds)
            if worker.run is not None:
                worker.run.start = min(now, worker.run.start + seconds)

    def rivals(self, identity: WorkerId) -> list[Worker]:
        """Return the other live attempts of the same Spark task."""
        attempts = self._tasks.get(identity[:2], [])
        return [attempt for attempt in attempts if attempt.is_live and attempt.identity != identity]

    def attempts(self, job: int, partition: int) -> list[Worker]:
        """Return all attempts of a Spark task, oldest first."""
        return list(self._tasks.get((job, partition), []))

    def dismiss(self, identity: WorkerId) -> list[Worker]:
        """Dismiss all live attempts of a worker's task, so that the task ends, and return them."""
        leaving = [self._workers[identity], *self.rivals(identity)]
        for worker in leaving:
            worker.is_dismissed, worker.is_waiting = True, False
        return leaving

    def has_left(self, job: int, partition: int) -> bool:
        """Return whether the worker of a task was dismissed. Spark does not retry such a task."""
        return any(worker.is_dismissed for worker in self._tasks.get((job, partition), []))

    def close(self, job: int) -> None:
        """Close a Spark job that has ended: its workers do not count any more."""
        self._closed_jobs.add(job)

    def is_closed(self, job: int) -> bool:
        """Return whether a Spark job has ended."""
        return job in self._closed_jobs
