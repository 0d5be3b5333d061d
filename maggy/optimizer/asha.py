"""Search by asynchronous successive halving: promote the best configurations to larger budgets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import Params
from maggy.optimizer.abstractoptimizer import AbstractOptimizer, check_space
from maggy.optimizer.pausing_rungs import PausingRungs
from maggy.optimizer.rungs import (
    BUDGET_NAMES,
    Rung,
    budget_name,
    check_budgets,
    rung_budgets,
    split_budget,
)
from maggy.optimizer.running_trials import RunningTrials
from maggy.optimizer.untried import UntriedConfigurations
from maggy.trial import Trial

__all__ = ["Asha"]


@dataclass(frozen=True)
class _Candidate:
    """A configuration at a rung.

    Attributes:
        configuration: The number of the configuration.
        rung: The rung, counted from 0.
        params: The hyperparameters.
        trial_id: The trial that ended there, which a promotion continues; None while it runs.
    """

    configuration: int
    rung: int
    params: Params
    trial_id: str | None = None


class Asha(AbstractOptimizer):
    """Run configurations on the smallest budget, and promote the best without waiting for others.

    The budgets are rungs: ``resource_min``, ``reduction_factor`` times that, and so on, none above
    ``resource_max``. When a worker is free, the rungs are checked from the top down. A
    configuration is promoted if it is among the best ``1 / reduction_factor`` of those with a
    metric at a rung and has not been promoted from there: it runs again with the next rung's
    budget. If there is none, a new random configuration starts at the lowest rung. If metrics
    are equal, the one that ended earlier is better. A failed trial is not repeated, and its
    configuration is not promoted.

    The training function gets the budget as the parameter ``budget``, or as ``resource`` if it asks
    for that. It may stand for epochs, or for a share of the data. ``num_trials`` counts the
    trials on all budgets.

    With ``stopping="pause"`` there is one trial for each configuration, with the largest budget.
    After as many steps as a rung has budget it pauses at its next checkpoint, unless it is among
    the best there, and another trial has its worker. It goes on from its checkpoint, on any worker,
    when it is among the best of the trials that have come that far. So nothing is trained twice.
    ``num_trials`` counts the configurations, steps count from 0, and a trial that never goes on
    ends as stopped. A function without checkpoints does not pause.

    Without it, a promoted trial has the trial of the rung below as its ``parent``, and
    ``reporter.restore()`` returns the parent's newest checkpoint. The budget is the total, so a
    function that restores it trains only what is missing. One without checkpoints trains from the
    beginning.

    Example:
        >>> from maggy import Searchspace
        >>> from maggy.experiment_config import OptimizationConfig
        >>> space = Searchspace(lr=("DOUBLE", [1e-5, 1e-1], "log"))
        >>> optimizer = Asha(reduction_factor=3, resource_min=1, resource_max=27)
        >>> config = OptimizationConfig(50, optimizer, space)

    Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020.

    Args:
        reduction_factor: One in ``reduction_factor`` configurations of a rung is promoted. At
            least 2.
        resource_min: The smallest budget, above 0.
        resource_max: The largest budget. The highest rung is below it unless it is ``resource_min``
            times a power of ``reduction_factor``.
        stopping: ``"pause"`` to pause running trials; None to end each one at its rung.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """

    can_be_sampler = False

    def __init__(
        self,
        reduction_factor: int = 2,
        resource_min: float = 1,
        resource_max: float = 4,
        *,
        stopping: Literal["pause"] | None = None,
    ) -> None:
        super().__init__()
        if stopping not in ("pause", None):
            raise BadArgumentsError(f"stopping must be 'pause' or None, but got {stopping!r:.80}.")
        check_budgets("reduction_factor", reduction_factor, resource_min, resource_max)
        self._factor = reduction_factor
        self._budgets = rung_budgets(resource_min, resource_max, reduction_factor)
        self._budget_name = BUDGET_NAMES[0]
        self._pausing = PausingRungs(self._budgets, reduction_factor) if stopping else None
        self.own_rule = self._pausing

    def initialize(self) -> None:
        """Start with empty rungs.

        Raises:
            BadArgumentsError: If there is no search space, or if it has a parameter of the budget's
                name.
        """
        check_space(self.searchspace, self._budget_name, self.name())
        self._sign = Direction.parse(self.direction).sign
        self._rungs: list[Rung[_Candidate]] = [Rung() for _ in self._budgets]
        self._running: RunningTrials[_Candidate] = RunningTrials()
        self._num_configurations = 0
        self._num_suggestions = 0
        self._untried = UntriedConfigurations(self.searchspace, self.allow_repeats)
        if self._pausing is not None:
            self._pausing.start()

    def get_suggestion(self, trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """Return a promoted or a new configuration, or None after ``num_trials`` trials."""
        if self._pausing is not None:
            return self._next_of(self._pausing)
        self._add_ended_runs()
        if self._num_suggestions >= self.num_trials:
            return None
        # From the highest rung that has one above it down to the lowest.
        for rung in reversed(range(len(self._rungs) - 1)):
            candidate = self._rungs[rung].promote(self._factor)
            if candidate is not None:
                return self._start_trial(
                    _Candidate(candidate.configuration, rung + 1, candidate.params),
                    parent=candidate.trial_id,
                )
        return self._start_configuration(self._draw())

    def _next_of(self, pausing: PausingRungs) -> Trial | Literal["IDLE"] | None:
        """Return a paused trial that goes on, or a new one."""
        paused = pausing.next_to_continue()
        if paused is not None:
            return paused
        if self._num_suggestions < self.num_trials:
            return self._start_configuration(self._draw())
        # A trial that runs may bring others among the best.
        runs = any(trial.status != Trial.PAUSED for trial in self.trial_store.values())
        return "IDLE" if runs else None

    def initial_trial(self, params: Params) -> Trial:
        """Return the trial of a new configuration at the lowest rung."""
        self._untried.add(params)
        return self._start_configuration(params)

    def restore(self, trials: list[Trial]) -> bool:
        """Put the recorded trials on their rungs, and continue the sequence of random draws."""
        starts = {(trial.configuration, trial.rung) for trial in trials}
        for trial in trials:
            rung, configuration = trial.rung, trial.configuration
            self._num_configurations = max(self._num_configurations, configuration + 1)
            if self._pausing is not None:
                continue
            params, budget = split_budget(trial.params, self.searchspace.keys())
            # An experiment that is resumed with other budgets has none of its records on a rung.
            is_on_rung = self._budgets[rung : rung + 1] == [budget]
            if not is_on_rung:
                continue
            candidate = _Candidate(configuration, rung, params)
            if trial.status == Trial.RUNNING:  # it goes on from a checkpoint
                self._running.add(trial, candidate)
            elif trial.final_metric is not None:
                is_promoted = (configuration, rung + 1) in starts
                self._add_run(candidate, trial, trial.final_metric, is_promoted)
        if self._pausing is not None:
            self._pausing.restore(trials, self.direction)
        self._num_suggestions = len(trials)
        self._repeat_draws(trials)
        return True

    def total_trials(self) -> int:
        """Return ``num_trials``."""
        return self.num_trials

    def parameters(self, function_parameters: Collection[str]) -> list[str]:
        """Return the names of the search space, and the budget's.

        Raises:
            BadArgumentsError: If there is no search space, or if it has a parameter of the budget's
                name.
        """
        self._budget_name = budget_name(function_parameters)
        check_space(self.searchspace, self._budget_name, self.name())
        return [*self.searchspace.keys(), self._budget_name]

    def _draw(self) -> Params:
        return self._untried.choose(lambda: self.searchspace.get_random_parameter_values(1)[0])

    def _repeat_draws(self, trials: list[Trial]) -> None:
        """Bring the generator to its state before the interruption.

        The same number of draws, from the same initial configurations, leaves the same state.
        Afterwards only the recorded configurations count as suggested: what was drawn and never
        ended may be suggested again.
        """
        for trial in trials:
            if trial.initial_number is not None:
                self._untried.add(split_budget(trial.params, self.searchspace.keys())[0])
        for _ in range(self._num_configurations):
            self._draw()
        self._untried = UntriedConfigurations(self.searchspace, self.allow_repeats)
        for trial in trials:
            self._untried.add(split_budget(trial.params, self.searchspace.keys())[0])

    def _start_configuration(self, params: Params) -> Trial:
        self._num_configurations += 1
        return self._start_trial(_Candidate(self._num_configurations - 1, 0, params))

    def _start_trial(self, candidate: _Candidate, parent: str | None = None) -> Trial:
        self._num_suggestions += 1
        rung = candidate.rung if self._pausing is None else -1
        trial = Trial({**candidate.params, self._budget_name: self._budgets[rung]})
        trial.configuration, trial.rung = candidate.configuration, candidate.rung
        trial.parent = parent
        if self._pausing is None:
            self._running.add(trial, candidate)
        return trial

    def _add_ended_runs(self) -> None:
        for end in self._running.take_ended(self.trial_store, self.final_store):
            if end.final is not None and end.final.final_metric is not None:
                self._add_run(end.note, end.suggestion, end.final.final_metric)

    def _add_run(
        self, candidate: _Candidate, trial: Trial, metric: float, is_promoted: bool = False
    ) -> None:
        # Only now: the driver may have added a suffix to the id of the suggestion.
        candidate = replace(candidate, trial_id=trial.trial_id)
        self._rungs[candidate.rung].add(candidate, -self._sign * metric, is_promoted)
