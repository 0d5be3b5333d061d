"""Decide which workers may leave at the end, and which places are filled again.

Part of the ledger, and as pure.
"""

from __future__ import annotations

from maggy.core.experiment_driver.instructions import Instruction, Launch, Send
from maggy.core.experiment_driver.job_failures import JobFailures
from maggy.core.experiment_driver.roster import Roster
from maggy.core.experiment_driver.trial_queue import TrialQueue
from maggy.core.messages import Done, WorkerId

__all__ = ["Places"]


class Places:
    """Keep the places of workers. The name of a place is the number of its Spark partition.

    A place becomes vacant when its worker leaves, since there is no further trial. When a trial
    comes back later because its worker was lost, a vacant place is opened again in a new Spark job.
    Spark may also fill the place of the lost worker again by retrying its task. Then one of the two
    workers gets the trial, and the other one leaves.

    Args:
        roster: The workers.
        queue: The trials that wait for a worker, and the workers that wait for a trial.
        spare: Number of free workers that stay when there is no further trial.
    """

    def __init__(self, roster: Roster, queue: TrialQueue, spare: int) -> None:
        self._roster = roster
        self._queue = queue
        self._spare = spare
        self._failures = JobFailures()
        self._vacant: dict[int, None] = {}  # in the order in which the places became vacant
        self._opening: set[int] = set()  # a job was started for them, and no worker has come yet

    def worker_came(self, place: int) -> None:
        """Note that a worker has come to a place."""
        self._opening.discard(place)

    def trial_began(self) -> list[Instruction]:
        """Note that a trial was assigned. Try places again whose jobs failed too often."""
        places = self._failures.trial_began()
        return [Launch(places)] if places else []

    def let_go(self) -> list[Instruction]:
        """Dismiss the free workers except the spare ones, if the last trials run already."""
        if not self._queue.is_over:
            return []
        out: list[Instruction] = []
        for free in list(self._queue.free_workers)[self._spare :]:
            del self._queue.free_workers[free]
            self._vacant.setdefault(free.partition)
            out += [Send(worker.identity, Done()) for worker in self._roster.dismiss(free)]
        return out

    def dismiss(self, identity: WorkerId) -> list[Instruction]:
        """Dismiss a worker whose executor will be taken away. :meth:`move` opens its place."""
        return [Send(worker.identity, Done()) for worker in self._roster.dismiss(identity)]

    def move(self, place: int) -> list[Instruction]:
        """Open the place of a dismissed worker on another executor, if it is needed."""
        if not self._queue.has_all_trials:
            self._opening.add(place)
            return [Launch([place])]
        self._vacant.setdefault(place)
        return self.reopen()

    def reopen(self) -> list[Instruction]:
        """Open vacant places for queued trials for which no place is opening yet."""
        places = list(self._vacant)[: self._missing()]
        for place in places:
            del self._vacant[place]
        self._opening.update(places)
        return [Launch(places)] if places else []

    def job_over(self, job: int, partitions: list[int], error: str | None) -> list[Instruction]:
        """Fill the places of a job that has ended again, if they are needed."""
        places = [place for place in partitions if not self._roster.has_left(job, place)]
        self._opening.difference_update(places)
        if self._queue.has_all_trials:
            count = self._missing()
            self._vacant.update(dict.fromkeys(places[count:]))
            places = places[:count]
        if not places:
            return self.reopen()
        had_trial = any(
            worker.has_run for place in partitions for worker in self._roster.attempts(job, place)
        )
        out = self._failures.job_failed(
            places, error, had_trial=had_trial, others_live=bool(self._roster.live())
        )
        if Launch(places) in out:
            self._opening.update(places)
        return out + self.reopen()

    def _missing(self) -> int:
        return max(0, len(self._queue.trials) - len(self._opening))
