"""The bookkeeping of one experiment: which worker runs which trial, what is left, who was lost.

A pure state machine: what happened goes in as method calls with the time, what is to be done comes out as a list of
instructions. It has no sockets, threads, files or clock, so any order of events can be tried in a test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from maggy.core.experiment_driver.give_up import GiveUp, Mistake
from maggy.core.experiment_driver.instructions import (
    Began,
    CheckFailed,
    Ended,
    Finished,
    GivenBack,
    Instruction,
    Kill,
    Lost,
    Mistaken,
    Probed,
    Send,
    WorkerId,
)
from maggy.core.experiment_driver.places import Places
from maggy.core.experiment_driver.roster import Assignable, Roster, Run, Worker
from maggy.core.experiment_driver.supply import Supply
from maggy.core.messages import (
    Abandon,
    Ack,
    Check,
    Checked,
    Done,
    Failed,
    Final,
    Heartbeat,
    Register,
    Stop,
    Wait,
)

__all__ = ["Ledger"]


@dataclass(kw_only=True)
class Ledger:
    """See the module's first lines.

    Args:
        attempts: How often a trial may lose its worker before it is given up (``trial_attempts``).
        worker_timeout: Seconds without a word after which a worker counts as lost.
        max_trial_seconds: Seconds that a trial may take. Its worker sees to that; the ledger acts only when the
            worker cannot, because one long call holds up all its threads.
        check_first: Have the first worker try the study out before any trial is assigned.
        speculation: Spark may run a second copy of a task whose first copy lives.
        ahead: So many trials are suggested before a worker is free; see :class:`Supply`.
        give_up_after: How many trials with one mistake end the experiment; see :class:`GiveUp`.
        spare: Number of free workers that stay when no further trial is to be had; the others leave.
    """

    attempts: int = 3
    worker_timeout: float = 60.0
    max_trial_seconds: float | None = None
    check_first: bool = False
    speculation: bool = False
    ahead: int = 0
    give_up_after: int | None = None
    spare: int = 0
    finished: bool = field(default=False, init=False)
    """True once every trial is final, or the experiment was stopped: workers are told to leave."""

    def __post_init__(self) -> None:
        self._roster = Roster()
        self._supply = Supply(self.ahead)
        self._running: dict[str, Worker] = {}  # trial id -> its worker
        self._runs = 0
        self._now = 0.0  # when anything was last heard
        self._checked = not self.check_first
        self._checker: WorkerId | None = None
        self._probes_left = (
            2  # a component that kills its worker while it is built must not do so for ever
        )
        self._give_up = GiveUp(self.give_up_after)
        self._places = Places(self._roster, self._supply, self.spare)

    # What workers say.

    def register(self, worker: WorkerId, message: Register, now: float) -> list[Instruction]:
        """A worker announces itself, perhaps not for the first time."""
        self._now = now
        known = self._roster.get(worker)
        if dismissal := self._dismissal(worker):
            return dismissal
        if known is not None and not known.lost:
            known.last_seen = now
            return self._repeat_answer(known)
        out: list[Instruction] = []
        rivals = self._roster.rivals(worker)
        newcomer = known or self._roster.add(worker, message.task)
        newcomer.last_seen, newcomer.lost = now, False
        self._places.worker_came(worker.partition)
        # A copy that Spark made to be quicker takes nothing over, nor does an older attempt that is back.
        newcomer.standby = bool(rivals) and (
            self.speculation or any(rival.identity > worker for rival in rivals)
        )
        if not newcomer.standby:
            for rival in rivals:
                out += self._lose(rival.identity, "Spark started its task again", charge=True)
        return out + self._wants_trial(newcomer) + self._places.reopen()

    def checked(self, worker: WorkerId, message: Checked, now: float) -> list[Instruction]:
        """The first worker tried the study out."""
        known = self._seen(worker, now)
        if known is None:
            return (
                self._cannot_work(worker, message)
                if message.error is not None
                else self._dismissal(worker)
            )
        if worker == self._checker:  # else it was taken for lost meanwhile, but what it found holds
            self._checker = None
        if self._checked:
            return self._repeat_answer(known)
        if message.error is not None:
            return [CheckFailed(message.error, message.error_type), *self.stop_all()]
        self._checked = True
        probed = Probed(message.failures, message.slow)
        out: list[Instruction] = [probed] if any(probed) else []
        out += (
            self.lost(worker, "it leaves", charge=False)
            if message.leaving
            else self._wants_trial(known)
        )
        for waiting in list(self._supply.free):
            out += self._serve(self._roster[waiting])
        return out

    def heartbeat(self, worker: WorkerId, message: Heartbeat, now: float) -> list[Instruction]:
        """A sign of life, with what the run has brought."""
        known = self._seen(worker, now)
        if known is None:
            return self._dismissal(worker)
        run = known.run
        if self.finished:
            rest = (
                run.take(worker, message) if run is not None and run.number == message.run else []
            )
            return [*rest, Send(worker, Done())]
        if run is None:
            out: list[Instruction] = [Send(worker, Ack(message.run, 0, 0))]
            if worker == self._checker:
                return out
            if not message.waiting:
                return [*out, Send(worker, Abandon(message.run))]
            return out if known.waiting else out + self._wants_trial(known)
        if (
            message.run != run.number
        ):  # the assignment did not arrive, or an older run still goes on
            return [Send(worker, run.assignment())]
        out = run.take(worker, message)
        out.append(Send(worker, Ack(run.number, run.points, run.lines)))
        if run.stopping:
            out.append(Send(worker, Stop(run.number)))
        return out

    def ended(self, worker: WorkerId, message: Final | Failed, now: float) -> list[Instruction]:
        """A run ended, well or badly; its worker wants the next trial."""
        known = self._seen(worker, now)
        if known is None:
            return self._dismissal(worker)
        run = known.run
        if run is None or run.number != message.run:  # said again, or too late
            if isinstance(message, Failed) and message.leaving:
                return self.lost(worker, message.reason, charge=False)
            return self._repeat_answer(known)
        if self.finished and isinstance(message, Failed):  # it was cut off, so it is not final
            return [*run.take(worker, message), Send(worker, Done())]
        out = run.take(worker, message)
        trial_id = run.trial.trial_id
        known.run = None
        self._running.pop(trial_id, None)
        if isinstance(message, Final):
            self._give_up.ended(None)
            out.append(Ended(trial_id, message, "", ""))
        elif message.died:
            out += self._give_back(run.trial, message.reason, charge=True)
        else:
            out.append(Ended(trial_id, None, message.reason, message.traceback))
            mistake = Mistake(message.mistake, message.place)
            if self._give_up.ended(mistake) and (self._running or not self._supply.is_over):
                return [*out, Mistaken(mistake), *self.stop_all()]
            if message.leaving:
                return (
                    out + self.lost(worker, message.reason, charge=False) + self._finish_if_done()
                )
        return out + self._wants_trial(known) + self._finish_if_done()

    # What the policy says.

    def suggested(self, trial_id: str, params: dict[str, Any], logdir: str) -> list[Instruction]:
        """The answer to one :class:`Ask`: a new trial."""
        self._supply.asked -= 1
        return [] if self.finished else self._enqueue(Assignable(trial_id, params, logdir))

    def exhausted(self) -> list[Instruction]:
        """The answer to an :class:`Ask`: there will be no more trials."""
        self._supply.asked -= 1
        self._supply.exhausted = True
        return self._finish_if_done()

    def stop(self, trial_id: str) -> list[Instruction]:
        """Stop a running trial early. No effect on one that is not running."""
        worker = self._running.get(trial_id)
        if worker is None or worker.run is None or worker.run.stopping:
            return []
        worker.run.stopping = True
        return [Send(worker.identity, Stop(worker.run.number))]

    # What Spark and the clock say.

    def lost(self, worker: WorkerId, reason: str, *, charge: bool) -> list[Instruction]:
        """A worker is gone. ``charge``: the loss counts against the trial that it ran."""
        return self._lose(worker, reason, charge) + self._places.reopen()

    def _lose(self, worker: WorkerId, reason: str, charge: bool) -> list[Instruction]:
        known = self._roster.get(worker)
        if known is None or known.lost or known.dismissed:
            return []
        known.lost = True
        known.waiting = False
        self._supply.free.pop(worker, None)
        if self._checker == worker:
            self._checker = None
            self._probes_left -= 1
        run, known.run = known.run, None
        if self.finished:
            return []
        out: list[Instruction] = [Lost(worker, reason)]
        if run is not None:
            del self._running[run.trial.trial_id]
            out += self._give_back(run.trial, reason, charge)
        for standby in self._roster.rivals(worker)[:1]:
            if standby.standby:
                standby.standby = False
                if (
                    standby.waiting
                ):  # else it still has to end what it ran when it was taken for lost
                    out += self._wants_trial(standby)
        if not self._checked and self._checker is None and self._supply.free:
            out += self._have_checked(self._roster[next(iter(self._supply.free))])
        return out + self._finish_if_done()

    def job_ended(
        self, job: int, partitions: list[int], error: str | None, culprit: int | None
    ) -> list[Instruction]:
        """A Spark job is over. ``culprit`` is the partition whose crash made Spark give it up, if that is known.

        All its workers are gone; without an error they have deserted their trials. While trials are left, a new job
        takes its partitions over, as far as the trials need them once their number is known.
        """
        self._roster.close(job)
        if self.finished:
            return []
        out: list[Instruction] = []
        workers = [
            worker for partition in partitions for worker in self._roster.attempts(job, partition)
        ]
        for worker in workers:  # none of them must get what another one gives back
            self._supply.free.pop(worker.identity, None)
            worker.waiting = False
        for worker in workers:
            to_blame = error is None or culprit in (None, worker.identity.partition)
            out += self._lose(worker.identity, error or "its Spark task ended early", to_blame)
        return out if self.finished else out + self._places.job_over(job, partitions, error)

    def tick(self, now: float, late: float = 0.0) -> list[Instruction]:
        """Lose workers that are silent for too long; the ``late`` seconds since the tick was due do not count."""
        self._now = now
        self._roster.leave_out(late, now)
        out: list[Instruction] = []
        silent = [
            worker for worker in self._roster.live() if now - worker.last_seen > self.worker_timeout
        ]
        for worker in silent:  # none of them must get what another one gives back
            self._supply.free.pop(worker.identity, None)
        for worker in self._roster.live():
            if worker.run is not None and worker.run.is_overdue(now, self.max_trial_seconds):
                out += self._end_overdue(worker, worker.run)
        for worker in silent:
            reason = f"no heartbeat for {now - worker.last_seen:.0f} seconds"
            if not worker.lost:
                out += [
                    *self.lost(worker.identity, reason, charge=True),
                    Kill(worker.identity, worker.task),
                ]
        return out

    def stop_all(self) -> list[Instruction]:
        """End the experiment now: every worker is told, trials that run are dropped and not final."""
        self.finished = True
        self._supply.clear()
        self._running.clear()
        return [Send(worker.identity, Done()) for worker in self._roster.live()]

    @property
    def running(self) -> Iterable[str]:
        """Ids of the trials that run now."""
        return self._running.keys()

    # Helpers.

    def _end_overdue(self, worker: Worker, run: Run) -> list[Instruction]:
        """End a trial whose worker should long have ended it; it is not run again."""
        worker.run = None
        del self._running[run.trial.trial_id]
        self._give_up.ended(None)
        reason = (
            f"exceeded max_trial_seconds={self.max_trial_seconds:g}; its worker does not answer"
        )
        lost = self.lost(worker.identity, reason, charge=False)
        return [
            Ended(run.trial.trial_id, None, reason, ""),
            *lost,
            Kill(worker.identity, worker.task),
        ]

    def _seen(self, worker: WorkerId, now: float) -> Worker | None:
        """The worker that spoke."""
        self._now = now
        return self._roster.seen(worker, now)

    def _cannot_work(self, worker: WorkerId, message: Checked) -> list[Instruction]:
        """A worker cannot load what it is to run. If nobody could so far, nobody will."""
        if self._runs or self.finished:
            return [Send(worker, Done())]
        return [
            CheckFailed(message.error or "", message.error_type),
            *self.stop_all(),
            Send(worker, Done()),
        ]

    def _dismissal(self, worker: WorkerId) -> list[Instruction]:
        """For a worker that is none of ours any more: it was told so, or Spark ended its job and is about to end it."""
        is_over = self._roster.is_over(worker.job) or self._roster.is_dismissed(worker)
        return [Send(worker, Done())] if is_over else []

    def _repeat_answer(self, worker: Worker) -> list[Instruction]:
        if self.finished:
            return [Send(worker.identity, Done())]
        if worker.run is not None:
            return [Send(worker.identity, worker.run.assignment())]
        if self._checker == worker.identity:
            return [Send(worker.identity, Check(self._probes_left > 0))]
        return [Send(worker.identity, Wait())] if worker.waiting else self._wants_trial(worker)

    def _wants_trial(self, worker: Worker) -> list[Instruction]:
        if self.finished:
            return [Send(worker.identity, Done())]
        if not (worker.standby or self._checked or self._checker):
            return self._have_checked(worker)
        worker.waiting = True
        if self._checked and not worker.standby:
            return self._serve(worker)
        if not worker.standby:
            self._supply.free.setdefault(worker.identity)
        return [Send(worker.identity, Wait())]

    def _have_checked(self, worker: Worker) -> list[Instruction]:
        self._supply.free.pop(worker.identity, None)
        worker.waiting = False
        self._checker = worker.identity
        return [Send(worker.identity, Check(self._probes_left > 0))]

    def _serve(self, worker: Worker) -> list[Instruction]:
        """Give a worker the next trial in the queue, or ask for one."""
        supply = self._supply
        if supply.queue:
            return [*self._assign(worker, supply.queue.popleft()), *supply.ask()]
        supply.free.setdefault(worker.identity)
        out = supply.ask() + self._places.let_go()
        return [*out, Send(worker.identity, Wait())] if supply.exhausted and worker.waiting else out

    def _enqueue(self, trial: Assignable) -> list[Instruction]:
        if not self._supply.free or not self._checked:
            self._supply.queue.append(trial)
            return []
        return self._assign(self._roster[next(iter(self._supply.free))], trial)

    def _assign(self, worker: Worker, trial: Assignable) -> list[Instruction]:
        self._supply.free.pop(worker.identity, None)
        self._runs += 1
        worker.waiting, worker.served = False, True
        worker.run = Run(self._runs, trial, self._now)
        self._running[trial.trial_id] = worker
        began = Began(trial.trial_id, worker.identity)
        return [Send(worker.identity, worker.run.assignment()), began, *self._places.trial_began()]

    def _give_back(self, trial: Assignable, reason: str, charge: bool) -> list[Instruction]:
        trial.losses += charge
        if trial.losses >= self.attempts:
            self._give_up.ended(None)
            times = f"{trial.losses} times" if trial.losses > 1 else "once"
            return [
                Ended(
                    trial.trial_id,
                    None,
                    f"its worker was lost {times}, the last time because: {reason}",
                    "",
                )
            ]
        return [GivenBack(trial.trial_id, reason), *self._enqueue(trial)]

    def _finish_if_done(self) -> list[Instruction]:
        if self.finished or not self._supply.is_over:
            return []
        return self._places.let_go() if self._running else [*self.stop_all(), Finished()]
