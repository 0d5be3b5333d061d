"""Any sampler of Optuna's as an optimizer of ours: ask for a configuration, tell how its trial ended."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.checks import check_space
from maggy.optimizer.inflight import InFlight
from maggy.optimizer.untried import Untried
from maggy.optuna_bridge.space import OptunaSpace
from maggy.optuna_bridge.tools import (
    needs_of,
    quiet,
    require,
    saying_what_is_missing,
    tellable_points,
)
from maggy.trial import Trial

__all__ = ["OptunaSearch"]


class OptunaSearch(AbstractOptimizer):
    """Suggests what a sampler of Optuna's suggests.

    Optuna knows the trials that are running as such, so that a sampler that can (TPE, the Gaussian process) keeps away
    from them. When a trial has ended, its reported values are told (evenly thinned out above 1,000 of them, at steps
    rounded down to whole numbers) and then its metric. One that was stopped early is told to TPE as pruned; the other
    samplers would forget it then, so they are told its metric as if it had run to its end. The metric is turned round
    for ``"max"``, so that both directions mirror each other exactly.

    A sampler that is passed in keeps its own seed; it is copied, and the original is not changed. One that ends its
    study (``BruteForceSampler``, ``GridSampler``) ends the search; it is not begun again for workers that are free
    while the last combinations run.

    Where Optuna's random and model-based samplers repeat a configuration of a small space while untried ones are left,
    they are asked again. What is refused is told as failed, from which no sampler learns. A sampler class of your own
    may repeat what it likes.

    Example:
        >>> import optuna
        >>> from maggy import Searchspace
        >>> from maggy.experiment_config import OptimizationConfig
        >>> space = Searchspace(lr=("DOUBLE", [1e-5, 1e-1], "log"))
        >>> config = OptimizationConfig(50, optuna.samplers.TPESampler(seed=1), space)

    Args:
        sampler: An ``optuna.samplers.BaseSampler``.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.

    Raises:
        MissingDependencyError: Optuna is not installed.
        BadArgumentsError: It is not a sampler.
    """

    needs: tuple[str, ...] = ("optuna",)
    extra = "optuna"

    def __init__(
        self,
        sampler: Any = None,
        pruner: str | None = None,
        pruner_kwargs: dict[str, Any] | None = None,
    ) -> None:
        require(self.name(), self.needs, self.extra)
        super().__init__(pruner, pruner_kwargs)
        self._sampler = sampler
        if type(self) is OptunaSearch:
            from optuna.samplers import BaseSampler

            if not isinstance(sampler, BaseSampler):
                raise BadArgumentsError(
                    f"sampler must be an instance of optuna.samplers.BaseSampler, but got {sampler!r:.80}."
                )
            require(self.name(), needs_of(sampler), self.extra)

    def make_sampler(self, seed: int, restored: list[Any]) -> Any:
        """A new sampler.

        Args:
            seed: For its generator.
            restored: What it will find in its study, as ``optuna.trial.FrozenTrial``; empty in a new experiment.
        """
        sampler = copy.deepcopy(self._sampler)
        if restored:  # or it would draw the same again
            sampler.reseed_rng()
        return sampler

    def choose_sampler(self, sampler: Any, suggested: int) -> Any:
        """What makes the next suggestion: the sampler, or something else before it has begun.

        Args:
            sampler: What ``make_sampler`` made.
            suggested: How many trials were suggested or restored so far.
        """
        return sampler

    def name(self) -> str:
        """The sampler's name."""
        return (
            type(self).__name__
            if getattr(self, "_sampler", None) is None
            else type(self._sampler).__name__
        )

    def initialize(self) -> None:
        """Make an empty study.

        Raises:
            BadArgumentsError: There is no search space, or it has no parameters.
        """
        check_space(self.searchspace, "", self.name())
        self._space = OptunaSpace(self.searchspace, by_value=self._was_told_values())
        self._flight: InFlight[Any] = InFlight()  # each with the optuna.Trial that it came from
        self._recorded: dict[
            str, list[Trial]
        ] = {}  # those that the sampler will suggest again, by configuration
        self._suggested = 0
        self._is_over = False
        self._seed = self.searchspace.draw_seed()
        self._start([])
        self._untried = Untried(self.searchspace, self.allow_repeats or not self._is_asked_again())

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """The sampler's next suggestion; None after ``num_trials`` of them, or when the sampler has no more."""
        with quiet():
            for suggested, asked, final in self._flight.ended(self.trial_store, self.final_store):
                self._tell(asked, final or suggested)
            while not self._is_over and self._suggested < self.num_trials:
                trial, asked = self._ask_untried()
                recorded = self._recorded.get(trial.trial_id)
                if recorded:
                    self._tell(asked, recorded.pop())
                elif self._runs_already(trial):
                    self._tell(asked, trial)  # as failed, so that it is not suggested again
                else:
                    return self._begin(trial, asked)
            return None

    def initial_trial(self, params: dict[str, Any]) -> Trial:
        """A trial of these parameters, of which the sampler knows."""
        self._untried.add(params)
        with quiet():
            return self._begin(*self._ask_for(params))

    def restore(self, trials: list[Trial]) -> bool:
        """Have the sampler learn from the recorded trials; or pass over them, if it goes through a sequence."""
        from optuna.samplers import BruteForceSampler, GridSampler, QMCSampler

        self._suggested = len(trials)
        if isinstance(self._active, (GridSampler, QMCSampler)):
            for trial in trials:
                if "initial" in trial.info_dict:
                    with quiet():  # asked for again, since each costs a point of the sequence
                        self._untried.add(trial.params)
                        self._tell(self._ask_for(trial.params)[1], trial)
                else:
                    self._recorded.setdefault(trial.trial_id.partition("_")[0], []).append(trial)
            return True
        for trial in trials:
            self._untried.add(trial.params)
        with quiet():
            self._start([self._frozen(trial) for trial in trials])
            if trials and isinstance(
                self._active, BruteForceSampler
            ):  # it may have tried everything
                last = self._study.trials[-1]
                self._active.after_trial(self._study, last, last.state, last.values)
        return True

    def total_trials(self) -> int:
        """``num_trials``."""
        return self.num_trials

    def parameters(self, asked: Collection[str]) -> list[str]:
        """Those of the search space."""
        check_space(self.searchspace, "", self.name())
        return self.searchspace.keys()

    def _start(self, restored: list[Any]) -> None:
        import optuna

        with quiet():
            self._active = self.make_sampler((self._seed + len(restored)) % 2**32, restored)
            study: Any = optuna.create_study(sampler=self._active, study_name="maggy")
            study.stop = self._end  # Optuna's own works in its optimize() only
            self._study = study
            self._study.add_trials(restored)

    def _end(self) -> None:
        self._is_over = True

    def _was_told_values(self) -> bool:
        """Whether the user gave the sampler values of parameters, so that it must see them as the user does."""
        from optuna.samplers import GridSampler, PartialFixedSampler

        return isinstance(self._sampler, (GridSampler, PartialFixedSampler))

    def _is_asked_again(self) -> bool:
        """Whether the sampler is one of Optuna's that draw at random or from a model; others keep to what they know."""
        from optuna.samplers import BruteForceSampler, GridSampler, PartialFixedSampler

        is_own = not type(self._active).__module__.startswith("optuna.")
        return not is_own and not isinstance(
            self._active, (BruteForceSampler, GridSampler, PartialFixedSampler)
        )

    def _runs_already(self, trial: Trial) -> bool:
        """Whether a sampler that is to suggest each combination once repeats one, for want of others."""
        from optuna.samplers import BruteForceSampler, GridSampler

        others = (
            running for running in self.trial_store.values() if "initial" not in running.info_dict
        )
        return isinstance(self._active, (BruteForceSampler, GridSampler)) and any(
            running.params == trial.params for running in others
        )

    def _ask(self) -> tuple[Trial, Any]:
        self._study.sampler = self.choose_sampler(self._active, self._suggested)
        with saying_what_is_missing(self.name()):
            asked = self._study.ask()
            return Trial(self._space.suggest(asked)), asked

    def _ask_for(self, params: dict[str, Any]) -> tuple[Trial, Any]:
        """Have the study suggest these parameters."""
        self._study.enqueue_trial(self._space.encode(params))
        return self._ask()

    def _ask_untried(self) -> tuple[Trial, Any]:
        """Ask until the suggestion is no repeat; what is refused is told as failed."""
        from optuna.trial import TrialState

        suggestions: list[tuple[Trial, Any]] = []

        def suggest() -> dict[str, Any]:
            if suggestions:
                self._study.tell(suggestions[-1][1], state=TrialState.FAIL)
            suggestions.append(self._ask())
            return suggestions[-1][0].params

        params = self._untried.choose(suggest)
        trial, asked = suggestions[-1]
        if params is trial.params:
            return trial, asked
        self._study.tell(asked, state=TrialState.FAIL)
        return self._ask_for(params)

    def _begin(self, trial: Trial, asked: Any) -> Trial:
        self._flight.add(trial, asked)
        self._suggested += 1
        return trial

    def _tell(self, asked: Any, ended: Trial) -> None:
        from optuna.trial import TrialState

        for step, value in tellable_points(ended).items():
            asked.report(self._signed(value), step)
        if ended.final_metric is None:
            self._study.tell(asked, state=TrialState.FAIL)
        elif self._is_pruned(ended):
            self._study.tell(asked, state=TrialState.PRUNED)
        else:
            self._study.tell(asked, self._signed(ended.final_metric))

    def _frozen(self, trial: Trial) -> Any:
        from optuna.trial import TrialState, create_trial

        state = TrialState.COMPLETE if trial.final_metric is not None else TrialState.FAIL
        if state == TrialState.COMPLETE and self._is_pruned(trial):
            state = TrialState.PRUNED
        return create_trial(
            state=state,
            value=self._signed(trial.final_metric) if state == TrialState.COMPLETE else None,
            params=self._space.encode(trial.params),
            distributions=self._space.distributions(trial.params),
            intermediate_values={
                step: self._signed(value) for step, value in tellable_points(trial).items()
            },
        )

    def _is_pruned(self, trial: Trial) -> bool:
        from optuna.samplers import TPESampler

        return (
            trial.early_stop and bool(trial.metric_history) and isinstance(self._active, TPESampler)
        )

    def _signed(self, metric: float | None) -> float:
        value = math.nan if metric is None else float(metric)
        return -value if self.direction == "max" else value
