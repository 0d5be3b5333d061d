"""Let an optimizer suggest the trials of a search, and rules stop them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from maggy.common.ended_trials import EndedTrials
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.source_experiment import SourceExperiment, describe_warm_start
from maggy.core.experiment_driver.stop_rules import StopRules
from maggy.earlystop.decision import Decision
from maggy.experiment_config import HyperparameterOptConfig, OptimizationConfig
from maggy.optimizer import resolve_optimizer
from maggy.optimizer.source_trials import SourceTrials, has_own_restore, num_trials_with, tell
from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["OptimizationPolicy"]


class OptimizationPolicy(Policy):
    """Ask the optimizer of the config for trials, and its rules which trials to stop."""

    kind = "optimization"

    def __init__(self, config: OptimizationConfig) -> None:
        self._config = config
        self._optimizer = resolve_optimizer(config.optimizer)
        self._rules = StopRules(
            config.es_policy,
            direction=config.direction,
            interval=config.es_interval,
            min_trials=config.es_min,
            by_time=config.es_seconds is not None,
            own=self._optimizer.own_rule,
        )
        self._allow_repeats = config.allow_repeats
        self._records_repeats = True  # False for an experiment of release 2.0, which allowed them
        self._initial: deque[tuple[int, dict[str, Any]]] = deque()
        # Trials that ended while initial trials were suggested, when the optimizer is not asked.
        self._finished: deque[Trial] = deque()
        self._names: Collection[str] | None = None
        self._source = SourceTrials()
        self._counts_source = False  # the optimizer has taken trials of another experiment over
        # The driver's lists. The optimizer's list of ended trials is another one if it begins with
        # those of another experiment.
        self._trial_store: dict[str, Trial] = {}
        self._final_store: list[Trial] = []
        self._num_copies = 0
        self.name = self._optimizer.name()
        self.direction = config.direction
        self.optimization_key = config.optimization_key
        self.es_seconds = config.es_seconds
        self.continues_paused = self._optimizer.own_rule is not None
        # A rule may end the experiment after any trial, and then no further trial may begin.
        self.ahead = self._optimizer.independent and not self._rules.may_end_experiment
        self._prepare(config.searchspace or Searchspace())
        self.total = self._total()

    def parameters(self, names: Collection[str]) -> Collection[str] | None:
        """Return the parameters that the function must have; see the optimizer's method."""
        self._names = self._optimizer.parameters(names)
        return self._names

    def warm_start(self, experiment: SourceExperiment) -> None:
        """Take the trials of another experiment, to tell them to the optimizer at the start.

        Call it after :meth:`parameters`.
        """
        self.source_trials = experiment.trials
        self._source = SourceTrials.of(
            experiment.trials, self._config.searchspace or Searchspace(), self._names
        )
        informative_trials = self._optimizer.informative_trials(self._source.fits)
        self.opening_remark = describe_warm_start(
            self.name,
            experiment,
            self._source,
            len(informative_trials),
            decides_itself=not has_own_restore(self._optimizer),
        )

    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        """Prepare the optimizer and the rules for the first suggestion."""
        self._prepare((self._config.searchspace or Searchspace()).seeded(seed))
        self._optimizer.num_trials = num_trials_with(  # type: ignore[assignment]
            self._optimizer, self._config.num_trials, self._source
        )
        self._trial_store, self._final_store = trial_store, final_store
        self._optimizer.trial_store = trial_store
        self._optimizer.final_store = EndedTrials() if self._source.fits else final_store
        self._initial = deque(enumerate(map(dict, self._config.initial_trials or [])))
        self._optimizer.initialize()
        self._rules.start(trial_store)

    def log_to(self, write: Callable[[str], None]) -> None:
        """Give the optimizer the function that adds a line to the log."""
        self._optimizer.write_log = write

    def adopt(self, identity: Mapping[str, Any]) -> None:
        """Continue an experiment of release 2.0 by its rules.

        The seed of such an experiment promises a sequence that may hold repeats. A config that
        treats the keys ``'Metric'`` and ``'metric'`` as equal continues with the recorded one:
        release 2.0 recorded ``'metric'``, which was then the default key of
        ``HyperparameterOptConfig``.
        """
        key, own = identity.get("optimization_key"), self._config.optimization_key
        is_lenient = isinstance(self._config, HyperparameterOptConfig)
        if is_lenient and isinstance(key, str) and key.lower() == own.lower() == "metric":
            self.optimization_key = key
        if identity and "allow_repeats" not in identity:
            self._records_repeats, self._allow_repeats = False, True
            self._prepare(self._config.searchspace or Searchspace())
            self.total = self._total()

    def restore(self, trials: list[Trial]) -> bool:
        """Tell the optimizer the trials of another experiment, and the recorded ones.

        Return whether it has taken the recorded ones over.
        """
        if not tell(self._optimizer, self._source, trials, self._config.num_trials):
            return False
        self._counts_source = bool(self._source.fits)
        initial_numbers = {trial.initial_number for trial in trials}
        self._initial = deque(
            (number, params) for number, params in self._initial if number not in initial_numbers
        )
        return True

    def suggest(self, finished: Trial | None) -> Trial | Literal["IDLE"] | None:
        """Return the next initial trial, or else a suggestion of the optimizer."""
        if finished is not None:
            self._finished.append(finished)
        self._copy_finals()
        if not self._initial:
            suggestion = self._optimizer.get_suggestion(
                self._finished.popleft() if self._finished else None
            )
            return None if isinstance(suggestion, Trial) and self._has_enough() else suggestion
        number, params = self._initial.popleft()
        trial = self._optimizer.initial_trial(dict(params))
        trial.initial_number = number
        return trial

    def identity(self) -> dict[str, Any]:
        """Return what must be equal when the search is resumed."""
        space = self._config.searchspace
        initial = self._config.initial_trials
        return {
            "kind": self.kind,
            "searchspace": None if space is None else list(space),
            "optimizer": self.name,
            "direction": self.direction,
            "optimization_key": self.optimization_key,
            "initial_trials": [dict(params) for params in initial] if initial else None,
            **({"allow_repeats": self._allow_repeats} if self._records_repeats else {}),
            **self._config.further_identity(),
        }

    def hparams(self) -> list[dict[str, Any]]:
        """Return the hyperparameters of the search space."""
        return [dict(entry) for entry in self._config.searchspace or ()]

    def is_check_due(self, trial: Trial, steps: list[int | float]) -> bool:
        """Return whether a new step is a multiple of ``es_interval``, or checks go by time."""
        return self._rules.is_check_due(steps)

    def decide(self, trial: Trial, final_store: list[Trial]) -> Decision:
        """Return what the optimizer's own rule and the stop rules decide about the trial."""
        return self._rules.decide(trial, final_store)

    def should_end(self, final_store: list[Trial]) -> str | None:
        """Return the reason of the first rule that ends the experiment; else None."""
        return self._rules.should_end(final_store)

    def finish(self, final_store: list[Trial]) -> None:
        """Tell the optimizer that the experiment has ended."""
        self._copy_finals()
        self._optimizer.finalize_experiment(final_store)

    def _copy_finals(self) -> None:
        """Add the trials that have ended since the last call to the optimizer's own list."""
        own = self._optimizer.final_store
        if own is not self._final_store:
            own.extend(self._final_store[self._num_copies :])
            self._num_copies = len(self._final_store)

    def _has_enough(self) -> bool:
        """Return whether there are ``num_trials``, although the optimizer suggests another trial.

        An optimizer may take over what it does not count. The trials of another experiment, for
        which it got a larger number, must not lead to more trials here.
        """
        num_trials = self._config.num_trials
        if not self._counts_source or num_trials is None or self.total not in (None, num_trials):
            return False
        return len(self._final_store) + len(self._trial_store) >= num_trials

    def _total(self) -> int | None:
        """Return the number of trials, or None if it is unknown."""
        if self._config.num_trials is None and self._config.initial_trials:
            return None  # the optimizer may not count all initial trials
        return self._optimizer.total_trials()

    def _prepare(self, space: Searchspace) -> None:
        self._optimizer.num_trials = self._config.num_trials  # type: ignore[assignment]
        self._optimizer.searchspace = space
        self._optimizer.direction = self.direction
        self._optimizer.allow_repeats = self._allow_repeats
