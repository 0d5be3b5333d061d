"""A function that is run once, for what it returns, as the driver sees it."""

from __future__ import annotations

from typing import Any

from maggy.core.experiment_driver.policy import Policy
from maggy.trial import Trial

__all__ = ["SinglePolicy"]


class SinglePolicy(Policy):
    """One trial without parameters and without a metric."""

    kind = "single"
    name = "SingleRun"
    optimization_key = None
    total = 1

    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        self._left = [Trial({})]

    def suggest(self, finished: Trial | None) -> Trial | None:
        return self._left.pop() if self._left else None

    def identity(self) -> dict[str, Any]:
        return {"kind": self.kind}
