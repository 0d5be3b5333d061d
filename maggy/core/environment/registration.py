"""An experiment as a platform shows it, and the hand that keeps it up to date; this one is of no platform."""

from __future__ import annotations

from dataclasses import dataclass

from maggy.core.environment.progress_board import Board

__all__ = ["ExperimentCard", "ExperimentEnd", "Registration"]


@dataclass(frozen=True)
class ExperimentCard:
    """What is known of an experiment when it begins.

    Attributes:
        experiment_id: ``<app_id>_<run_id>``.
        app_id: The Spark application.
        name: The user's name for it.
        description: The user's description.
        function: What suggests its trials.
        direction: ``"max"`` or ``"min"``; None if nothing is compared.
        optimization_key: The metric that is compared; None if nothing is.
        began: Epoch seconds.
    """

    experiment_id: str
    app_id: str
    name: str
    description: str
    function: str
    direction: str | None
    optimization_key: str | None
    began: float


@dataclass(frozen=True)
class ExperimentEnd:
    """How an experiment ended.

    Attributes:
        state: ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        seconds: How long it took.
        best_id: The best trial; None if no trial has a metric.
        metric: Its metric.
    """

    state: str
    seconds: float
    best_id: str | None = None
    metric: float | None = None


class Registration:
    """Keeps a platform's view of one experiment up to date. Off a platform there is none: every verb does nothing."""

    board: Board | None = None
    """Where the progress is to be shown for those who ask over the network; None where nobody can ask."""

    def listen(self, host: str, advertised: str) -> None:
        """Lets others ask for the progress, and tells the platform where.

        Args:
            host: The interface to listen on.
            advertised: The driver's name or address for others.
        """

    def close(self, end: ExperimentEnd) -> None:
        """Tells the platform how the experiment ended. Never raises, nor waits long."""
