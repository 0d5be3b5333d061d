"""A trial whose run a server of MLflow does not have completely yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from maggy.result.rows import TrialRow

__all__ = ["PendingRun"]


@dataclass
class PendingRun:
    """A trial, and what the server has of it.

    Attributes:
        row: The trial.
        has_begun: It has begun in this call, so earlier runs of it do not count.
        run_id: Its run; None if there is none yet.
        has_params: Its parameters are written.
        values_sent: The values that are written, by step.
        points: Reported points that are not written: step, value, milliseconds since 1970.
        failures: How many times writing it has failed.
        has_unknown_run: A request to make its run has failed, but may have reached the server.
    """

    row: TrialRow
    has_begun: bool = False
    run_id: str | None = None
    has_params: bool = False
    values_sent: dict[float, float | None] = field(default_factory=dict)
    points: list[tuple[float, float | None, int]] = field(default_factory=list)
    failures: int = 0
    has_unknown_run: bool = False
