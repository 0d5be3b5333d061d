"""Hyperband: successive halving from several smallest budgets, over the configurations of any optimizer."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import count
from typing import Any, ClassVar, Literal

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.brackets import Bracket, Configuration, plan_brackets
from maggy.optimizer.checks import check_space
from maggy.optimizer.hyperband_settings import HyperbandSettings
from maggy.optimizer.inflight import InFlight
from maggy.optimizer.randomsearch import RandomSearch
from maggy.optimizer.rungs import BUDGET_NAMES, budget_name
from maggy.trial import Trial

__all__ = ["Hyperband"]


class Hyperband(AbstractOptimizer):
    """Runs brackets of successive halving, from many configurations on a small budget to few on the full one.

    A bracket runs its configurations on its smallest budget; when all have ended, the best ``1 / eta`` of them run on
    ``eta`` times the budget, and so on up to ``resource_max``. The next bracket starts with fewer configurations on a
    larger budget; after the one that runs only full budgets comes the first kind again. A worker for which a bracket
    has nothing begins with the next one, and waits (``"IDLE"``) only where there is none.

    Equal metrics count in the order of suggestion. A failed run goes no further; where more fail than would be left
    out anyway, fewer are promoted. ``num_trials`` counts runs; the last brackets are made smaller to meet it exactly.
    Left out, each kind of bracket runs once.

    The sampler is told the metric of each budget as a reported value at that step, and that a configuration has ended
    when it is left out (as one stopped early) or has run on the full budget.

    Example:
        >>> Hyperband(eta=3, resource_max=27).name()
        'Hyperband(RandomSearch)'

    Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 18 (2018).

    Args:
        eta: The share of a rung that goes on is one in so many; a whole number of at least 2.
        resource_min: No budget is smaller.
        resource_max: The full budget. Others are whole numbers if this one and ``resource_min`` are.
        sampler: Suggests the configurations: an optimizer or its name, or a sampler of Optuna's; None for random
            search. A name becomes an optimizer when the experiment's config is made.
        min_budget: What release 1.1 called ``resource_min``.
        max_budget: What release 1.1 called ``resource_max``.
        n_iterations: Run so many brackets, whatever ``num_trials`` is, as release 1.1 did; None to go by that.

    Raises:
        BadArgumentsError: An argument breaks its rule.
    """

    needs_num_trials: ClassVar[bool] = False

    sampler: Any
    """Suggests the configurations. The registry replaces a name by its optimizer."""

    def __init__(
        self,
        eta: int = 3,
        resource_min: float = 1,
        resource_max: float = 9,
        sampler: Any = None,
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
        """Whether the sampler itself asked for this pruner, as in ``RandomSearch(pruner="hyperband")``."""
        return isinstance(self.sampler, AbstractOptimizer) and self.sampler.pruner is self._settings

    def name(self) -> str:
        """Return the pruner's name, and the sampler's in brackets."""
        return (
            f"Hyperband({self.sampler if isinstance(self.sampler, str) else self.sampler.name()})"
        )

    def initialize(self) -> None:
        """Plan the brackets, and prepare the sampler.

        Raises:
            BadArgumentsError: There is no search space, or it has a parameter of the budget's name.
        """
        check_space(self.searchspace, self._budget_name, self.name())
        # In their order; those at the front are taken away once nothing will run there again.
        self._brackets = deque(self._plan())
        self._flight: InFlight[tuple[Bracket, Configuration]] = InFlight()
        self._numbers: set[int] = set()  # of the configurations that were drawn
        self._number = 0  # all below are among them
        self._book: dict[tuple[int, int], Trial] = {}  # recorded runs by configuration and rung
        self._replayed = False
        self._handed: deque[Trial] = deque()  # ended, and not yet told to the sampler
        self._prepare_sampler()
        self.sampler.initialize()

    def get_suggestion(self, trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """The next run; ``"IDLE"`` while a bracket waits for runs whose results decide what is next."""
        while self._brackets and self._brackets[0].over:
            self._brackets.popleft()
        for _, (bracket, configuration), final in self._flight.ended(
            self.trial_store, self.final_store
        ):
            self._note(bracket, configuration, None if final is None else final.final_metric)
        while True:
            found = self._next_run()
            if found is None:
                return "IDLE" if any(not bracket.over for bracket in self._brackets) else None
            bracket, configuration = found
            recorded = self._book.pop((configuration.number, bracket.rung), None)
            if recorded is None or recorded.params[self._budget_name] != bracket.budget:
                return self._run(bracket, configuration)
            self._note(bracket, configuration, recorded.final_metric)

    def initial_trial(self, params: dict[str, Any]) -> Trial:
        """The run of this configuration on the smallest budget of the bracket that begins next.

        Raises:
            BadArgumentsError: There are more of them than configurations in ``num_trials`` runs.
        """
        bracket = next((bracket for bracket in self._brackets if bracket.to_draw), None)
        if bracket is None and self.num_trials is not None and self._settings.brackets is None:
            raise BadArgumentsError(
                f"initial_trials must be no more than the configurations of {self.name()}, but of num_trials="
                f"{self.num_trials} runs only {len(self._numbers)} are such. Give fewer, or raise num_trials."
            )
        taken = self._numbers | {number for number, _ in self._book}
        number = next(number for number in count() if number not in taken)
        bracket = self._brackets[-1] if bracket is None else bracket
        return self._run(bracket, self._add(bracket, number, self.sampler.initial_trial(params)))

    def restore(self, trials: list[Trial]) -> bool:
        """Go through the brackets again with the recorded metrics, and draw only what is not recorded."""
        self._book = {
            (trial.info_dict["configuration"], trial.info_dict["rung"]): trial for trial in trials
        }
        known: dict[int, Trial] = {}
        for (number, _), trial in sorted(self._book.items(), key=lambda item: item[0]):
            notes = {
                name: trial.info_dict[name] for name in ("initial",) if name in trial.info_dict
            }
            virtual = known.setdefault(
                number, Trial(self._without_budget(trial.params), info_dict=notes)
            )
            if trial.final_metric is not None:
                virtual.append_metric(
                    {"step": trial.params[self._budget_name], "value": trial.final_metric}
                )
                virtual.final_metric, virtual.status = trial.final_metric, Trial.FINALIZED
                virtual.early_stop = trial.params[self._budget_name] < self._settings.resource_max
        self._replayed = not self.sampler.restore(list(known.values()))
        return True

    def total_trials(self) -> int:
        """The runs of all brackets, if none fails."""
        return sum(bracket.runs for bracket in self._plan())

    def parameters(self, asked: Collection[str]) -> list[str]:
        """Those of the search space, and the budget."""
        self._budget_name = budget_name(asked)
        check_space(self.searchspace, self._budget_name, self.name())
        self._prepare_sampler()
        self.sampler.parameters(asked)
        return [*self.searchspace.keys(), self._budget_name]

    def _plan(self) -> list[Bracket]:
        return plan_brackets(
            self._settings.eta,
            self._settings.resource_min,
            self._settings.resource_max,
            self.num_trials,
            self._settings.brackets,
        )

    def _prepare_sampler(self) -> None:
        sampler = self.sampler
        sampler.num_trials = self.total_trials()  # never asked for as many
        sampler.searchspace = self.searchspace
        sampler.trial_store, sampler.final_store = {}, []
        sampler.direction = self.direction
        sampler.allow_repeats = self.allow_repeats
        sampler.write_log = self.write_log

    def _next_run(self) -> tuple[Bracket, Configuration] | None:
        for bracket in self._brackets:
            if bracket.waiting:
                return bracket, bracket.waiting.popleft()
            if not bracket.to_draw:
                continue
            while self._number in self._numbers:
                self._number += 1
            number = self._number
            virtual = self._draw(number)
            if isinstance(virtual, str) and len(self._flight):
                return None
            if not isinstance(virtual, Trial):
                # The sampler has no more, or none before a configuration has ended: what was drawn goes on.
                self._tell_sampler(bracket.drawn_all(self.direction))
                if not bracket.waiting:
                    continue
                return bracket, bracket.waiting.popleft()
            return bracket, self._add(bracket, number, virtual)
        return None

    def _draw(self, number: int) -> Trial | Literal["IDLE"] | None:
        """The sampler's next configuration, or the recorded one of this number."""
        recorded = self._book.get((number, 0))
        drawn: Trial | Literal["IDLE"] | None = None
        if recorded is None or (self._replayed and "initial" not in recorded.info_dict):
            drawn = self.sampler.get_suggestion(self._handed.popleft() if self._handed else None)
        return drawn if recorded is None else Trial(self._without_budget(recorded.params))

    def _add(self, bracket: Bracket, number: int, virtual: Trial) -> Configuration:
        configuration = Configuration(number, virtual)
        self._numbers.add(number)
        bracket.add(configuration)
        virtual.trial_id = f"{virtual.trial_id}_{configuration.number}"  # equal ones are told apart
        virtual.status = Trial.RUNNING
        self.sampler.trial_store[virtual.trial_id] = virtual
        return configuration

    def _run(self, bracket: Bracket, configuration: Configuration) -> Trial:
        notes = {"configuration": configuration.number, "rung": bracket.rung}
        params = {**configuration.virtual.params, self._budget_name: bracket.budget}
        trial = Trial(params, info_dict=notes)
        self._flight.add(trial, (bracket, configuration))
        return trial

    def _note(self, bracket: Bracket, configuration: Configuration, metric: float | None) -> None:
        if metric is not None:
            configuration.virtual.append_metric({"step": bracket.budget, "value": metric})
        self._tell_sampler(bracket.ended(configuration, metric, self.direction))

    def _tell_sampler(self, over: list[tuple[Configuration, bool]]) -> None:
        for configuration, complete in over:
            virtual = configuration.virtual
            self.sampler.trial_store.pop(virtual.trial_id, None)
            if not virtual.metric_history:
                virtual.status = Trial.ERROR
                continue
            virtual.status, virtual.final_metric = Trial.FINALIZED, virtual.metric_history[-1]
            virtual.early_stop = not complete
            self.sampler.final_store.append(virtual)
            self._handed.append(virtual)

    def _without_budget(self, params: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in params.items() if name != self._budget_name}
