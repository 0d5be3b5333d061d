"""Search with any of Optuna's samplers: ask for a configuration, report how its trial ended."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import Params
from maggy.optimizer.abstractoptimizer import AbstractOptimizer, check_space
from maggy.optimizer.hyperband_settings import PrunerArguments
from maggy.optimizer.optuna.sampler_traits import (
    follows_sequence,
    holds_user_values,
    ignores_history,
    learns_from_pruned_trials,
    tries_each_once,
    wants_new_suggestion_for_repeat,
)
from maggy.optimizer.running_trials import RunningTrials
from maggy.optimizer.untried import UntriedConfigurations
from maggy.optuna_bridge.space import OptunaSpace
from maggy.optuna_bridge.tools import (
    explain_missing_package,
    late_imports_of,
    quiet,
    reportable_points,
    require,
)
from maggy.trial import Trial

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

__all__ = ["OptunaSearch"]


class OptunaSearch(AbstractOptimizer):
    """Suggest what one of Optuna's samplers suggests.

    Optuna sees running trials as running, so that a sampler that can (TPE, the Gaussian process)
    keeps away from them. When a trial has ended, its reported values are passed on, and then its
    metric. Of more than 1,000 values an even selection is passed on, and steps are rounded down to
    whole numbers. A trial that was stopped early is reported to TPE as pruned. The other samplers
    would ignore a pruned trial, so they get its metric as if the trial had run to its end. The
    metric changes its sign for ``"max"``, so that both directions mirror each other exactly.

    A sampler that is passed in keeps its own seed. It is copied, and the original is not changed. A
    sampler that ends its study (``BruteForceSampler``, ``GridSampler``) ends the search. It does
    not begin again for workers that are free while the last combinations run.

    Optuna's random and model-based samplers are asked again where they repeat a configuration of a
    small space while untried ones remain. A refused suggestion is reported as failed, from which no
    sampler learns. Your own sampler class may repeat configurations.

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
        MissingDependencyError: If Optuna is not installed.
        BadArgumentsError: If the value is not a sampler.
    """

    needs: ClassVar[tuple[str, ...]] = ("optuna",)
    """The modules that the sampler imports."""

    extra: ClassVar[str] = "optuna"
    """The extra of Maggy that installs them."""

    def __init__(
        self,
        sampler: BaseSampler | None = None,
        pruner: str | None = None,
        pruner_kwargs: PrunerArguments | None = None,
    ) -> None:
        require(self.name(), self.needs, self.extra)
        super().__init__(pruner, pruner_kwargs)
        self._sampler = sampler
        # Subclasses make their sampler later and pass None.
        if type(self) is OptunaSearch:
            from optuna.samplers import BaseSampler

            if not isinstance(sampler, BaseSampler):
                raise BadArgumentsError(
                    "sampler must be an instance of optuna.samplers.BaseSampler, "
                    f"but got {sampler!r:.80}."
                )
            require(self.name(), late_imports_of(sampler), self.extra)

    def make_sampler(self, seed: int, history: list[FrozenTrial]) -> BaseSampler:
        """Return a new sampler.

        Args:
            seed: The seed of its generator.
            history: The restored trials that are in its study; empty in a new experiment.
        """
        assert self._sampler is not None
        sampler = copy.deepcopy(self._sampler)
        if history:
            # With its old seed the sampler would draw the recorded trials again.
            sampler.reseed_rng()
        return sampler

    def choose_sampler(self, sampler: BaseSampler, num_suggestions: int) -> BaseSampler:
        """Return the sampler that makes the next suggestion.

        Args:
            sampler: The sampler from ``make_sampler``.
            num_suggestions: The number of trials that were suggested or restored so far.
        """
        return sampler

    def name(self) -> str:
        """Return the sampler's name."""
        # ``require`` needs the name before the constructor has set the sampler.
        sampler = getattr(self, "_sampler", None)
        return type(self if sampler is None else sampler).__name__

    def initialize(self) -> None:
        """Start with an empty study.

        Raises:
            BadArgumentsError: If there is no search space, or if it has no parameters.
        """
        check_space(self.searchspace, "", self.name())
        self._space = OptunaSpace(self.searchspace, by_value=holds_user_values(self._sampler))
        self._sign = Direction.parse(self.direction).sign
        self._running: RunningTrials[optuna.Trial] = RunningTrials()
        # Recorded trials that the sampler will suggest again, by the id of their configuration.
        self._records_to_replay: dict[str, list[Trial]] = {}
        self._num_suggestions = 0
        self._num_source_trials = 0
        self._is_over = False
        self._seed = self.searchspace.draw_seed()
        self._start_study([])
        self._untried = UntriedConfigurations(
            self.searchspace,
            self.allow_repeats or not wants_new_suggestion_for_repeat(self._active_sampler),
        )

    def get_suggestion(self, trial: Trial | None = None) -> Trial | None:
        """Return the sampler's next suggestion.

        Returns:
            A new trial. None after ``num_trials`` suggestions, or once the sampler has no more.
        """
        with quiet():
            for end in self._running.take_ended(self.trial_store, self.final_store):
                self._report_end(end.note, end.final or end.suggestion)
            while not self._is_over and self._num_suggestions < self.num_trials:
                suggestion, optuna_trial = self._ask_for_untried()
                records = self._records_to_replay.get(suggestion.trial_id)
                if records:
                    # It ran before the interruption, so the sampler gets its result at once.
                    self._report_end(optuna_trial, records.pop())
                elif self._repeats_running_trial(suggestion):
                    # It has no metric and counts as failed, so that it is not suggested again.
                    self._report_end(optuna_trial, suggestion)
                else:
                    return self._add_running(suggestion, optuna_trial)
            return None

    def initial_trial(self, params: Params) -> Trial:
        """Return a trial with these parameters, and tell the sampler about it."""
        self._untried.add(params)
        with quiet():
            return self._add_running(*self._ask_for(params))

    def restore(self, trials: list[Trial]) -> bool:
        """Let the sampler learn from the recorded trials, or skip them in its sequence."""
        self._num_suggestions = len(trials)
        self._num_source_trials = sum(trial.source_experiment is not None for trial in trials)
        if follows_sequence(self._active_sampler):
            self._skip_in_sequence(trials)
        else:
            self._learn_from(trials)
        return True

    def informative_trials(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return the trials with a metric, or none if the sampler would skip them."""
        is_ignored = ignores_history(self._sampler_type())
        return [] if is_ignored else super().informative_trials(trials)

    def total_trials(self) -> int:
        """Return ``num_trials``."""
        return self.num_trials

    def parameters(self, function_parameters: Collection[str]) -> list[str]:
        """Return the names of the search space.

        Raises:
            BadArgumentsError: If there is no search space, or if it has no parameters.
        """
        check_space(self.searchspace, "", self.name())
        return self.searchspace.keys()

    def _sampler_type(self) -> type[BaseSampler]:
        assert self._sampler is not None  # a subclass that makes it later knows the type
        return type(self._sampler)

    def _start_study(self, history: list[FrozenTrial]) -> None:
        import optuna

        with quiet():
            # With the seed of the earlier call, the sampler would draw the same trials again.
            # Optuna's generators take 32 bits.
            seed = (self._seed + len(history)) % 2**32
            self._active_sampler = self.make_sampler(seed, history)
            self._study = optuna.create_study(sampler=self._active_sampler, study_name="maggy")
            # Samplers end their study with ``stop``. Optuna's own ``stop`` raises an error outside
            # of ``optimize``, which we do not use.
            self._study.stop = self._end_search  # type: ignore[method-assign]
            self._study.add_trials(history)

    def _end_search(self) -> None:
        self._is_over = True

    def _skip_in_sequence(self, trials: list[Trial]) -> None:
        for trial in trials:
            if trial.initial_number is not None:
                # The sampler spent a point of its sequence on it, and must spend it again.
                with quiet():
                    self._untried.add(trial.params)
                    _, optuna_trial = self._ask_for(trial.params)
                    self._report_end(optuna_trial, trial)
            else:
                # The id without the suffix by which the driver tells equal configurations apart.
                configuration_id = trial.trial_id.partition("_")[0]
                self._records_to_replay.setdefault(configuration_id, []).append(trial)

    def _learn_from(self, trials: list[Trial]) -> None:
        for trial in trials:
            self._untried.add(trial.params)
        with quiet():
            self._start_study([self._to_frozen_trial(trial) for trial in trials])
            if trials and tries_each_once(self._active_sampler):
                # The records may hold every combination. The sampler notices this only after a
                # trial, so it is called as if the last one had just ended.
                last = self._study.trials[-1]
                self._active_sampler.after_trial(self._study, last, last.state, last.values)

    def _repeats_running_trial(self, suggestion: Trial) -> bool:
        """Return whether a sampler with no combination left repeats one that is running."""
        return tries_each_once(self._active_sampler) and any(
            trial.params == suggestion.params
            for trial in self.trial_store.values()
            if trial.initial_number is None
        )

    def _ask(self) -> tuple[Trial, optuna.Trial]:
        self._study.sampler = self.choose_sampler(self._active_sampler, self._num_suggestions)
        with explain_missing_package(self.name()):
            optuna_trial = self._study.ask()
            return Trial(self._space.suggest(optuna_trial)), optuna_trial

    def _ask_for(self, params: Params) -> tuple[Trial, optuna.Trial]:
        """Let the study suggest these parameters."""
        self._study.enqueue_trial(self._space.encode(params))
        return self._ask()

    def _ask_for_untried(self) -> tuple[Trial, optuna.Trial]:
        """Ask until a suggestion is not a repeat. Refused suggestions are reported as failed."""
        from optuna.trial import TrialState

        suggestions: list[tuple[Trial, optuna.Trial]] = []

        def suggest() -> Params:
            if suggestions:
                self._study.tell(suggestions[-1][1], state=TrialState.FAIL)
            suggestions.append(self._ask())
            return suggestions[-1][0].params

        params = self._untried.choose(suggest)
        suggestion, optuna_trial = suggestions[-1]
        if params is suggestion.params:
            return suggestion, optuna_trial
        # Every suggestion was a repeat, and ``params`` were drawn instead.
        self._study.tell(optuna_trial, state=TrialState.FAIL)
        return self._ask_for(params)

    def _add_running(self, trial: Trial, optuna_trial: optuna.Trial) -> Trial:
        self._running.add(trial, optuna_trial)
        self._num_suggestions += 1
        return trial

    def _report_end(self, optuna_trial: optuna.Trial, trial: Trial) -> None:
        from optuna.trial import TrialState

        for step, value in reportable_points(trial).items():
            optuna_trial.report(self._minimized(value), step)
        if trial.final_metric is None:
            self._study.tell(optuna_trial, state=TrialState.FAIL)
        elif self._counts_as_pruned(trial):
            self._study.tell(optuna_trial, state=TrialState.PRUNED)
        else:
            self._study.tell(optuna_trial, self._minimized(trial.final_metric))

    def _to_frozen_trial(self, trial: Trial) -> FrozenTrial:
        from optuna.trial import TrialState, create_trial

        value = None
        if trial.final_metric is None:
            state = TrialState.FAIL
        elif self._counts_as_pruned(trial):
            state = TrialState.PRUNED
        else:
            state, value = TrialState.COMPLETE, self._minimized(trial.final_metric)
        points = reportable_points(trial)
        return create_trial(
            state=state,
            value=value,
            params=self._space.encode(trial.params),
            distributions=self._space.distributions(trial.params),
            intermediate_values={step: self._minimized(point) for step, point in points.items()},
        )

    def _counts_as_pruned(self, trial: Trial) -> bool:
        # Optuna's TPE ranks pruned trials by their reported values, so it needs at least one.
        has_points = bool(trial.metric_history)
        return trial.early_stop and has_points and learns_from_pruned_trials(self._active_sampler)

    def _minimized(self, metric: float) -> float:
        """Return the metric as a number that is better when it is lower."""
        return -self._sign * float(metric)
