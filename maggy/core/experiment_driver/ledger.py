"""Keep the books of one experiment: which worker runs which trial, and who is lost.

A pure state machine. Events come in as method calls with the time; instructions to the driver come
out as a list. It has no sockets, threads, files or clock, so a test can try any order of events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from maggy.checkpoints.saved import Handover
from maggy.common.types import Params
from maggy.core.experiment_driver.assignments import Assignments
from maggy.core.experiment_driver.give_up import GiveUp, Mistake
from maggy.core.experiment_driver.instructions import (
    CheckFailed,
    DecisionWanted,
    Ended,
    Instruction,
    Mistaken,
    Paused,
    Probed,
    Refused,
    Send,
)
from maggy.core.experiment_driver.losses import Losses
from maggy.core.experiment_driver.places import Places
from maggy.core.experiment_driver.preemptions import Preemptions
from maggy.core.experiment_driver.roster import Roster, Run, Worker
from maggy.core.experiment_driver.trial_queue import QueuedTrial, TrialQueue
from maggy.core.messages import (
    Abandon,
    Ack,
    Checked,
    Decided,
    Done,
    Failed,
    Final,
    Heartbeat,
    Pause,
    Preempt,
    Register,
    Stop,
    WorkerId,
    protocol_mismatch,
)
from maggy.version import PROTOCOL

__all__ = ["Ledger"]


@dataclass(kw_only=True)
class Ledger:
    """Keep the books of one experiment; the module's docstring says how.

    Args:
        attempts: Number of times that a trial is started (``trial_attempts``). It fails when the
            last of its workers is lost.
        worker_timeout: Seconds without a message after which a worker counts as lost.
        preemption_grace: Seconds for which a trial goes on when the executor of its worker will be
            taken away.
        max_trial_seconds: Seconds that a trial may take. Its worker enforces the limit. The ledger
            acts only when the worker cannot, because one long call blocks all its threads.
        check_first: Have the first worker try the study out before any trial is assigned.
        speculation: Spark may run a second copy of a task whose first copy lives.
        ahead: Number of trials that are suggested before a worker is free; see :class:`TrialQueue`.
        give_up_after: Number of trials with the same mistake that end the experiment; see
            :class:`GiveUp`.
        spare: Number of free workers that stay when there is no further trial; the others leave.
    """

    attempts: int = 3
    worker_timeout: float = 60.0
    preemption_grace: float = 30.0
    max_trial_seconds: float | None = None
    check_first: bool = False
    speculation: bool = False
    ahead: int = 0
    give_up_after: int | None = None
    spare: int = 0

    def __post_init__(self) -> None:
        self._roster = Roster()
        self._queue = TrialQueue(self.ahead)
        self._give_up = GiveUp(self.give_up_after)
        self._places = Places(self._roster, self._queue, self.spare)
        self._assignments = Assignments(
            self._roster,
            self._queue,
            self._places,
            self._give_up,
            attempts=self.attempts,
            check_first=self.check_first,
        )
        self._losses = Losses(
            self._roster,
            self._queue,
            self._places,
            self._assignments,
            self._give_up,
            worker_timeout=self.worker_timeout,
            max_trial_seconds=self.max_trial_seconds,
        )
        self._preemptions = Preemptions(
            self._roster, self._places, self._assignments, grace=self.preemption_grace
        )

    @property
    def finished(self) -> bool:
        """Whether every trial has ended, or the experiment was stopped."""
        return self._assignments.finished

    @property
    def running(self) -> Iterable[str]:
        """The ids of the running trials."""
        return self._assignments.running.keys()

    # Messages of workers.

    def register(self, identity: WorkerId, message: Register, now: float) -> list[Instruction]:
        """Handle the registration of a worker, which may be repeated."""
        self._assignments.now = now
        if message.protocol != PROTOCOL:
            return self._refuse(identity, message)
        worker = self._roster.get(identity)
        if dismissal := self._dismissal(identity):
            return dismissal
        if worker is not None and not worker.is_lost:
            worker.last_seen = now
            return self._assignments.repeat_answer(worker)
        out: list[Instruction] = []
        rivals = self._roster.rivals(identity)
        worker = worker or self._roster.add(identity, message.task)
        worker.last_seen, worker.is_lost = now, False
        self._places.worker_came(identity.partition)
        # A speculative copy takes nothing over, nor does an older attempt that is back.
        worker.is_standby = bool(rivals) and (
            self.speculation or any(rival.identity > identity for rival in rivals)
        )
        if not worker.is_standby:
            for rival in rivals:
                out += self._losses.lose(
                    rival.identity, "Spark started its task again", charge=True
                )
        return out + self._assignments.request(worker) + self._places.reopen()

    def checked(self, identity: WorkerId, message: Checked, now: float) -> list[Instruction]:
        """Handle the result of the check, which the first worker has made."""
        worker = self._note_message(identity, now)
        if worker is None:
            return (
                self._cannot_work(identity, message)
                if message.error is not None
                else self._dismissal(identity)
            )
        # The result also counts if the worker was meanwhile taken for lost.
        if identity == self._assignments.checker:
            self._assignments.checker = None
        if self._assignments.is_checked:
            return self._assignments.repeat_answer(worker)
        if message.error is not None:
            return [CheckFailed(message.error, message.error_type), *self.stop_all()]
        self._assignments.is_checked = True
        out: list[Instruction] = []
        if message.failures or message.slow:
            out.append(Probed(message.failures, message.slow))
        out += (
            self.lost(identity, "it leaves", charge=False)
            if message.leaving
            else self._assignments.request(worker)
        )
        return out + self._assignments.serve_free_workers()

    def heartbeat(self, identity: WorkerId, message: Heartbeat, now: float) -> list[Instruction]:
        """Handle a sign of life, with new points and lines of the worker's run."""
        worker = self._note_message(identity, now)
        if worker is None:
            return self._dismissal(identity)
        run = worker.run
        if self.finished:
            rest = (
                run.accept(identity, message)
                if run is not None and run.number == message.run
                else []
            )
            return [*rest, Send(identity, Done())]
        if run is None:
            return self._answer_without_run(worker, message)
        if message.run != run.number:
            # The assignment did not arrive, or the worker still runs an older one.
            return [Send(identity, run.assignment())]
        out = run.accept(identity, message)
        if self._preemptions.is_due(worker, now):
            return out + self._preemptions.leave(worker)
        out.append(Send(identity, Ack(run.number, run.points, run.lines, run.checkpoints)))
        if run.is_stopping:
            out.append(Send(identity, Stop(run.number)))
        elif run.is_pausing:
            out.append(Send(identity, Pause(run.number)))
        if worker.is_leaving:
            out.append(Send(identity, Preempt(run.number)))
        return out

    def ended(self, identity: WorkerId, message: Final | Failed, now: float) -> list[Instruction]:
        """Handle the end of a run. Its worker wants the next trial."""
        worker = self._note_message(identity, now)
        if worker is None:
            return self._dismissal(identity)
        run = worker.run
        if run is None or run.number != message.run:  # the message is repeated or too late
            if isinstance(message, Failed) and message.leaving:
                return self.lost(identity, message.reason, charge=False)
            return self._assignments.repeat_answer(worker)
        if self.finished and isinstance(message, Failed):  # interrupted, so the trial has not ended
            return [*run.accept(identity, message), Send(identity, Done())]
        out = run.accept(identity, message)
        trial_id = run.trial.trial_id
        worker.run = None
        self._assignments.running.pop(trial_id, None)
        if isinstance(message, Final) and message.paused and not run.is_stopping:
            out += self._pause_ended(run, message)
        elif isinstance(message, Final):
            self._give_up.ended(None)
            out.append(Ended(trial_id, message, "", "", message.model))
        elif message.died:
            charge = not worker.is_leaving
            out += self._assignments.give_back(run.trial, message.reason, charge=charge)
        else:
            out.append(Ended(trial_id, None, message.reason, message.traceback, message.model))
            mistake = Mistake(message.mistake, message.location)
            if self._give_up.ended(mistake) and (self.running or not self._queue.is_over):
                return [*out, Mistaken(mistake), *self.stop_all()]
            if message.leaving:
                out += self.lost(identity, message.reason, charge=False)
                return out + self._assignments.finish_if_done()
        return out + self._assignments.request(worker) + self._assignments.finish_if_done()

    # Answers of the policy.

    def suggested(
        self, trial_id: str, params: Params, logdir: str, handover: Handover | None = None
    ) -> list[Instruction]:
        """Handle a new trial, which answers an instruction ``Ask``."""
        self._queue.pending -= 1
        if self.finished:
            return []
        return self._assignments.add(QueuedTrial(trial_id, params, logdir, handover))

    def exhausted(self) -> list[Instruction]:
        """Handle the answer to an ``Ask`` that there will be no more trials."""
        self._queue.pending -= 1
        self._queue.is_exhausted = True
        return self._assignments.finish_if_done()

    def stop(self, trial_id: str) -> list[Instruction]:
        """Stop a trial early. Ignore a trial that does not run."""
        worker = self._assignments.running.get(trial_id)
        if worker is None or worker.run is None or worker.run.is_stopping:
            return []
        worker.run.is_stopping = True
        return [Send(worker.identity, Stop(worker.run.number))]

    def decided(self, question: DecisionWanted) -> list[Instruction]:
        """Tell a worker that the stop rules have seen its points. Ignore a run that is over."""
        worker = self._assignments.running.get(question.trial_id)
        if worker is None or worker.run is None or worker.run.number != question.run:
            return []
        return [Send(worker.identity, Decided(question.run, question.points))]

    def pause(self, trial_id: str) -> list[Instruction]:
        """Let a trial leave its worker after its next checkpoint. Ignore one that does not run."""
        worker = self._assignments.running.get(trial_id)
        if worker is None or worker.run is None or worker.run.is_pausing:
            return []
        worker.run.is_pausing = True
        return [Send(worker.identity, Pause(worker.run.number))]

    # Events of Spark and of the clock.

    def lost(self, identity: WorkerId, reason: str, *, charge: bool) -> list[Instruction]:
        """Handle the loss of a worker; see :meth:`Losses.lost`."""
        return self._losses.lost(identity, reason, charge=charge)

    def preempted(self, identities: list[WorkerId], now: float) -> list[Instruction]:
        """Handle the news that executors will be taken away; see :meth:`Preemptions.preempted`."""
        return self._preemptions.preempted(identities, now)

    def job_ended(
        self, job: int, partitions: list[int], error: str | None, culprit: int | None
    ) -> list[Instruction]:
        """Handle the end of a Spark job; see :meth:`Losses.job_ended`."""
        return self._losses.job_ended(job, partitions, error, culprit)

    def tick(self, now: float, late: float = 0.0) -> list[Instruction]:
        """Lose silent workers, end overdue trials, and take trials from executors that go."""
        return self._losses.tick(now, late) + self._preemptions.tick(now)

    def stop_all(self) -> list[Instruction]:
        """End the experiment now: tell every worker to leave, and drop the running trials."""
        return self._assignments.stop_all()

    # Helpers.

    def _pause_ended(self, run: Run, message: Final) -> list[Instruction]:
        """Set a trial aside that has left its worker, or let it go on at once."""
        if not self._queue.is_exhausted:
            return [Paused(run.trial.trial_id, message)]
        # There is no further trial that could have the worker.
        return self._assignments.give_back(run.trial, "it had paused", charge=False)

    def _note_message(self, identity: WorkerId, now: float) -> Worker | None:
        self._assignments.now = now
        return self._roster.note_message(identity, now)

    def _refuse(self, identity: WorkerId, message: Register) -> list[Instruction]:
        """End the experiment, since a worker would misunderstand the driver."""
        if self.finished:
            return [Send(identity, Done())]
        reason = protocol_mismatch(message.host, message.version, message.protocol)
        return [Refused(reason), *self.stop_all(), Send(identity, Done())]

    def _cannot_work(self, identity: WorkerId, message: Checked) -> list[Instruction]:
        """Handle a worker that cannot load the training function.

        If no worker could load it so far, none will, and the experiment ends.
        """
        if self._assignments.run_count or self.finished:
            return [Send(identity, Done())]
        return [
            CheckFailed(message.error or "", message.error_type),
            *self.stop_all(),
            Send(identity, Done()),
        ]

    def _dismissal(self, identity: WorkerId) -> list[Instruction]:
        """Tell a worker to leave whose job has ended, or whose task was told so before."""
        job, partition, _ = identity
        must_leave = self._roster.is_closed(job) or self._roster.has_left(job, partition)
        return [Send(identity, Done())] if must_leave else []

    def _answer_without_run(self, worker: Worker, message: Heartbeat) -> list[Instruction]:
        """Answer the heartbeat of a worker to which no run is assigned."""
        out: list[Instruction] = [Send(worker.identity, Ack(message.run, 0, 0))]
        if worker.identity == self._assignments.checker:
            return out
        if not message.waiting:
            return [*out, Send(worker.identity, Abandon(message.run))]
        return out if worker.is_waiting else out + self._assignments.request(worker)
