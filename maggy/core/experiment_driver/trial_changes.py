"""Enter into a trial what its worker has reported, and how long that took."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

from maggy.common.source_lines import add_source_lines
from maggy.core.experiment_driver.checkpoint_book import CheckpointBook
from maggy.core.experiment_driver.instructions import Began, Continued, Ended, Points, Saved
from maggy.core.experiment_driver.notices import CheckpointsSaved, Notice, TrialContinued
from maggy.trial import Trial

__all__ = [
    "RunTimes",
    "enter_beginning",
    "enter_checkpoints",
    "enter_end",
    "enter_points",
    "with_source_lines",
]


def enter_beginning(trial: Trial, event: Began, at: float) -> None:
    """Enter that a trial begins on a worker.

    Args:
        trial: The trial.
        event: What has happened.
        at: When, in seconds since the epoch.
    """
    trial.status = Trial.RUNNING
    trial.attempts += 1
    trial.worker = event.worker.partition
    trial.start = at


def enter_points(trial: Trial, event: Points) -> list[int | float]:
    """Append new points to a trial, and return the steps that are new."""
    times = event.times or [math.nan] * len(event.points)
    return [
        new_step
        for (step, value), time in zip(event.points, times, strict=True)
        if math.isfinite(step)
        and (new_step := trial.append_point(step, float(value), time)) is not None
    ]


def enter_checkpoints(
    trials: Mapping[str, Trial], event: Continued | Saved, book: CheckpointBook
) -> list[Notice]:
    """Enter what a run has saved, or that it goes on from a checkpoint, and give notice of it.

    Args:
        trials: The suggested and running trials by id.
        event: What has happened.
        book: The checkpoints of all trials.
    """
    trial = trials.get(event.trial_id)
    if trial is None:
        return []
    if isinstance(event, Continued):
        return [TrialContinued(book.go_on(trial, event.step))]
    return [CheckpointsSaved(book.save(trial, event.checkpoints))]


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


def with_source_lines(event: Ended) -> Ended:
    """Return the end of a trial with the source lines of a notebook's cells in its traceback."""
    if not event.traceback:
        return event
    return msgspec.structs.replace(event, traceback=add_source_lines(event.traceback))


class RunTimes:
    """Measure how long the present run of each trial takes.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._starts: dict[str, float] = {}

    def begin(self, trial: Trial) -> None:
        """Take note that a run begins now."""
        self._starts[trial.trial_id] = self._clock()

    def end(self, trial: Trial) -> None:
        """Enter the duration of the run, which ends now, into its trial."""
        start = self._starts.pop(trial.trial_id, None)
        if start is not None:
            trial.duration = int((self._clock() - start) * 1000)
        trial.duration = trial.duration or 0
