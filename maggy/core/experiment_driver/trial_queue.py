"""Queue the trials that wait for a worker, and the workers that wait for a trial.

Part of the ledger, and as pure. It decides how many suggestions are needed, not who gets which.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from maggy.checkpoints.saved import Handover
from maggy.common.types import Params
from maggy.core.experiment_driver.instructions import Ask, Instruction
from maggy.core.messages import WorkerId

__all__ = ["QueuedTrial", "TrialQueue"]


@dataclass(slots=True)
class QueuedTrial:
    """The part of a trial that is needed to assign it.

    Attributes:
        handover: The checkpoint from which its next run may go on; None if there is none.
        losses: The number of workers that were lost while they ran it.
    """

    trial_id: str
    params: Params
    logdir: str
    handover: Handover | None = None
    losses: int = 0


class TrialQueue:
    """Match the number of suggestions to the number of free workers.

    Args:
        ahead: Number of trials that are kept ready for workers that are not free yet. It is 0 for
            optimizers that use results: then each suggestion is made as late as possible.

    Attributes:
        trials: Trials that no worker runs, the next one first.
        free_workers: Workers that wait for a trial, the longest waiting first. The values mean
            nothing: a dict is a set that keeps its order.
        pending: Number of suggestions that the policy has not made yet.
        is_exhausted: The policy will make no more suggestions.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self.trials: deque[QueuedTrial] = deque()
        self.free_workers: dict[WorkerId, None] = {}
        self.pending = 0
        self.is_exhausted = False

    @property
    def has_all_trials(self) -> bool:
        """Whether every trial of the experiment has been suggested."""
        return self.is_exhausted and not self.pending

    @property
    def is_over(self) -> bool:
        """Whether no further trial will begin, except one that loses its worker."""
        return self.has_all_trials and not self.trials

    def ask(self) -> list[Instruction]:
        """Ask for the suggestions that the free workers and the trials kept ready still lack."""
        if self.is_exhausted:
            return []
        missing = max(0, len(self.free_workers) + self._ahead - len(self.trials) - self.pending)
        self.pending += missing
        return [Ask()] * missing

    def clear(self) -> None:
        """Drop all trials, and forget the free workers."""
        self.trials.clear()
        self.free_workers.clear()
