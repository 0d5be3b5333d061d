"""Describe an experiment to a platform, and define the contract of what keeps it up to date."""

from __future__ import annotations

from dataclasses import dataclass

from maggy.core.environment.progress_board import ProgressBoard

__all__ = ["ExperimentCard", "ExperimentEnd", "Registration"]


@dataclass(frozen=True)
class ExperimentCard:
    """Describe an experiment at its beginning.

    Attributes:
        experiment_id: ``<app_id>_<run_id>``.
        app_id: The id of the Spark application.
        name: The name that the user gave.
        description: The description that the user gave.
        function: The name of what suggests the trials, such as the optimizer.
        direction: ``"max"`` or ``"min"``; None if no metric is compared.
        optimization_key: The name of the metric; None if no metric is compared.
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
    """Describe how an experiment ended.

    Attributes:
        state: ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        seconds: Duration of the experiment.
        best_id: The id of the best trial; None if no trial has a metric.
        metric: The metric of the best trial.
    """

    state: str
    seconds: float
    best_id: str | None = None
    metric: float | None = None


class Registration:
    """Keep a platform's view of one experiment up to date.

    This class is the one for machines without a platform: its methods do nothing.
    """

    board: ProgressBoard | None = None
    """The board on which the driver shows the progress; None where nobody can read it."""

    def serve_progress(self, host: str, advertised: str) -> None:
        """Let others ask for the progress over the network, and tell the platform where.

        Args:
            host: The interface on which to listen.
            advertised: The driver's name or address for others.
        """

    def close(self, end: ExperimentEnd) -> None:
        """Tell the platform how the experiment ended.

        This method never raises an error and does not wait long.
        """
