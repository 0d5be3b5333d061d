"""The part of a reporter with which a training function waits for the driver's decision."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from maggy.checkpoints.reporting import CheckpointReporter
from maggy.core.reporting.decision_wait import DecisionWait

__all__ = ["DecisionReporter"]


class DecisionReporter(CheckpointReporter):
    """Ask the driver whether the trial goes on.

    It is a base class of :class:`maggy.core.reporter.Reporter`.

    Args:
        hurry: Called when something is to be sent now, and not with the next heartbeat. Returns
            whether the calling thread may wait for the answer. None if nobody answers.
    """

    def __init__(self, hurry: Callable[[], bool] | None = None) -> None:
        super().__init__()
        self._hurry = hurry
        self.decision_wait = DecisionWait()
        """The wait of :meth:`flush` for the driver."""

    def flush(self) -> None:
        """Send what is reported, and wait until the stop rules have seen it.

        Without it a trial that is stopped trains on until its next broadcast. So it saves a whole
        step where a step is long, such as a fold of a cross-validation, and costs milliseconds. It
        waits for a second at most: a driver that is busy or away does not hold the training up.

        Example:
            >>> def train(depth, reporter):
            ...     scores = []
            ...     for fold in range(5):
            ...         scores.append(1 / (depth + fold))
            ...         reporter.broadcast(sum(scores) / len(scores), step=fold)
            ...         reporter.flush()
            ...     return sum(scores) / len(scores)

        Raises:
            EarlyStopException: If the driver stops this trial early.
            NotSupportedError: If this is not the process that runs the trial.
        """
        self._check_process("flush")
        if not self.is_stopped:
            self.decision_wait.wait(self._count_points(), self._hurry)
        if self.is_stopped and self._last_metric is not None:
            self._leave(self._last_metric)

    def ask_for_decision(self) -> None:
        """Send what is reported, and ask for a decision, without waiting for it."""
        self.decision_wait.ask(self._count_points())
        if self._hurry is not None:
            self._hurry()

    @property
    @abstractmethod
    def is_stopped(self) -> bool:
        """Whether the driver stops the trial early."""

    @abstractmethod
    def _count_points(self) -> int:
        """Return the number of points that were reported."""
