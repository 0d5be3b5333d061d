"""How many workers there should be: who may leave when the last trials run, and whose place is filled again.

Part of the ledger, and as pure.
"""

from __future__ import annotations

from maggy.core.experiment_driver.instructions import Instruction, Launch, Send
from maggy.core.experiment_driver.job_failures import JobFailures
from maggy.core.experiment_driver.roster import Roster
from maggy.core.experiment_driver.supply import Supply
from maggy.core.messages import Done

__all__ = ["Places"]


class Places:
    """The workers' places, each named by the number of its partition.

    A place becomes vacant when its worker leaves because no further trial is to be had. When a trial comes back after
    its worker was lost, a vacant place is opened again, in a Spark job of its own. The lost worker's own place may be
    filled again too, by Spark, which retries its task. Then one of the two gets the trial, and the other one leaves.

    Args:
        roster: The workers.
        supply: The trials that wait for a worker, and the workers that wait for a trial.
        spare: Number of free workers that stay when no further trial is to be had.
    """

    def __init__(self, roster: Roster, supply: Supply, spare: int) -> None:
        self._roster = roster
        self._supply = supply
        self._spare = spare
        self._failures = JobFailures()
        self._vacant: dict[int, None] = {}  # in the order in which they became so
        self._opened: set[int] = set()  # nobody has come yet

    def worker_came(self, place: int) -> None:
        """A worker has come for a place."""
        self._opened.discard(place)

    def trial_began(self) -> list[Instruction]:
        """A trial was assigned: places whose jobs failed too often are tried again."""
        parked = self._failures.progress()
        return [Launch(parked)] if parked else []

    def let_go(self) -> list[Instruction]:
        """Have the free workers leave, but for the spare ones, if the trials that run are the last."""
        if not self._supply.is_over:
            return []
        out: list[Instruction] = []
        for free in list(self._supply.free)[self._spare :]:
            del self._supply.free[free]
            self._vacant.setdefault(free.partition)
            out += [Send(worker.identity, Done()) for worker in self._roster.dismiss(free)]
        return out

    def reopen(self) -> list[Instruction]:
        """Open vacant places, as far as there are any, for queued trials that no opened place waits for."""
        places = list(self._vacant)[: self._missing()]
        for place in places:
            del self._vacant[place]
        self._opened.update(places)
        return [Launch(places)] if places else []

    def job_over(self, job: int, partitions: list[int], error: str | None) -> list[Instruction]:
        """A job is over, and its workers are lost: fill its places again, as far as they are needed."""
        places = [place for place in partitions if not self._roster.has_left(job, place)]
        self._opened.difference_update(places)
        if self._supply.is_known:
            needed = self._missing()
            self._vacant.update(dict.fromkeys(places[needed:]))
            places = places[:needed]
        if not places:
            return self.reopen()
        served = any(
            worker.served for place in partitions for worker in self._roster.attempts(job, place)
        )
        out = self._failures.job_failed(places, error, served, bool(self._roster.live()))
        if Launch(places) in out:
            self._opened.update(places)
        return out + self.reopen()

    def _missing(self) -> int:
        return max(0, len(self._supply.queue) - len(self._opened))
