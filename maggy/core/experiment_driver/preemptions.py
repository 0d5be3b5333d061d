"""Take the trials from workers whose executors Spark will take away.

Part of the ledger, and as pure.
"""

from __future__ import annotations

from maggy.core.experiment_driver.assignments import Assignments
from maggy.core.experiment_driver.instructions import Instruction, Preempted, Send
from maggy.core.experiment_driver.places import Places
from maggy.core.experiment_driver.roster import Roster, Worker
from maggy.core.messages import Preempt, WorkerId

__all__ = ["Preemptions"]

REASON = "Spark takes its executor away"


class Preemptions:
    """Let workers leave executors that will be taken away, each after its trial or the grace.

    Args:
        roster: The workers.
        places: The places of workers.
        assignments: Assigns trials to workers.
        grace: Seconds for which a trial goes on after the news.
    """

    def __init__(
        self,
        roster: Roster,
        places: Places,
        assignments: Assignments,
        *,
        grace: float,
    ) -> None:
        self._roster = roster
        self._places = places
        self._assignments = assignments
        self._grace = grace

    def preempted(self, identities: list[WorkerId], now: float) -> list[Instruction]:
        """Handle the news that the executors of these workers will be taken away.

        None of them gets a further trial. One that runs a trial is told, and keeps it until the
        trial ends or the grace is over. A free one leaves now.

        Args:
            identities: The workers. One may be named again.
            now: The time in monotonic seconds.
        """
        candidates = map(self._roster.get, identities)
        workers = [worker for worker in candidates if worker and not worker.is_leaving]
        # A trial that one of them gives back must not be assigned to another one.
        for worker in workers:
            worker.leave_by = now + self._grace
        out: list[Instruction] = []
        for worker in workers:
            if worker.is_live and not self._assignments.finished:
                out += [Preempted(worker.identity), *self._tell(worker)]
        return out

    def is_due(self, worker: Worker, now: float) -> bool:
        """Return whether the grace of a worker is over."""
        return worker.leave_by is not None and now >= worker.leave_by

    def tick(self, now: float) -> list[Instruction]:
        """Let the workers leave whose grace is over."""
        out: list[Instruction] = []
        for worker in self._roster.live():
            # A standby must stay until its rival is gone: its end would end the task of both.
            if not self.is_due(worker, now) or worker.is_standby or not worker.is_live:
                continue
            if not self._assignments.finished:
                out += self.leave(worker)
        return out

    def leave(self, worker: Worker) -> list[Instruction]:
        """Dismiss a worker. Its trial, if it runs one, runs on elsewhere and loses no attempt."""
        run, worker.run = worker.run, None
        out = self._places.dismiss(worker.identity)
        self._assignments.worker_lost(worker.identity)
        if run is not None:
            del self._assignments.running[run.trial.trial_id]
            out += self._assignments.give_back(run.trial, REASON, charge=False)
        out += self._places.move(worker.identity.partition)
        return out + self._assignments.restart_check() + self._assignments.finish_if_done()

    def _tell(self, worker: Worker) -> list[Instruction]:
        if worker.run is not None:
            return [Send(worker.identity, Preempt(worker.run.number))]
        return self.leave(worker) if worker.is_waiting and not worker.is_standby else []
