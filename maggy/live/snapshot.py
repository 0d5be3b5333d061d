"""What an experiment looks like at one moment: all that a view draws, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from maggy.result.rows import TrialRow

__all__ = ["MAX_BEST", "MAX_FAILURES", "MAX_OUTPUT_LINES", "Snapshot"]

MAX_BEST = 5
MAX_FAILURES = 20
MAX_OUTPUT_LINES = 50
"""Maximum number of lines of output of each trial."""


@dataclass(frozen=True)
class Snapshot:
    """An experiment at one moment. It shares nothing with what goes on.

    Attributes:
        name: The name that the user has given to the experiment.
        experiment_id: ``<app_id>_<run_id>``.
        directory: The path or URL of the records.
        kind: ``"optimization"``, ``"ablation"`` or ``"single"``.
        state: ``"RUNNING"``, ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric.
        total: Number of trials of the experiment; None if it is unknown.
        num_ended: Number of trials that have ended.
        num_stopped: Number of ended trials that a rule stopped early.
        num_failed: Number of trials that failed.
        time: When it was taken, in seconds since 1970; None if that does not matter.
        seconds: Seconds since the first trial began; 0 before that, so that it does not count the
            start of Spark.
        remaining_seconds: How long the trials that are left will take; None if nobody can tell.
        waiting_for: What the experiment waits for, as ``"Waiting for executors: 2 of 8"``; empty if
            it waits for nothing.
        running: The running trials, by number.
        best: The trials with the best metrics, best first; at most :data:`MAX_BEST`.
        failures: The trials that failed last, newest last; at most :data:`MAX_FAILURES`.
        output: The last lines that running and recently ended trials have printed, by trial id; at
            most :data:`MAX_OUTPUT_LINES` for each.
        numbers: The numbers of trials in ``output`` that are in none of the lists, by trial id.
            Further ones are harmless.
    """

    name: str
    experiment_id: str
    directory: str
    kind: str
    state: str
    direction: str
    optimization_key: str
    total: int | None
    num_ended: int = 0
    num_stopped: int = 0
    num_failed: int = 0
    time: float | None = None
    seconds: float = 0.0
    remaining_seconds: float | None = None
    waiting_for: str = ""
    running: list[TrialRow] = field(default_factory=list)
    best: list[TrialRow] = field(default_factory=list)
    failures: list[TrialRow] = field(default_factory=list)
    output: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
