"""Asynchronous successive halving: many configurations on a small budget, the best of them on ever larger ones."""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any

from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.checks import check_space
from maggy.optimizer.inflight import InFlight
from maggy.optimizer.rungs import BUDGET_NAMES, budget_name, check_budgets, rung_budgets
from maggy.trial import Trial

__all__ = ["Asha"]


@dataclass
class _Result:
    """What a configuration reached at one rung."""

    configuration: int
    params: dict[str, Any]
    metric: float
    promoted: bool = False


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

    def __init__(self, reduction_factor: int = 2, resource_min: float = 1, resource_max: float = 4) -> None:
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
        self._rungs: list[list[_Result]] = [[] for _ in self._budgets]
        self._flight: InFlight[tuple[int, int, dict[str, Any]]] = InFlight()
        self._configurations = 0
        self._suggested = 0

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """A promoted or a new configuration; None once ``num_trials`` runs were suggested."""
        self._read_ended()
        if self._suggested >= self.num_trials:
            return None
        for rung in reversed(range(len(self._rungs) - 1)):
            result = self._promotable(rung)
            if result is not None:
                result.promoted = True
                return self._run(result.configuration, rung + 1, result.params)
        return self.initial_trial(self.searchspace.get_random_parameter_values(1)[0])

    def initial_trial(self, params: dict[str, Any]) -> Trial:
        """The run of a new configuration at the lowest rung."""
        self._configurations += 1
        return self._run(self._configurations - 1, 0, params)

    def restore(self, trials: list[Trial]) -> bool:
        """Put the recorded runs on their rungs, and go on drawing where the drawing ended."""
        for trial in trials:
            rung, configuration = trial.info_dict["rung"], trial.info_dict["configuration"]
            params = {name: value for name, value in trial.params.items() if name != self._budget_name}
            self._configurations = max(self._configurations, configuration + 1)
            fits = self._budgets[rung : rung + 1] == [trial.params.get(self._budget_name)]
            if trial.final_metric is not None and fits:
                self._add(rung, _Result(configuration, params, trial.final_metric))
        for rung, results in enumerate(self._rungs):
            above = {t.info_dict["configuration"] for t in trials if t.info_dict["rung"] == rung + 1}
            for result in results:
                result.promoted = result.configuration in above
        self._suggested = len(trials)
        self.searchspace.get_random_parameter_values(self._configurations)
        return True

    def total_trials(self) -> int:
        """``num_trials``."""
        return self.num_trials

    def parameters(self, asked: Collection[str]) -> list[str]:
        """Those of the search space, and the budget."""
        self._budget_name = budget_name(asked)
        check_space(self.searchspace, self._budget_name, self.name())
        return [*self.searchspace.keys(), self._budget_name]

    def _run(self, configuration: int, rung: int, params: dict[str, Any]) -> Trial:
        self._suggested += 1
        notes = {"configuration": configuration, "rung": rung}
        trial = Trial({**params, self._budget_name: self._budgets[rung]}, info_dict=notes)
        self._flight.add(trial, (configuration, rung, params))
        return trial

    def _read_ended(self) -> None:
        for _, (configuration, rung, params), final in self._flight.ended(self.trial_store, self.final_store):
            if final is not None and final.final_metric is not None:
                self._add(rung, _Result(configuration, params, final.final_metric))

    def _add(self, rung: int, result: _Result) -> None:
        # The best come first, and of equal ones those that ended earlier.
        sign = -1 if self.direction == "max" else 1
        insort(self._rungs[rung], result, key=lambda known: sign * known.metric)

    def _promotable(self, rung: int) -> _Result | None:
        """The best configuration that belongs on the next rung and is not there."""
        best = islice(self._rungs[rung], len(self._rungs[rung]) // self._factor)
        return next((result for result in best if not result.promoted), None)
