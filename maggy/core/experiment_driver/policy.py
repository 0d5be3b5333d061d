"""Define the contract of a policy: it suggests trials, stops them, and describes itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal

from maggy.ablation.metrics import Analysis
from maggy.common.types import Json, Params
from maggy.earlystop.decision import Decision
from maggy.trial import Trial

__all__ = ["Policy"]


def _ignore(text: str) -> None:
    """Stand for the function that the driver sets."""


class Policy(ABC):
    """Decide what the driver does. All methods are called from one thread at a time.

    Attributes:
        kind: ``"optimization"``, ``"ablation"`` or ``"single"``.
        name: The name in the printed results.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric; None if the function runs for its return value.
        confidence: The confidence of intervals and verdicts in an ablation with repeats.
        total: Number of trials of the experiment; None if only the policy knows when it ends.
        es_seconds: Seconds between two checks of all running trials; None to check by steps.
        ahead: No suggestion depends on a result, so suggestions may be made before a worker is
            free.
        needs_check: A worker tries the study out before any trial begins.
        continues_paused: The policy suggests paused trials again itself. Those that it has not
            suggested when it has no more suggestions end as stopped.
        remark: Shows a sentence to the user; the driver sets it.
    """

    kind: str
    name: str
    direction: str = "max"
    optimization_key: str | None = "metric"
    confidence: float = 0.95
    total: int | None = None
    es_seconds: float | None = None
    ahead: bool = False
    needs_check: bool = False
    continues_paused: bool = False
    remark: Callable[[str], None] = staticmethod(_ignore)

    @abstractmethod
    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        """Prepare for the first suggestion. Called once.

        Args:
            trial_store: The suggested and running trials by id; the driver updates it.
            final_store: The trials that ended with a metric; the driver appends to it.
            seed: The seed of all random decisions.
        """

    def restore(self, trials: list[Trial]) -> bool:
        """Take over the recorded trials of a resumed experiment, and return whether that was done.

        If not, the policy makes its suggestions again from the first, and gets recorded trials back
        as ended.

        Args:
            trials: All trials that have ended, also those that failed.
        """
        return False

    def log_to(self, write: Callable[[str], None]) -> None:  # noqa: B027 (optional)
        """Keep the function that adds a line to the log. Called before :meth:`start`."""

    def adopt(self, identity: Mapping[str, Any]) -> None:  # noqa: B027 (optional)
        """Adapt to the release that began a resumed experiment. Called before anything else.

        Args:
            identity: The recorded value of :meth:`identity`, perhaps of an earlier release; empty
                if it was not recorded.
        """

    @abstractmethod
    def suggest(self, finished: Trial | None) -> Trial | Literal["IDLE"] | None:
        """Return the next trial, ``"IDLE"`` to be asked again later, or None for no more trials.

        Args:
            finished: A trial that has ended with a metric since the last call; None if there is
                none.
        """

    def withdraw(self, label: str) -> list[Trial]:
        """Return the trials of a component that cannot be built, and do not suggest them any more.

        Args:
            label: The label of the component. A trial that the policy does not return is suggested
                in its turn.
        """
        return []

    def extra_params(self, trial: Trial) -> Params:
        """Return what the worker gets with the parameters of a trial, and what is not part of them.

        Args:
            trial: A trial that the policy has suggested.
        """
        return {}

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return what must be equal when the experiment is resumed, as JSON values."""

    def mismatch(self, record: Mapping[str, Json]) -> tuple[str, Json, Json] | None:
        """Return the first part of the identity that forbids to resume an experiment, or None.

        Args:
            record: The recorded identity.

        Returns:
            The name of the part, its recorded value and its current one.
        """
        for name, value in self.identity().items():
            if record.get(name) != value:
                return name, record.get(name), value
        return None

    def hparams(self) -> list[dict[str, Any]]:
        """Return the parameters for TensorBoard: dicts with ``name``, ``type`` and ``values``."""
        return []

    def is_check_due(self, trial: Trial, steps: list[int | float]) -> bool:
        """Return whether to check a running trial for an early stop after these new steps."""
        return False

    def decide(self, trial: Trial, final_store: list[Trial]) -> Decision:
        """Return whether a running trial goes on, stops or pauses."""
        return Decision.CONTINUE

    def should_end(self, final_store: list[Trial]) -> str | None:
        """Return why the experiment should end now, or None to continue.

        Called after each trial that ends with a metric.
        """
        return None

    def analyze(self, trials: list[Trial]) -> Analysis:
        """Return what the policy adds to the result.

        Args:
            trials: All trials that have ended, also those that failed.
        """
        return Analysis()

    def finish(self, final_store: list[Trial]) -> None:  # noqa: B027 (optional)
        """Clean up after the last trial. Called once."""
