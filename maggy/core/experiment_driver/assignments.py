"""Assign trials to workers: who gets the next trial, who checks the study, who waits.

Part of the ledger, and as pure.
"""

from __future__ import annotations

from maggy.core.experiment_driver.give_up import GiveUp
from maggy.core.experiment_driver.instructions import (
    Began,
    Ended,
    Finished,
    GivenBack,
    Instruction,
    Send,
)
from maggy.core.experiment_driver.places import Places
from maggy.core.experiment_driver.roster import Roster, Run, Worker
from maggy.core.experiment_driver.trial_queue import QueuedTrial, TrialQueue
from maggy.core.messages import Check, Done, Wait, WorkerId

__all__ = ["Assignments"]


class Assignments:
    """Assign queued trials to free workers.

    Args:
        roster: The workers.
        queue: The trials that wait for a worker, and the workers that wait for a trial.
        places: The places of workers.
        give_up: Is told when a trial fails because its workers were lost.
        attempts: Number of workers that may be lost while they run one trial before that trial
            fails.
        check_first: Have the first worker try the study out before any trial is assigned.

    Attributes:
        running: The worker of each running trial, by trial id.
        run_count: Number of runs so far.
        is_checked: The study was tried out, or need not be.
        checker: The worker that tries the study out now.
        finished: Every trial has ended, or the experiment was stopped.
        now: The time of the newest event, in monotonic seconds.
    """

    def __init__(
        self,
        roster: Roster,
        queue: TrialQueue,
        places: Places,
        give_up: GiveUp,
        *,
        attempts: int,
        check_first: bool,
    ) -> None:
        self._roster = roster
        self._queue = queue
        self._places = places
        self._give_up = give_up
        self._attempts = attempts
        # A component that kills its worker while it is built must not do so forever.
        self._remaining_probes = 2
        self.running: dict[str, Worker] = {}
        self.run_count = 0
        self.is_checked = not check_first
        self.checker: WorkerId | None = None
        self.finished = False
        self.now = 0.0

    def request(self, worker: Worker) -> list[Instruction]:
        """Handle the request of a worker for a trial."""
        if self.finished:
            return [Send(worker.identity, Done())]
        if worker.is_leaving and not worker.is_standby:
            identity = worker.identity
            return [*self._places.dismiss(identity), *self._places.move(identity.partition)]
        if not (worker.is_standby or self.is_checked or self.checker):
            return self._start_check(worker)
        worker.is_waiting = True
        if self.is_checked and not worker.is_standby:
            return self._serve(worker)
        if not worker.is_standby:
            self._queue.free_workers.setdefault(worker.identity)
        return [Send(worker.identity, Wait())]

    def repeat_answer(self, worker: Worker) -> list[Instruction]:
        """Answer a repeated request as before, since the first answer may be lost."""
        if self.finished:
            return [Send(worker.identity, Done())]
        if worker.run is not None:
            return [Send(worker.identity, worker.run.assignment())]
        if self.checker == worker.identity:
            return [Send(worker.identity, Check(self._remaining_probes > 0))]
        if worker.is_waiting:
            return [Send(worker.identity, Wait())]
        return self.request(worker)

    def serve_free_workers(self) -> list[Instruction]:
        """Assign trials to all free workers, since the check is over."""
        out: list[Instruction] = []
        for free in list(self._queue.free_workers):
            out += self._serve(self._roster[free])
        return out

    def add(self, trial: QueuedTrial) -> list[Instruction]:
        """Assign a trial to the first free worker, or queue it if there is none."""
        if not self._queue.free_workers or not self.is_checked:
            self._queue.trials.append(trial)
            return []
        return self._assign(self._roster[next(iter(self._queue.free_workers))], trial)

    def give_back(self, trial: QueuedTrial, reason: str, *, charge: bool) -> list[Instruction]:
        """Queue a trial again whose worker was lost, or fail it if that happened too often."""
        trial.losses += charge
        if trial.losses < self._attempts:
            return [GivenBack(trial.trial_id, reason), *self.add(trial)]
        self._give_up.ended(None)
        times = f"{trial.losses} times" if trial.losses > 1 else "once"
        text = f"its worker was lost {times}, the last time because: {reason}"
        return [Ended(trial.trial_id, None, text, "")]

    def worker_lost(self, identity: WorkerId) -> None:
        """Assign nothing more to a worker."""
        self._queue.free_workers.pop(identity, None)
        if self.checker == identity:
            self.checker = None
            self._remaining_probes -= 1

    def restart_check(self) -> list[Instruction]:
        """Let a free worker try the study out if the worker that did so was lost."""
        if self.is_checked or self.checker is not None or not self._queue.free_workers:
            return []
        return self._start_check(self._roster[next(iter(self._queue.free_workers))])

    def finish_if_done(self) -> list[Instruction]:
        """End the experiment if every trial has ended; else dismiss workers that are not needed."""
        if self.finished or not self._queue.is_over:
            return []
        return self._places.let_go() if self.running else [*self.stop_all(), Finished()]

    def stop_all(self) -> list[Instruction]:
        """End the experiment now: tell every worker to leave, and drop the running trials."""
        self.finished = True
        self._queue.clear()
        self.running.clear()
        return [Send(worker.identity, Done()) for worker in self._roster.live()]

    def _start_check(self, worker: Worker) -> list[Instruction]:
        self._queue.free_workers.pop(worker.identity, None)
        worker.is_waiting = False
        self.checker = worker.identity
        return [Send(worker.identity, Check(self._remaining_probes > 0))]

    def _serve(self, worker: Worker) -> list[Instruction]:
        """Assign the next trial in the queue to a worker, or ask for a suggestion."""
        queue = self._queue
        if queue.trials:
            return [*self._assign(worker, queue.trials.popleft()), *queue.ask()]
        queue.free_workers.setdefault(worker.identity)
        out = queue.ask() + self._places.let_go()
        if queue.is_exhausted and worker.is_waiting:
            out.append(Send(worker.identity, Wait()))
        return out

    def _assign(self, worker: Worker, trial: QueuedTrial) -> list[Instruction]:
        self._queue.free_workers.pop(worker.identity, None)
        self.run_count += 1
        worker.is_waiting, worker.has_run = False, True
        worker.run = Run(self.run_count, trial, self.now, trial.handover)
        self.running[trial.trial_id] = worker
        began = Began(trial.trial_id, worker.identity)
        return [Send(worker.identity, worker.run.assignment()), began, *self._places.trial_began()]
