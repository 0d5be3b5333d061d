"""Plan Hyperband's brackets: the number of trials on every budget, and the promotions."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from maggy.common.direction import Direction
from maggy.optimizer.rungs import rung_budgets
from maggy.trial import Trial

__all__ = ["Bracket", "Configuration", "FinishedConfiguration", "plan_brackets"]


@dataclass(eq=False)
class Configuration:
    """A configuration with all of its trials.

    Attributes:
        number: Its position in the order of drawing.
        sampler_trial: The trial as its sampler sees it: the parameters without a budget.
        last_trial_id: Its trial that ended last, which a promotion continues; None if none has.
    """

    number: int
    sampler_trial: Trial
    last_trial_id: str | None = None


@dataclass(frozen=True)
class FinishedConfiguration:
    """A configuration that will not run again.

    Attributes:
        configuration: The configuration.
        has_full_budget: Whether it has run on the largest budget of its bracket.
    """

    configuration: Configuration
    has_full_budget: bool


class Bracket:
    """Run successive halving once, from many configurations on a small budget to few.

    Args:
        sizes: The number of trials at every rung.
        budgets: The budget of every rung.

    Attributes:
        rung: The current rung, from 0.
        num_missing: The number of configurations that are still to be added.
        queue: Configurations that are to run at the current rung.
        is_over: Whether nothing will ever run here again.
    """

    def __init__(self, sizes: list[int], budgets: list[float]) -> None:
        self._sizes = sizes
        self._budgets = budgets
        # The trials of the current rung that have not ended, those in the queue included.
        self._num_open_trials = 0
        self._results: list[tuple[Configuration, float]] = []
        self._failures: list[Configuration] = []
        self.rung = 0
        self.num_missing = sizes[0]
        self.queue: deque[Configuration] = deque()
        self.is_over = False

    @property
    def budget(self) -> float:
        """The budget of the current rung."""
        return self._budgets[self.rung]

    @property
    def num_trials(self) -> int:
        """The number of trials if none fails."""
        return sum(self._sizes)

    def add_configuration(self) -> None:
        """Count a configuration that was drawn and is about to run."""
        # Initial trials may exceed the size of the bracket.
        self.num_missing = max(0, self.num_missing - 1)
        self._num_open_trials += 1

    def stop_drawing(self, direction: Direction) -> list[FinishedConfiguration]:
        """Declare that no more configurations will be added, although there is room.

        Returns:
            The configurations that will not run again; empty while the rung has open trials.
        """
        self.num_missing = 0
        return [] if self._num_open_trials else self._close_rung(direction)

    def end_trial(
        self, configuration: Configuration, metric: float | None, direction: Direction
    ) -> list[FinishedConfiguration]:
        """Record the end of a trial at the current rung.

        Args:
            configuration: The configuration that ran.
            metric: The final metric, or None if the trial failed.
            direction: The direction in which the metric improves.

        Returns:
            The configurations that will not run again; empty while the rung has open trials.
        """
        self._num_open_trials -= 1
        if metric is None:
            self._failures.append(configuration)
        else:
            self._results.append((configuration, metric))
        if self._num_open_trials or self.num_missing:
            return []
        return self._close_rung(direction)

    def _close_rung(self, direction: Direction) -> list[FinishedConfiguration]:
        """Promote the best results to the next rung. Return the configurations that stay behind."""
        # Trials end in any order. Equal metrics are sorted by the number of the configuration, so
        # that the same metrics always lead to the same promotions.
        ranking = sorted(
            self._results, key=lambda result: (-direction.sign * result[1], result[0].number)
        )
        is_last_rung = self.rung == len(self._budgets) - 1
        num_promotions = 0 if is_last_rung else self._sizes[self.rung + 1]
        promotions = [configuration for configuration, _ in ranking[:num_promotions]]
        ends = [
            *(FinishedConfiguration(configuration, False) for configuration in self._failures),
            *(
                FinishedConfiguration(configuration, is_last_rung)
                for configuration, _ in ranking[num_promotions:]
            ),
        ]
        self._results, self._failures = [], []
        self.is_over = not promotions
        if promotions:
            self.rung += 1
            self.queue = deque(sorted(promotions, key=lambda configuration: configuration.number))
            self._num_open_trials = len(promotions)
        return ends


def plan_brackets(
    eta: int,
    resource_min: float,
    resource_max: float,
    num_trials: int | None,
    num_brackets: int | None = None,
) -> list[Bracket]:
    """Return the brackets whose trials add up to ``num_trials``.

    Args:
        eta: One in ``eta`` configurations of a rung is promoted.
        resource_min: The smallest budget.
        resource_max: The full budget.
        num_trials: The number of trials. None for one bracket of each kind.
        num_brackets: The number of brackets of full size, whatever ``num_trials`` is. None to
            follow ``num_trials``.
    """
    # The kind of a bracket is the number of its promotions, from the highest kind down to 0.
    highest_kind = len(rung_budgets(resource_min, resource_max, eta)) - 1
    max_brackets = highest_kind + 1 if num_brackets is None else num_brackets
    is_limited = num_trials is not None and num_brackets is None
    remaining = num_trials if num_trials is not None and is_limited else math.inf
    budgets = [
        _budget(resource_min, resource_max, eta, step) for step in range(highest_kind, -1, -1)
    ]
    brackets: list[Bracket] = []
    while remaining > 0:
        for kind in range(highest_kind, -1, -1):
            sizes = _fitting_sizes(kind, highest_kind, eta, remaining)
            if sizes is None:
                continue
            # The kinds end on the full budget, so a lower kind leaves out the smallest budgets.
            brackets.append(Bracket(sizes, budgets[highest_kind - kind :]))
            remaining -= sum(sizes)
            if not is_limited and len(brackets) == max_brackets:
                return brackets
    return brackets


def _fitting_sizes(kind: int, highest_kind: int, eta: int, max_trials: float) -> list[int] | None:
    """Return the trials at every rung of the widest bracket with at most ``max_trials`` of them.

    The width of the full size is that of the paper. Return None if the bracket would be too narrow
    for one configuration to reach the full budget.
    """
    # Algorithm 1 of the paper: with this width all kinds take about the same budget in total.
    width = math.ceil((highest_kind + 1) / (kind + 1) * eta**kind)
    while sum(_sizes(width, kind, eta)) > max_trials:
        width -= 1
    return None if width < eta**kind else _sizes(width, kind, eta)


def _sizes(width: int, kind: int, eta: int) -> list[int]:
    """Return the number of trials at every rung."""
    return [width // eta**rung for rung in range(kind + 1)]


def _budget(resource_min: float, resource_max: float, eta: int, step: int) -> float:
    """Return the full budget divided by ``eta`` to the power of ``step``.

    The result is a whole number if both ends are.
    """
    if isinstance(resource_min, int) and isinstance(resource_max, int):
        return max(resource_min, int(resource_max // eta**step))
    return float(max(resource_min, resource_max / eta**step))
