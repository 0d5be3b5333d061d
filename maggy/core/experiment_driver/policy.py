"""What the driver asks of a search or an ablation: the next trial, whether to stop one, and how it is described."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal

from maggy.trial import Trial

__all__ = ["Policy"]


def _say_nothing(text: str) -> None:
    """Stand in for what the driver sets."""


class Policy(ABC):
    """Decides; the driver acts. All methods are called from one thread at a time.

    Attributes:
        kind: ``"optimization"``, ``"ablation"`` or ``"single"``.
        name: The name in the printed results.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The metric's name; None when the function is run for what it returns.
        total: How many trials there will be; None when only the policy knows.
        es_seconds: Seconds between two checks of all running trials; None to check by steps.
        ahead: Whether suggestions depend on no result, so that they may be made before a worker is free.
        needs_check: Whether a worker tries the study out before any trial.
        remark: Tells the user a sentence; the driver sets it.
    """

    kind: str
    name: str
    direction: str = "max"
    optimization_key: str | None = "metric"
    total: int | None = None
    es_seconds: float | None = None
    ahead: bool = False
    needs_check: bool = False
    remark: Callable[[str], None] = staticmethod(_say_nothing)

    @abstractmethod
    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        """Called once before the first suggestion, with the running and the ended trials, which the driver keeps."""

    def restore(self, ended: list[Trial]) -> bool:
        """Take over what is recorded of a resumed experiment; if not, suggestions that are recorded are answered anew.

        Args:
            ended: All trials that ended before, failed ones included.
        """
        return False

    def adopt(self, identity: Mapping[str, Any]) -> None:  # noqa: B027 (most have nothing to take over)
        """Called first when an experiment is resumed: take over what its record says by what it leaves out.

        Args:
            identity: What :meth:`identity` gave when the experiment was begun, perhaps by an earlier release; empty if
                that is not recorded.
        """

    @abstractmethod
    def suggest(self, finished: Trial | None) -> Trial | Literal["IDLE"] | None:
        """The next trial; ``"IDLE"``: ask again later; None: there will be no more."""

    def withdraw(self, label: str) -> Trial | None:
        """Return the trial of a component that cannot be built, and do not suggest it any more.

        Args:
            label: The component's label. Its trial is suggested in its turn if the policy returns None.
        """
        return None

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What must be the same when the experiment is resumed, as plain JSON values."""

    def hparams(self) -> list[dict[str, Any]]:
        """The parameters for TensorBoard: dicts with ``name``, ``type`` and ``values``."""
        return []

    def due(self, trial: Trial, steps: list[int | float]) -> bool:
        """Whether these new steps of a running trial call for an early-stop check."""
        return False

    def stops(self, trial: Trial, final_store: list[Trial]) -> bool:
        """Whether the running trial should be stopped now."""
        return False

    def ends(self, final_store: list[Trial]) -> str | None:
        """Why the experiment should end now; None to go on. Asked whenever a trial has ended with a metric."""
        return None

    def finish(self, final_store: list[Trial]) -> None:  # noqa: B027 (a single run has nothing to do)
        """Called once after the last trial."""
