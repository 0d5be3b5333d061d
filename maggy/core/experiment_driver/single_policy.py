"""Suggest the only trial of a function that runs once, for its return value."""

from __future__ import annotations

from typing import Any

from maggy.core.experiment_driver.policy import Policy
from maggy.trial import Trial

__all__ = ["SinglePolicy"]


class SinglePolicy(Policy):
    """Suggest one trial without parameters and without a metric."""

    kind = "single"
    name = "SingleRun"
    optimization_key = None
    total = 1

    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        """Prepare the one trial."""
        self._trials = [Trial({})]

    def suggest(self, finished: Trial | None) -> Trial | None:
        """Return the one trial, and then None."""
        return self._trials.pop() if self._trials else None

    def identity(self) -> dict[str, Any]:
        """Return the kind of the experiment."""
        return {"kind": self.kind}
