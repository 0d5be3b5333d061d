"""What is left to be run and who waits for it: trials in a queue, free workers, and the suggestions asked for.

Part of the ledger, and as pure: it decides how many suggestions are wanted, not who gets which.
"""

from __future__ import annotations

from collections import deque

from maggy.core.experiment_driver.instructions import Ask, Instruction, WorkerId
from maggy.core.experiment_driver.roster import Assignable

__all__ = ["Supply"]


class Supply:
    """The trials that wait for a worker and the workers that wait for a trial.

    Args:
        ahead: So many trials are kept ready for workers that are not free yet. 0 where suggestions depend on results:
            then each is made as late as can be.

    Attributes:
        queue: Trials that nobody runs, the next one first.
        free: Workers that wait for a trial, longest first.
        asked: How many suggestions are on their way.
        exhausted: There will be no more suggestions.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self.queue: deque[Assignable] = deque()
        self.free: dict[WorkerId, None] = {}
        self.asked = 0
        self.exhausted = False

    @property
    def is_known(self) -> bool:
        """Whether every trial that there will be has been suggested."""
        return self.exhausted and not self.asked

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to run but what runs."""
        return self.is_known and not self.queue

    def ask(self) -> list[Instruction]:
        """Ask for what is missing for the free workers, and to have trials ready."""
        if self.exhausted:
            return []
        missing = max(0, len(self.free) + self._ahead - len(self.queue) - self.asked)
        self.asked += missing
        return [Ask()] * missing

    def clear(self) -> None:
        """Nothing more is to be run by anybody."""
        self.queue.clear()
        self.free.clear()
