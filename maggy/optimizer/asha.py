"""Asynchronous successive halving: many configurations on a small budget, the best of them on ever larger ones."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.checks import check_space
from maggy.optimizer.inflight import InFlight
from maggy.optimizer.rungs import BUDGET_NAMES, budget_name, check_budgets, rung_budgets
from maggy.optimizer.untried import Untried
from maggy.trial import Trial

__all__ = ["Asha"]


@dataclass
class _Result:
    """What a configuration reached at one rung."""

    configuration: int
    params: dict[str, Any]
    metric: float


class _Rung:
    """The results at one rung; the time to find the next promotion hardly grows with their number."""

    def __init__(self) -> None:
        self._ranks: list[tuple[float, int]] = []  # of all results, the best first
        self._waiting: list[
            tuple[tuple[float, int], _Result]
        ] = []  # a heap of those that were not promoted

    def add(self, result: _Result, direction: str, promoted: bool = False) -> None:
        """A run at this rung ended. Of equal results those that ended earlier are better."""
        rank = (-result.metric if direction == "max" else result.metric, len(self._ranks))
        insort(self._ranks, rank)
        if not promoted:
            heappush(self._waiting, (rank, result))

    def promote(self, factor: int) -> _Result | None:
        """The best result that was not promoted, if it is in the best ``1 / factor``; it counts as promoted then."""
        if (
            not self._waiting
            or bisect_left(self._ranks, self._waiting[0][0]) >= len(self._ranks) // factor
        ):
            return None
        return heappop(self._waiting)[1]


class Asha(AbstractOptimizer):
    """Runs configurations on the smallest budget and promotes the best, without waiting for the others.

    Budgets are rungs: ``resource_min``, ``reduction_factor`` times that, and so on, none above ``resource_max``. When a
    worker is free, the rungs are looked at from the top down: if one of the best ``1 / reduction_factor`` of the
    configurations that have a metric at a rung has not been promoted yet, it runs again with the next rung's budget.
    Otherwise a new random configuration starts at the lowest rung. Equal metrics count in the order of their ending.
    A failed run is not repeated, and its configuration goes no further.

    The training function gets the budget as the parameter ``budget``, or ``resource`` if it asks for that; it may stand
    for epochs, or for a share of the data. ``num_trials`` counts runs, promoted ones included.

    Example:
        >>> from maggy import Searchspace
        >>> from maggy.experiment_config import OptimizationConfig
        >>> space = Searchspace(lr=("DOUBLE", [1e-5, 1e-1], "log"))
        >>> config = OptimizationConfig(50, Asha(reduction_factor=3, resource_min=1, resource_max=27), space)

    Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020.

    Args:
        reduction_factor: The share of a rung that goes on is one in so many; at least 2.
        resource_min: The smallest budget, above 0.
        resource_max: The largest budget. The highest rung is below it unless it is a multiple of ``resource_min`` by a
            power of ``reduction_factor``.

    Raises:
        BadArgumentsError: An argument breaks its rule.
    """

    def __init__(
        self, reduction_factor: int = 2, resource_min: float = 1, resource_max: float = 4
    ) -> None:
        super().__init__()
        check_budgets("reduction_factor", reduction_factor, resource_min, resource_max)
        self._factor = reduction_factor
        self._budgets = rung_budgets(resource_min, resource_max, reduction_factor)
        self._budget_name = BUDGET_NAMES[0]

    def initialize(self) -> None:
        """Start with empty rungs.

        Raises:
            BadArgumentsError: There is no search space, or it has a parameter of the budget's name.
        """
        check_space(self.searchspace, self._budget_name, self.name())
        self._rungs = [_Rung() for _ in self._budgets]
        self._flight: InFlight[tuple[int, int, dict[str, Any]]] = InFlight()
        self._configurations = 0
        self._suggested = 0
        self._untried = Untried(self.searchspace, self.allow_repeats)

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """A promoted or a new configuration; None once ``num_trials`` runs were suggested."""
        self._read_ended()
        if self._suggested >= self.num_trials:
            return None
        for rung in reversed(range(len(self._rungs) - 1)):
            result = self._rungs[rung].promote(self._factor)
            if result is not None:
                return self._run(result.configuration, rung + 1, result.params)
        return self._start(self._draw())

    def initial_trial(self, params: dict[str, Any]) -> Trial:
        """The run of a new configuration at the lowest rung."""
        self._untried.add(params)
        return self._start(params)

    def restore(self, trials: list[Trial]) -> bool:
        """Put the recorded runs on their rungs, and go on drawing where the drawing ended."""
        started = {(trial.info_dict["configuration"], trial.info_dict["rung"]) for trial in trials}
        for trial in trials:
            rung, configuration = trial.info_dict["rung"], trial.info_dict["configuration"]
            params = self._without_budget(trial.params)
            self._configurations = max(self._configurations, configuration + 1)
            fits = self._budgets[rung : rung + 1] == [trial.params.get(self._budget_name)]
            if trial.final_metric is not None and fits:
                result = _Result(configuration, params, trial.final_metric)
                self._rungs[rung].add(
                    result, self.direction, promoted=(configuration, rung + 1) in started
                )
        self._suggested = len(trials)
        self._draw_again(trials)
        return True

    def total_trials(self) -> int:
        """``num_trials``."""
        return self.num_trials

    def parameters(self, asked: Collection[str]) -> list[str]:
        """Those of the search space, and the budget."""
        self._budget_name = budget_name(asked)
        check_space(self.searchspace, self._budget_name, self.name())
        return [*self.searchspace.keys(), self._budget_name]

    def _draw(self) -> dict[str, Any]:
        return self._untried.choose(lambda: self.searchspace.get_random_parameter_values(1)[0])

    def _draw_again(self, trials: list[Trial]) -> None:
        """Bring the generator to where it was, and note what ran; what was drawn and never ended may come again."""
        for trial in trials:
            if "initial" in trial.info_dict:
                self._untried.add(self._without_budget(trial.params))
        for _ in range(self._configurations):
            self._draw()
        self._untried = Untried(self.searchspace, self.allow_repeats)
        for trial in trials:
            self._untried.add(self._without_budget(trial.params))

    def _start(self, params: dict[str, Any]) -> Trial:
        self._configurations += 1
        return self._run(self._configurations - 1, 0, params)

    def _without_budget(self, params: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in params.items() if name != self._budget_name}

    def _run(self, configuration: int, rung: int, params: dict[str, Any]) -> Trial:
        self._suggested += 1
        notes = {"configuration": configuration, "rung": rung}
        trial = Trial({**params, self._budget_name: self._budgets[rung]}, info_dict=notes)
        self._flight.add(trial, (configuration, rung, params))
        return trial

    def _read_ended(self) -> None:
        for _, (configuration, rung, params), final in self._flight.ended(
            self.trial_store, self.final_store
        ):
            if final is not None and final.final_metric is not None:
                self._rungs[rung].add(
                    _Result(configuration, params, final.final_metric), self.direction
                )
