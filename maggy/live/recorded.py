"""Make snapshots of a recorded experiment. It reads no files; a follower does."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence

from maggy.common.direction import Direction
from maggy.common.types import Json
from maggy.live.bounded import MAX_POINTS
from maggy.live.estimate import remaining_seconds
from maggy.live.snapshot import MAX_BEST, MAX_FAILURES, Snapshot
from maggy.records.recorded import Overview, RecordedExperiment
from maggy.result.opening import kind_of, running_rows
from maggy.result.rows import TrialRow, make_row
from maggy.trial import Trial
from maggy.trial.numbers import TrialNumbers

__all__ = ["make_snapshot"]

_MAX_TOTAL = 10**12
_NUMBERED_TRIALS = 20
"""Number of trials whose numbers are given: those that ended last, since their output is read."""


def make_snapshot(
    experiment: RecordedExperiment,
    *,
    now: float,
    has_worker: bool = True,
    output: Mapping[str, list[str]] | None = None,
) -> Snapshot:
    """Return what a recorded experiment looks like.

    Rows are made only of the trials that a view draws. So it takes milliseconds also for an
    experiment of 10,000 trials.

    Args:
        experiment: The experiment. Nothing in it needs to be well-formed.
        now: Seconds since the epoch.
        has_worker: Whether any worker has registered.
        output: The last lines of output, by trial id.
    """
    overview, trials = experiment.overview, experiment.trials
    if any(trial.number is None for trial in trials):
        TrialNumbers(trials)  # it numbers the trials of an older release
    kind = kind_of(overview, trials)
    key, total = overview.optimization_key, _total(overview, kind)
    running = sorted(running_rows(experiment), key=_number)
    successes = [(_metric(trial), trial) for trial in trials if _has_metric(trial)]
    sign = Direction.parse(overview.direction).sign
    best = heapq.nsmallest(MAX_BEST, successes, key=lambda pair: -sign * pair[0])
    failures = [trial for trial in trials if _has_failed(trial, kind)]
    call_start = overview.call_start
    new_trials = [trial for trial in trials if _is_of_call(trial.start, call_start)]
    seconds = _seconds(overview, new_trials, running, now)
    is_waiting = overview.state == "RUNNING" and not running and not new_trials
    return Snapshot(
        name=_text(overview.fields.get("name")),
        experiment_id=overview.directory.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1],
        directory=overview.directory,
        kind=kind,
        state=overview.state,
        direction=overview.direction,
        optimization_key=key,
        total=total,
        num_ended=len(trials),
        num_stopped=sum(trial.early_stop for _, trial in successes),
        num_failed=len(failures),
        time=now,
        seconds=seconds,
        remaining_seconds=(
            None
            if total is None or overview.state != "RUNNING"
            else _remaining(total - len(trials), new_trials, running, seconds, now)
        ),
        waiting_for=_waiting_text(trials, has_worker=has_worker) if is_waiting else "",
        running=[_thinned(row) for row in running],
        best=[make_row(trial, key) for _, trial in best],
        failures=[make_row(trial, key) for trial in failures[-MAX_FAILURES:]],
        output=dict(output or {}),
        numbers={
            trial.trial_id: trial.number
            for trial in trials[-_NUMBERED_TRIALS:]
            if trial.number is not None
        },
    )


def _has_metric(trial: Trial) -> bool:
    """Return whether an ended trial has a metric that is a number."""
    metric = trial.final_metric
    return trial.status == Trial.FINALIZED and metric is not None and math.isfinite(metric)


def _metric(trial: Trial) -> float:
    assert trial.final_metric is not None
    return trial.final_metric


def _has_failed(trial: Trial, kind: str) -> bool:
    # The one trial of a function that runs once has no metric.
    return trial.status == Trial.ERROR if kind == "single" else not _has_metric(trial)


def _total(overview: Overview, kind: str) -> int | None:
    """Return the recorded number of trials. Releases before 2.1 recorded none."""
    if kind == "single":
        return 1
    total = overview.fields.get("num_trials")
    # A bool is an int in Python, so the type is compared.
    return total if type(total) is int and 0 <= total <= _MAX_TOTAL else None


def _is_of_call(start: float | None, call_start: float | None) -> bool:
    return start is not None and (call_start is None or start >= call_start)


def _seconds(
    overview: Overview, new_trials: Sequence[Trial], running: Sequence[TrialRow], now: float
) -> float:
    """Return the seconds from the first trial of the last call to now, or to the end."""
    starts = [trial.start for trial in new_trials if trial.start is not None]
    starts += [start for row in running if (start := row["start"]) is not None]
    if not starts:
        return 0.0
    end: float | None = now
    if overview.state != "RUNNING":
        end = overview.end
    if end is None:  # it was killed
        ends = [(trial.start or 0.0) + (trial.duration or 0) / 1000 for trial in new_trials]
        end = max(ends, default=now)
    return max(0.0, end - min(starts))


def _remaining(
    count: int, new_trials: Sequence[Trial], running: Sequence[TrialRow], seconds: float, now: float
) -> float | None:
    """Return how long the trials that have not ended will take; None if nobody can tell.

    Args:
        count: Number of trials that have not ended.
        new_trials: The trials that have ended in this call.
        running: The running trials.
        seconds: Seconds since the first trial of this call began.
        now: Seconds since the epoch.
    """
    if count and not any(trial.status != Trial.ERROR for trial in new_trials):
        return None
    durations = [trial.duration / 1000 for trial in new_trials if trial.duration is not None]
    ages = [max(0.0, now - start) for row in running if (start := row["start"]) is not None]
    return remaining_seconds(count, len(durations), sum(durations), ages, seconds)


def _waiting_text(trials: Sequence[Trial], *, has_worker: bool) -> str:
    if trials:
        return "Waiting for the first trial of the resumed experiment"
    return f"Waiting for the first {'trial' if has_worker else 'worker'}"


def _thinned(row: TrialRow) -> TrialRow:
    """Return a row of a running trial with few of its points, among them the last one."""
    count = len(row["steps"])
    stride = -(-count // MAX_POINTS)
    if stride <= 1:
        return row
    points = slice((count - 1) % stride, None, stride)
    return {**row, "steps": row["steps"][points], "history": row["history"][points]}


def _number(row: TrialRow) -> tuple[bool, int]:
    return row["number"] is None, row["number"] or 0


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
