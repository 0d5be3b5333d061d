"""Enter into a trial what its worker has reported."""

from __future__ import annotations

import math

from maggy.core.experiment_driver.instructions import Ended, Points
from maggy.trial import Trial

__all__ = ["enter_end", "enter_points"]


def enter_points(trial: Trial, event: Points) -> list[int | float]:
    """Append new points to a trial, and return the steps that are new."""
    times = event.times or [math.nan] * len(event.points)
    return [
        new_step
        for (step, value), time in zip(event.points, times, strict=True)
        if math.isfinite(step)
        and (new_step := trial.append_point(step, float(value), time)) is not None
    ]


def enter_end(trial: Trial, event: Ended) -> None:
    """Enter how a trial has ended."""
    report = event.report
    if report is None or (report.metric is not None and not math.isfinite(report.metric)):
        trial.status = Trial.ERROR
        trial.error = event.traceback or event.reason or "metric is NaN"
        trial.failure_reason = event.reason or "metric is NaN"
    else:
        trial.status = Trial.FINALIZED
        trial.final_metric = report.metric
        trial.outputs = report.outputs
        trial.early_stop = report.early
        if not report.early:  # It ended before it heard that it should stop.
            trial.stop_reason = None
    if event.model:
        trial.model = dict(event.model)
