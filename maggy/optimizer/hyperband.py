"""Search by Hyperband: successive halving of the configurations that any optimizer suggests."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import count
from typing import TYPE_CHECKING, Literal

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import ParameterValue, Params
from maggy.optimizer.abstractoptimizer import AbstractOptimizer, check_space
from maggy.optimizer.brackets import (
    Bracket,
    Configuration,
    FinishedConfiguration,
    plan_brackets,
)
from maggy.optimizer.hyperband_settings import HyperbandSettings
from maggy.optimizer.randomsearch import RandomSearch
from maggy.optimizer.rungs import BUDGET_NAMES, budget_name, split_budget
from maggy.optimizer.running_trials import RunningTrials
from maggy.trial import Trial

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["Hyperband"]


class Hyperband(AbstractOptimizer):
    """Run brackets of successive halving, from many configurations on a small budget to few.

    A bracket runs its configurations on its smallest budget. When all have ended, the best
    ``1 / eta`` of them run on ``eta`` times the budget, and so on up to ``resource_max``. The next
    bracket starts with fewer configurations on a larger budget. After the bracket that runs only
    full budgets, the first kind follows again. A worker for which a bracket has no trial begins
    with the next bracket. It waits (``"IDLE"``) only if there is none.

    If metrics are equal, the configuration that was suggested earlier is better. A configuration is
    not promoted after a failed trial. If more trials fail than would be left out anyway, fewer are
    promoted. A configuration takes a trial on each budget, and ``num_trials`` counts them all. The
    last brackets are made smaller to meet it exactly. Without ``num_trials`` each kind of bracket
    runs once.

    A promoted trial has the configuration's trial on the smaller budget as its ``parent``, and
    ``reporter.restore()`` returns the parent's newest checkpoint. The budget is the total, so a
    function that restores it trains only what is missing. One without checkpoints trains from the
    beginning.

    The sampler gets the metric of each budget as a value that is reported at that step. It learns
    that a configuration has ended when the configuration is left out (then it counts as stopped
    early) or has run on the full budget.

    Example:
        >>> Hyperband(eta=3, resource_max=27).name()
        'Hyperband(RandomSearch)'

    Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 18
    (2018).

    Args:
        eta: One in ``eta`` configurations of a rung is promoted. A whole number of at least 2.
        resource_min: The smallest budget.
        resource_max: The full budget. If it and ``resource_min`` are whole numbers, all budgets
            are.
        sampler: Suggests the configurations: an optimizer or its name, or a sampler of Optuna's.
            None for random search. A name becomes an optimizer when the experiment's config is
            made.
        min_budget: The name of ``resource_min`` in release 1.1.
        max_budget: The name of ``resource_max`` in release 1.1.
        n_iterations: The number of brackets, whatever ``num_trials`` is, as in release 1.1. None to
            follow ``num_trials``.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """

    needs_num_trials = False
    can_be_sampler = False

    sampler: AbstractOptimizer | BaseSampler | str
    """Suggests the configurations. The registry replaces a name by its optimizer."""

    def __init__(
        self,
        eta: int = 3,
        resource_min: float = 1,
        resource_max: float = 9,
        sampler: AbstractOptimizer | BaseSampler | str | None = None,
        *,
        min_budget: float | None = None,
        max_budget: float | None = None,
        n_iterations: int | None = None,
    ) -> None:
        super().__init__()
        self._settings = HyperbandSettings.from_arguments(
            eta,
            resource_min,
            resource_max,
            min_budget=min_budget,
            max_budget=max_budget,
            n_iterations=n_iterations,
        )
        self.sampler = RandomSearch() if sampler is None else sampler
        self._budget_name = BUDGET_NAMES[0]

    @classmethod
    def from_settings(cls, settings: HyperbandSettings, sampler: AbstractOptimizer) -> Hyperband:
        """Return a pruner with these settings for the configurations of this sampler."""
        pruner = cls()
        pruner._settings, pruner.sampler = settings, sampler
        return pruner

    @property
    def was_named_by_sampler(self) -> bool:
        """Whether the sampler asked for this pruner, as in ``RandomSearch(pruner="hyperband")``."""
        return isinstance(self.sampler, AbstractOptimizer) and self.sampler.pruner is self._settings

    def name(self) -> str:
        """Return the pruner's name, with the sampler's in parentheses."""
        if isinstance(self.sampler, AbstractOptimizer):
            return f"Hyperband({self.sampler.name()})"
        name = self.sampler if isinstance(self.sampler, str) else type(self.sampler).__name__
        return f"Hyperband({name})"

    def initialize(self) -> None:
        """Plan the brackets, and prepare the sampler.

        Raises:
            BadArgumentsError: If there is no search space, or if it has a parameter of the budget's
                name.
        """
        check_space(self.searchspace, self._budget_name, self.name())
        # Brackets start in this order, and leave at the front once nothing will run there again.
        self._brackets = deque(self._plan())
        self._metric_direction = Direction.parse(self.direction)
        self._running: RunningTrials[tuple[Bracket, Configuration]] = RunningTrials()
        # The numbers of all configurations. Every number below ``_next_number`` is among them.
        self._numbers: set[int] = set()
        self._next_number = 0
        # Runs of the experiment that is resumed, by the number of the configuration and the rung.
        self._recorded_trials: dict[tuple[int, int], Trial] = {}
        self._replays_sampler = False
        # Configurations that have ended. The sampler gets one of them with every request.
        self._unreported: deque[Trial] = deque()
        self._prepare_sampler()
        self._optimizer.initialize()

    def get_suggestion(self, trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """Return the next trial.

        Returns:
            The trial of a configuration. ``"IDLE"`` while a bracket waits for results that decide
            what runs next. None at the end.
        """
        while self._brackets and self._brackets[0].is_over:
            self._brackets.popleft()
        for end in self._running.take_ended(self.trial_store, self.final_store):
            metric = None if end.final is None else end.final.final_metric
            self._record_trial(*end.note, end.suggestion, metric)
        while True:
            following = self._next_configuration()
            if following is None:
                return "IDLE" if any(not bracket.is_over for bracket in self._brackets) else None
            bracket, configuration = following
            record = self._recorded_trials.pop((configuration.number, bracket.rung), None)
            if record is None or self._split_budget(record)[1] != bracket.budget:
                return self._start_trial(bracket, configuration)
            if record.trial_id in self.trial_store:  # it goes on after the interruption
                self._running.add(record, (bracket, configuration))
                continue
            # The trial ended before the interruption. Its result may free the next one at once.
            self._record_trial(bracket, configuration, record, record.final_metric)

    def initial_trial(self, params: Params) -> Trial:
        """Return the trial of this configuration on the smallest budget of the next bracket.

        Raises:
            BadArgumentsError: If there are more initial trials than configurations in
                ``num_trials`` trials.
        """
        bracket = next((bracket for bracket in self._brackets if bracket.num_missing), None)
        if bracket is None and self.num_trials is not None and self._settings.brackets is None:
            raise BadArgumentsError(
                "The number of initial_trials must not exceed that of the configurations of "
                f"{self.name()}, but of its num_trials={self.num_trials} trials only "
                f"{len(self._numbers)} start a configuration. Pass fewer, or raise num_trials."
            )
        # Recorded configurations will be drawn again under their numbers.
        used_numbers = self._numbers | {number for number, _ in self._recorded_trials}
        number = next(number for number in count() if number not in used_numbers)
        bracket = self._brackets[-1] if bracket is None else bracket
        sampler_trial = self._optimizer.initial_trial(params)
        return self._start_trial(bracket, self._add_configuration(bracket, number, sampler_trial))

    def restore(self, trials: list[Trial]) -> bool:
        """Repeat the brackets with the recorded metrics. Draw only what is not recorded."""
        self._recorded_trials = {(trial.configuration, trial.rung): trial for trial in trials}
        self._replays_sampler = not self._optimizer.restore(self._recorded_sampler_trials())
        return True

    def total_trials(self) -> int:
        """Return the number of trials of all brackets if none fails."""
        return sum(bracket.num_trials for bracket in self._plan())

    def parameters(self, function_parameters: Collection[str]) -> list[str]:
        """Return the names of the search space, and the budget's.

        Raises:
            BadArgumentsError: If there is no search space, if it has a parameter of the budget's
                name, or if the sampler refuses it.
        """
        self._budget_name = budget_name(function_parameters)
        check_space(self.searchspace, self._budget_name, self.name())
        self._prepare_sampler()
        self._optimizer.parameters(function_parameters)
        return [*self.searchspace.keys(), self._budget_name]

    @property
    def _optimizer(self) -> AbstractOptimizer:
        """The sampler, which the registry has turned into an optimizer."""
        assert isinstance(self.sampler, AbstractOptimizer)
        return self.sampler

    def _plan(self) -> list[Bracket]:
        return plan_brackets(
            self._settings.eta,
            self._settings.resource_min,
            self._settings.resource_max,
            self.num_trials,
            self._settings.brackets,
        )

    def _prepare_sampler(self) -> None:
        sampler = self._optimizer
        # An upper bound: the sampler suggests configurations, of which most run more than once.
        sampler.num_trials = self.total_trials()
        sampler.searchspace = self.searchspace
        # The sampler sees configurations where the driver sees trials, so it has its own stores.
        sampler.trial_store, sampler.final_store = {}, []
        sampler.direction = self.direction
        sampler.allow_repeats = self.allow_repeats
        sampler.write_log = self.write_log

    def _recorded_sampler_trials(self) -> list[Trial]:
        """Return the recorded configurations as the sampler sees them, sorted by number."""
        sampler_trials: dict[int, Trial] = {}
        for (number, _), trial in sorted(self._recorded_trials.items(), key=lambda item: item[0]):
            params, budget = self._split_budget(trial)
            sampler_trial = sampler_trials.setdefault(number, Trial(params))
            if trial.initial_number is not None:
                sampler_trial.initial_number = trial.initial_number
            if trial.final_metric is None or not isinstance(budget, int | float):
                continue
            sampler_trial.append_metric({"step": budget, "value": trial.final_metric})
            # Trials come in ascending order of their rungs, so the last one decides.
            sampler_trial.final_metric, sampler_trial.status = trial.final_metric, Trial.FINALIZED
            sampler_trial.early_stop = budget < self._settings.resource_max
        return list(sampler_trials.values())

    def _next_configuration(self) -> tuple[Bracket, Configuration] | None:
        for bracket in self._brackets:
            if bracket.queue:
                return bracket, bracket.queue.popleft()
            if not bracket.num_missing:
                continue
            while self._next_number in self._numbers:
                self._next_number += 1
            number = self._next_number
            sampler_trial = self._draw(number)
            if isinstance(sampler_trial, Trial):
                return bracket, self._add_configuration(bracket, number, sampler_trial)
            if sampler_trial is not None and len(self._running):
                # The sampler waits for a result, and a trial may bring one.
                return None
            # The sampler has no more configurations, or waits although nothing runs. The bracket
            # goes on with those that it has.
            self._report_to_sampler(bracket.stop_drawing(self._metric_direction))
            if bracket.queue:
                return bracket, bracket.queue.popleft()
        return None

    def _draw(self, number: int) -> Trial | Literal["IDLE"] | None:
        """Return the sampler's next configuration, or the recorded one with this number."""
        record = self._recorded_trials.get((number, 0))
        suggestion: Trial | Literal["IDLE"] | None = None
        # A sampler that has not taken the records over must draw them again, or it would suggest
        # them later. It did not draw the initial trials.
        if record is None or (self._replays_sampler and record.initial_number is None):
            ended_trial = self._unreported.popleft() if self._unreported else None
            suggestion = self._optimizer.get_suggestion(ended_trial)
        return suggestion if record is None else Trial(self._split_budget(record)[0])

    def _add_configuration(
        self, bracket: Bracket, number: int, sampler_trial: Trial
    ) -> Configuration:
        configuration = Configuration(number, sampler_trial)
        self._numbers.add(number)
        bracket.add_configuration()
        # Equal configurations have equal ids; the number makes them different.
        sampler_trial.trial_id = f"{sampler_trial.trial_id}_{number}"
        sampler_trial.status = Trial.RUNNING
        self._optimizer.trial_store[sampler_trial.trial_id] = sampler_trial
        return configuration

    def _start_trial(self, bracket: Bracket, configuration: Configuration) -> Trial:
        trial = Trial({**configuration.sampler_trial.params, self._budget_name: bracket.budget})
        trial.configuration, trial.rung = configuration.number, bracket.rung
        trial.parent = configuration.last_trial_id
        self._running.add(trial, (bracket, configuration))
        return trial

    def _record_trial(
        self, bracket: Bracket, configuration: Configuration, trial: Trial, metric: float | None
    ) -> None:
        configuration.last_trial_id = trial.trial_id
        if metric is not None:
            # Before ``end_trial``, which may move the bracket to the next budget.
            configuration.sampler_trial.append_metric({"step": bracket.budget, "value": metric})
        self._report_to_sampler(bracket.end_trial(configuration, metric, self._metric_direction))

    def _report_to_sampler(self, ends: list[FinishedConfiguration]) -> None:
        for end in ends:
            sampler_trial = end.configuration.sampler_trial
            self._optimizer.trial_store.pop(sampler_trial.trial_id, None)
            if not sampler_trial.metric_history:
                sampler_trial.status = Trial.ERROR
                continue
            sampler_trial.status = Trial.FINALIZED
            sampler_trial.final_metric = sampler_trial.metric_history[-1]
            sampler_trial.early_stop = not end.has_full_budget
            self._optimizer.final_store.append(sampler_trial)
            self._unreported.append(sampler_trial)

    def _split_budget(self, trial: Trial) -> tuple[Params, ParameterValue]:
        return split_budget(trial.params, self.searchspace.keys())
