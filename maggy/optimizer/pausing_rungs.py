"""Decide at rungs which running trials pause, and which paused ones go on."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable

from maggy.common.direction import Direction
from maggy.earlystop import AbstractEarlyStop, Decision
from maggy.optimizer.rungs import Rung
from maggy.trial import Trial

__all__ = ["PausingRungs"]


class PausingRungs(AbstractEarlyStop):
    """Pause a trial at a rung unless it is among the best there. Let it go on when it is.

    A rung is a number of steps: a trial is there when it has reported the step before, since steps
    count from 0. The value at that step counts.

    Args:
        budgets: The rungs from the lowest up. At the last one a trial has ended.
        factor: One in ``factor`` trials of a rung goes on.
    """

    every_report = True
    waits_for_finals = False

    def __init__(self, budgets: list[float], factor: int) -> None:
        self._budgets = budgets[:-1]
        self._factor = factor
        self.start()

    def start(self) -> None:
        """Start with empty rungs."""
        self._rungs: list[Rung[Trial]] = [Rung() for _ in self._budgets]
        self._levels: dict[str, int] = {}  # number of rungs that each trial has reached
        # Trials that go on once they have paused, each with the number of rungs it had reached.
        self._promoted: list[tuple[Trial, int]] = []

    def decide(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> Decision:
        """Return PAUSE if the trial has reached a rung and is not among the best there."""
        waits = self._enter_rungs(trial, direction)
        return Decision.PAUSE if waits else Decision.CONTINUE

    def explain(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str:
        """Return at which rung the trial was not good enough."""
        level = self._levels.get(trial.trial_id, 1) - 1
        return (
            f"it is not among the best 1/{self._factor} of {len(self._rungs[level])} trials at "
            f"{self._budgets[level]:g} steps"
        )

    def next_to_continue(self) -> Trial | None:
        """Return a paused trial that is among the best at its rung; None if there is none.

        From the highest rung down, the best one first.
        """
        for level in reversed(range(len(self._rungs))):
            while (trial := self._rungs[level].promote(self._factor)) is not None:
                self._promoted.append((trial, level + 1))
        for position, (trial, level) in enumerate(self._promoted):
            if trial.status == Trial.PAUSED and self._levels[trial.trial_id] == level:
                del self._promoted[position]
                return trial
        # What has ended, or has reached a higher rung before it paused, waits no longer here.
        self._promoted = [
            (trial, level)
            for trial, level in self._promoted
            if trial.status == Trial.RUNNING and self._levels[trial.trial_id] == level
        ]
        return None

    def restore(self, trials: Iterable[Trial], direction: str) -> None:
        """Enter recorded trials. Only paused ones wait at the rung that they have reached."""
        for trial in trials:
            self._enter_rungs(trial, direction, waits=trial.status == Trial.PAUSED)

    def _enter_rungs(self, trial: Trial, direction: str, *, waits: bool | None = None) -> bool:
        """Enter a trial into the rungs that it has reached.

        Args:
            trial: The trial.
            direction: ``"max"`` or ``"min"``.
            waits: Whether it waits at the last of them; None to let its value decide.

        Returns:
            Whether it waits at the last of them.
        """
        sign = Direction.parse(direction).sign
        first = self._levels.get(trial.trial_id, 0)
        values = [
            value
            for budget in self._budgets[first:]
            if (value := _value_at(trial, budget)) is not None
        ]
        goes_on = True
        for offset, value in enumerate(values):
            rung = self._rungs[first + offset]
            minimized = math.inf if math.isnan(value) else -sign * value
            if offset < len(values) - 1:
                goes_on = True
            elif waits is None:
                goes_on = rung.would_promote(minimized, self._factor)
            else:
                goes_on = not waits
            rung.add(trial, minimized, is_promoted=goes_on)
        self._levels[trial.trial_id] = first + len(values)
        return not goes_on


def _value_at(trial: Trial, budget: float) -> float | None:
    """Return the value of the trial after this number of steps; None if it is not there yet."""
    position = bisect_left(trial.step_history, budget - 1)
    if position == len(trial.step_history):
        return None
    return trial.metric_history[position]
