"""The brackets of Hyperband: how many configurations run on which budget, and who goes on. It suggests nothing."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from maggy.optimizer.rungs import rung_budgets
from maggy.trial import Trial

__all__ = ["Bracket", "Configuration", "plan_brackets"]


@dataclass(eq=False)
class Configuration:
    """One configuration, over all of its runs.

    Args:
        number: Its place in the order of drawing.
        virtual: The trial that its sampler knows: the parameters without a budget.
    """

    number: int
    virtual: Trial


class Bracket:
    """One run of successive halving.

    Args:
        sizes: How many configurations run at each rung.
        budgets: The rungs' budgets.

    Attributes:
        rung: The rung that runs now.
        to_draw: How many configurations are still to be added.
        waiting: Configurations that are to run at this rung.
        over: Whether nothing will ever run here again.
    """

    def __init__(self, sizes: list[int], budgets: list[float]) -> None:
        self._sizes = sizes
        self._budgets = budgets
        self._running = 0  # those that wait included
        self._results: list[tuple[Configuration, float]] = []
        self._failed: list[Configuration] = []
        self.rung = 0
        self.to_draw = sizes[0]
        self.waiting: deque[Configuration] = deque()
        self.over = False

    @property
    def budget(self) -> float:
        """The budget of the rung that runs now."""
        return self._budgets[self.rung]

    @property
    def runs(self) -> int:
        """How many runs there are if none fails."""
        return sum(self._sizes)

    def add(self, configuration: Configuration) -> None:
        """A configuration was drawn, and is about to run."""
        self.to_draw = max(0, self.to_draw - 1)
        self._running += 1

    def drawn_all(self, direction: str) -> list[tuple[Configuration, bool]]:
        """There is nothing more to draw, though there is room. Returns what ``ended`` returns."""
        self.to_draw = 0
        return [] if self._running else self._close_rung(direction)

    def ended(
        self, configuration: Configuration, metric: float | None, direction: str
    ) -> list[tuple[Configuration, bool]]:
        """A run of this rung ended; None is a failure.

        Returns:
            The configurations that will not run again, and whether each has run on the largest budget.
        """
        self._running -= 1
        if metric is None:
            self._failed.append(configuration)
        else:
            self._results.append((configuration, metric))
        if self._running or self.to_draw:
            return []
        return self._close_rung(direction)

    def _close_rung(self, direction: str) -> list[tuple[Configuration, bool]]:
        sign = -1 if direction == "max" else 1
        ranked = sorted(self._results, key=lambda result: (sign * result[1], result[0].number))
        is_last = self.rung == len(self._budgets) - 1
        kept = 0 if is_last else self._sizes[self.rung + 1]
        promoted = sorted(
            (configuration for configuration, _ in ranked[:kept]), key=lambda each: each.number
        )
        left = [(configuration, False) for configuration in self._failed]
        left += [(configuration, is_last) for configuration, _ in ranked[kept:]]
        self._results, self._failed = [], []
        self.over = not promoted
        if promoted:
            self.rung += 1
            self.waiting = deque(promoted)
            self._running = len(promoted)
        return left


def plan_brackets(
    eta: int,
    resource_min: float,
    resource_max: float,
    num_trials: int | None,
    number: int | None = None,
) -> list[Bracket]:
    """The brackets whose runs add up to ``num_trials``; one of each kind if that is None.

    Args:
        eta: One in so many goes on.
        resource_min: No budget is smaller.
        resource_max: The full budget.
        num_trials: How many runs there are.
        number: So many brackets of full size, whatever ``num_trials`` is; None to go by that.
    """
    resources = (resource_min, resource_max)
    highest = len(rung_budgets(resource_min, resource_max, eta)) - 1
    brackets: list[Bracket] = []
    most = highest + 1 if number is None else number
    left = math.inf if num_trials is None or number is not None else num_trials
    while left > 0:
        for kind in range(highest, -1, -1):
            width = math.ceil((highest + 1) / (kind + 1) * eta**kind)
            while sum(_sizes(width, kind, eta)) > left:
                width -= 1
            if width < eta**kind:  # too few for one of them to get the full budget
                continue
            sizes = _sizes(width, kind, eta)
            brackets.append(
                Bracket(sizes, [_budget(*resources, eta, rung) for rung in range(kind, -1, -1)])
            )
            left -= sum(sizes)
            if left == math.inf and len(brackets) == most:
                return brackets
    return brackets


def _sizes(width: int, kind: int, eta: int) -> list[int]:
    """How many run at each rung."""
    return [width // eta**rung for rung in range(kind + 1)]


def _budget(resource_min: float, resource_max: float, eta: int, rung: int) -> float:
    """The full budget divided by ``eta`` to the power of ``rung``, whole where both ends are."""
    if isinstance(resource_min, int) and isinstance(resource_max, int):
        return max(resource_min, int(resource_max // eta**rung))
    return float(max(resource_min, resource_max / eta**rung))
