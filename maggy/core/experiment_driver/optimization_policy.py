"""A hyperparameter search as the driver sees it: an optimizer that suggests and a rule that stops."""

from __future__ import annotations

from typing import Any, Literal

from maggy.core.experiment_driver.policy import Policy
from maggy.earlystop import earlystop_by_name
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import RandomSearch, SingleRun, optimizer_by_name
from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["OptimizationPolicy"]


class OptimizationPolicy(Policy):
    """Asks the config's optimizer for trials and its rule which ones to stop."""

    kind = "optimization"

    def __init__(self, config: OptimizationConfig) -> None:
        self._config = config
        self._optimizer = optimizer_by_name(config.optimizer)
        self._rule = earlystop_by_name(config.es_policy)
        self.name = self._optimizer.name()
        self.direction = config.direction
        self.optimization_key = config.optimization_key
        self.es_seconds = config.es_seconds
        # A user's own optimizer alone decides how many trials there are.
        self.total = config.num_trials if type(self._optimizer) in (RandomSearch, SingleRun) else None

    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        optimizer = self._optimizer
        optimizer.num_trials = self._config.num_trials
        optimizer.searchspace = (self._config.searchspace or Searchspace()).seeded(seed)
        optimizer.trial_store = trial_store
        optimizer.final_store = final_store
        optimizer.direction = self.direction
        optimizer.initialize()

    def suggest(self, finished: Trial | None) -> Trial | Literal["IDLE"] | None:
        return self._optimizer.get_suggestion(finished)

    def identity(self) -> dict[str, Any]:
        space = self._config.searchspace
        return {
            "kind": self.kind,
            "searchspace": None if space is None else list(space),
            "optimizer": self.name,
            "direction": self.direction,
            "optimization_key": self.optimization_key,
        }

    def hparams(self) -> list[dict[str, Any]]:
        return list(self._config.searchspace or ())

    def due(self, trial: Trial, steps: list[int | float]) -> bool:
        if self.es_seconds is not None:
            return True
        interval = self._config.es_interval
        return any(step > 0 and step % interval == 0 for step in steps)

    def stops(self, trial: Trial, final_store: list[Trial]) -> bool:
        if len(final_store) <= self._config.es_min:
            return False
        return self._rule.earlystop_check(trial, final_store, self.direction) is not None

    def finish(self, final_store: list[Trial]) -> None:
        self._optimizer.finalize_experiment(final_store)
