"""Who works: every worker the driver has heard of, what each runs, and which stand in for each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maggy.core.experiment_driver.instructions import Instruction, Lines, Points, WorkerId
from maggy.core.messages import Assign, Failed, Final, Report

__all__ = ["Assignable", "Roster", "Run", "Worker"]

OVERDUE_SECONDS = 15.0
"""How much longer than ``max_trial_seconds`` a trial may take before its worker counts as unable to
end it."""

IMPORTANT_SECONDS = 0.1
"""A shorter time in which the driver could not run changes nothing, and a driver of many workers often has one."""


@dataclass(slots=True)
class Assignable:
    """A trial as far as assigning it goes. ``losses``: how many workers it has cost."""

    trial_id: str
    params: dict[str, Any]
    logdir: str
    losses: int = 0


@dataclass(slots=True)
class Run:
    """One assignment of one trial to one worker, and how many points and lines of it have arrived."""

    number: int
    trial: Assignable
    began: float
    points: int = 0
    lines: int = 0
    stopping: bool = False

    def is_overdue(self, now: float, limit: float | None) -> bool:
        """Whether the run takes so much longer than its limit that its worker cannot end it."""
        return limit is not None and now - self.began > limit + OVERDUE_SECONDS

    def assignment(self) -> Assign:
        """The message that tells the worker to train."""
        return Assign(self.number, self.trial.trial_id, self.trial.params, self.trial.logdir)

    def take(self, worker: WorkerId, report: Report) -> list[Instruction]:
        """Accept the part of a report that is new."""
        out: list[Instruction] = []
        points = report.points[max(0, self.points - report.first_point) :]
        if points:
            self.points = report.first_point + len(report.points)
            out.append(Points(self.trial.trial_id, points, isinstance(report, (Final, Failed))))
        lines = report.lines[max(0, self.lines - report.first_line) :]
        if lines:
            self.lines = report.first_line + len(report.lines)
            out.append(Lines(self.trial.trial_id, worker, lines))
        return out


@dataclass(slots=True)
class Worker:
    """One attempt of one Spark task.

    Attributes:
        task: What Spark calls it, to have it killed by.
        waiting: It has asked for a trial.
        lost: It counts as gone; if it speaks again it is back, without its trial.
        standby: Another attempt of the same task lives and works.
        served: It was given a trial at least once.
        dismissed: It was told to leave, since it could get no further trial. It gets none, whatever it still says.
    """

    identity: WorkerId
    task: int = 0
    last_seen: float = 0.0
    run: Run | None = None
    waiting: bool = False
    lost: bool = False
    standby: bool = False
    served: bool = False
    dismissed: bool = False


class Roster:
    """Every worker that has registered, by identity and by Spark task."""

    def __init__(self) -> None:
        self._workers: dict[WorkerId, Worker] = {}
        self._tasks: dict[
            tuple[int, int], list[Worker]
        ] = {}  # (job, partition) -> its attempts, oldest first
        self._over: set[int] = (
            set()
        )  # jobs that ended; tasks of theirs may live for some seconds more

    def __getitem__(self, identity: WorkerId) -> Worker:
        return self._workers[identity]

    def get(self, identity: WorkerId) -> Worker | None:
        """The worker, or None if it has never registered."""
        return self._workers.get(identity)

    def add(self, identity: WorkerId, task: int) -> Worker:
        """Take up a worker that is new."""
        worker = self._workers[identity] = Worker(identity, task)
        self._tasks.setdefault(identity[:2], []).append(worker)
        return worker

    def seen(self, identity: WorkerId, now: float) -> Worker | None:
        """The worker that spoke; None if it is none of ours. One that was taken for lost is back."""
        worker = self._workers.get(identity)
        if worker is None or worker.dismissed or self.is_over(identity.job):
            return None
        worker.last_seen = now
        if worker.lost:
            worker.standby = bool(self.rivals(identity))
            worker.lost = False
        return worker

    def live(self) -> list[Worker]:
        """The workers that are neither lost nor dismissed."""
        return [
            worker for worker in self._workers.values() if not (worker.lost or worker.dismissed)
        ]

    def leave_out(self, seconds: float, now: float) -> None:
        """Leave the last seconds out of every worker's silence and every trial's time."""
        if seconds < IMPORTANT_SECONDS:
            return
        for worker in self.live():
            worker.last_seen = min(now, worker.last_seen + seconds)
            if worker.run is not None:
                worker.run.began = min(now, worker.run.began + seconds)

    def rivals(self, identity: WorkerId) -> list[Worker]:
        """The other live attempts of the same Spark task."""
        attempts = self._tasks.get(identity[:2], [])
        return [
            each
            for each in attempts
            if not (each.lost or each.dismissed) and each.identity != identity
        ]

    def attempts(self, job: int, partition: int) -> list[Worker]:
        """All attempts of a Spark task, oldest first."""
        return list(self._tasks.get((job, partition), []))

    def dismiss(self, identity: WorkerId) -> list[Worker]:
        """Let a worker's task end: all live attempts of it leave. Returns them."""
        leaving = [self._workers[identity], *self.rivals(identity)]
        for worker in leaving:
            worker.dismissed, worker.waiting = True, False
        return leaving

    def has_left(self, job: int, partition: int) -> bool:
        """Whether the worker of a Spark task was dismissed, so that its task ends without being started again."""
        return any(worker.dismissed for worker in self._tasks.get((job, partition), []))

    def is_dismissed(self, identity: WorkerId) -> bool:
        worker = self._workers.get(identity)
        return worker is not None and worker.dismissed

    def close(self, job: int) -> None:
        """A Spark job is over: its workers no longer count, whatever they still say."""
        self._over.add(job)

    def is_over(self, job: int) -> bool:
        return job in self._over
