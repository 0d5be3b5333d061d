"""Decide which workers are lost: silent ones, and those of Spark jobs that have ended.

Part of the ledger, and as pure.
"""

from __future__ import annotations

from maggy.core.experiment_driver.assignments import Assignments
from maggy.core.experiment_driver.give_up import GiveUp
from maggy.core.experiment_driver.instructions import Ended, Instruction, Kill, Lost
from maggy.core.experiment_driver.places import Places
from maggy.core.experiment_driver.roster import Roster, Run, Worker
from maggy.core.experiment_driver.trial_queue import TrialQueue
from maggy.core.messages import WorkerId

__all__ = ["Losses"]


class Losses:
    """Handle what goes wrong with workers.

    Args:
        roster: The workers.
        queue: The trials that wait for a worker, and the workers that wait for a trial.
        places: The places of workers.
        assignments: Assigns trials to workers.
        give_up: Is told when a trial fails because it is overdue.
        worker_timeout: Seconds without a message after which a worker counts as lost.
        max_trial_seconds: Seconds that a trial may take; None for no limit.
    """

    def __init__(
        self,
        roster: Roster,
        queue: TrialQueue,
        places: Places,
        assignments: Assignments,
        give_up: GiveUp,
        *,
        worker_timeout: float,
        max_trial_seconds: float | None,
    ) -> None:
        self._roster = roster
        self._queue = queue
        self._places = places
        self._assignments = assignments
        self._give_up = give_up
        self._worker_timeout = worker_timeout
        self._max_trial_seconds = max_trial_seconds

    def lost(self, identity: WorkerId, reason: str, *, charge: bool) -> list[Instruction]:
        """Handle the loss of a worker.

        Args:
            identity: The worker.
            reason: Why it counts as lost.
            charge: Count the loss against the trial that the worker ran.
        """
        return self.lose(identity, reason, charge) + self._places.reopen()

    def job_ended(
        self, job: int, partitions: list[int], error: str | None, culprit: int | None
    ) -> list[Instruction]:
        """Handle the end of a Spark job.

        All its workers are gone. If the job ended without an error, they have deserted their
        trials. While trials are left, a new job takes over its partitions, but not more than the
        trials need once their number is certain.

        Args:
            job: The number of the job.
            partitions: Its partitions.
            error: Why it failed; None if it ended without an error.
            culprit: The partition whose crash made Spark give the job up; None if it is unknown.
        """
        self._roster.close(job)
        if self._assignments.finished:
            return []
        out: list[Instruction] = []
        workers = [
            worker for partition in partitions for worker in self._roster.attempts(job, partition)
        ]
        # First none of them may get a trial: one that a lost worker gives back must not be assigned
        # to another lost worker.
        for worker in workers:
            self._queue.free_workers.pop(worker.identity, None)
            worker.is_waiting = False
        for worker in workers:
            charge = error is None or culprit in (None, worker.identity.partition)
            out += self.lose(worker.identity, error or "its Spark task ended early", charge)
        return (
            out
            if self._assignments.finished
            else out + self._places.job_over(job, partitions, error)
        )

    def tick(self, now: float, late: float = 0.0) -> list[Instruction]:
        """Lose the workers that have been silent for too long, and end overdue trials.

        Args:
            now: The time in monotonic seconds.
            late: How many seconds later this call comes than planned. They do not count as silence,
                since the driver was paused.
        """
        self._assignments.now = now
        self._roster.excuse_pause(late, now)
        out: list[Instruction] = []
        silent = [
            worker
            for worker in self._roster.live()
            if now - worker.last_seen > self._worker_timeout
        ]
        for worker in silent:  # a trial that one gives back must not be assigned to another one
            self._queue.free_workers.pop(worker.identity, None)
        for worker in self._roster.live():
            if worker.run is not None and worker.run.is_overdue(now, self._max_trial_seconds):
                out += self._end_overdue(worker, worker.run)
        for worker in silent:
            reason = f"no heartbeat for {now - worker.last_seen:.0f} seconds"
            if not worker.is_lost:
                out += self.lost(worker.identity, reason, charge=True)
                out.append(Kill(worker.identity, worker.task))
        return out

    def lose(self, identity: WorkerId, reason: str, charge: bool) -> list[Instruction]:
        """Lose a worker, as :meth:`lost` does, without opening places again."""
        worker = self._roster.get(identity)
        if worker is None or not worker.is_live:
            return []
        worker.is_lost = True
        worker.is_waiting = False
        self._assignments.worker_lost(identity)
        run, worker.run = worker.run, None
        if self._assignments.finished:
            return []
        out: list[Instruction] = [Lost(identity, reason)]
        if run is not None:
            del self._assignments.running[run.trial.trial_id]
            # A trial has no part in it that its executor is taken away.
            charge = charge and not worker.is_leaving
            out += self._assignments.give_back(run.trial, reason, charge=charge)
        out += self._promote_standby(identity) + self._assignments.restart_check()
        return out + self._assignments.finish_if_done()

    def _promote_standby(self, identity: WorkerId) -> list[Instruction]:
        """Let another attempt of a lost worker's task work in its place.

        If the lost worker was a standby, the attempt that works stays the only one.
        """
        standbys = self._roster.rivals(identity)
        if not standbys or not all(rival.is_standby for rival in standbys):
            return []
        standby = standbys[0]
        standby.is_standby = False
        # One that does not wait must first end what it ran when it was taken for lost.
        return self._assignments.request(standby) if standby.is_waiting else []

    def _end_overdue(self, worker: Worker, run: Run) -> list[Instruction]:
        """Fail a trial that its worker should have ended long ago. It does not run again."""
        worker.run = None
        del self._assignments.running[run.trial.trial_id]
        self._give_up.ended(None)
        reason = (
            f"exceeded max_trial_seconds={self._max_trial_seconds:g}; its worker does not answer"
        )
        return [
            Ended(run.trial.trial_id, None, reason, ""),
            *self.lost(worker.identity, reason, charge=False),
            Kill(worker.identity, worker.task),
        ]
