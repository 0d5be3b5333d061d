"""Decide which runs of an experiment a server still lacks, and write them.

A state machine without threads. Whatever a server misses stays here, and is written later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from maggy.common.exceptions import OwnershipError
from maggy.common.json_values import to_plain
from maggy.records.encoding import encode_json
from maggy.records.tracked_runs import TrackedRuns
from maggy.result import ExperimentResult
from maggy.result.rows import TrialRow
from maggy.tracking.listener import ExperimentInfo
from maggy.tracking.mlflow_children import ChildRuns
from maggy.tracking.mlflow_server import MlflowServer, RecordedRun, ServerIsAway
from maggy.tracking.mlflow_values import (
    EXPERIMENT_TAG,
    PARENT_TAG,
    ROLE_TAG,
    TRIAL_TAG,
    MetricPoint,
    curve_name,
    end_time,
    experiment_tags,
    final_metrics,
    reported_point,
    run_name,
    trial_params,
    trial_points,
    trial_status,
    trial_tags,
)
from maggy.tracking.pending_run import PendingRun

__all__ = ["RunWriter"]

LIVE_SECONDS = 5.0
"""How often running trials are written, and how soon a server that was away is tried again."""
ENDED = ("FINISHED", "FAILED", "KILLED")
"""The states of an experiment that does not run. MLflow has the same words."""
MAX_FAILURES = 3
"""How many times a trial is written that the server refuses, before the end of the experiment."""
LINK_SECONDS = 30.0
"""How often the runs of training functions are looked for."""


class RunWriter:
    """Write the trials of one experiment as runs.

    :meth:`begin`, :meth:`add_points` and :meth:`end` take note and call no server.
    :meth:`catch_up` and :meth:`finish` write what is missing, and raise the first error.

    Args:
        server: The server.
        record: The runs that are written completely.
        info: What the experiment is.
        tags: Tags for all runs.
        on_write: It is called after a trial is written completely.
        clock: Returns seconds since 1970.
        monotonic: Returns monotonic seconds.
    """

    def __init__(
        self,
        server: MlflowServer,
        record: TrackedRuns,
        info: ExperimentInfo,
        tags: Mapping[str, str],
        on_write: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._record = record
        self._info = info
        self._key = info["optimization_key"] or "metric"
        self._tags = dict(tags)
        self._on_write = on_write
        self._clock = clock
        self._monotonic = monotonic
        self._parent: str | None = None
        self._running: dict[str, PendingRun] = {}
        self._ended: dict[str, PendingRun] = {}
        self._incomplete: dict[str, str] = {}  # runs of an earlier call, by the trial's id
        self._obsolete: list[str] = []  # runs of trials that have begun again
        self._children = ChildRuns(server, info["experiment_id"])
        self._next_try = self._next_sweep = self._next_link = 0.0

    def begin(self, row: TrialRow) -> None:
        """Take note that a trial begins. Its earlier run, if it has one, no longer counts."""
        earlier = self._running.pop(row["trial_id"], None)
        if earlier is not None and earlier.run_id is not None:
            self._obsolete.append(earlier.run_id)
        self._running[row["trial_id"]] = PendingRun(row, has_begun=True)

    def add_points(self, trial_id: str, points: Sequence[tuple[float, float]]) -> None:
        """Take note of points of a running trial."""
        run = self._running.get(trial_id)
        if run is not None:
            now = self._now()
            # As in a row, None stands for NaN and infinity.
            run.points += [(step, to_plain(value), now) for step, value in points]

    def end(self, row: TrialRow) -> None:
        """Take note of how a trial ended."""
        run = self._running.pop(row["trial_id"], None) or PendingRun(row)
        run.row = row
        self._ended[row["trial_id"]] = run

    def catch_up(self) -> None:
        """Write the trials that have ended, and now and then those that run.

        Raises:
            ServerIsAway: If the server is away. It is tried again some seconds later.
            Exception: The first error of the server.
        """
        if self._monotonic() < self._next_try:
            return
        try:
            self._open()
            self._write_ended()
            self._sweep()
        except BaseException:
            self._next_try = self._monotonic() + LIVE_SECONDS
            raise

    def is_complete_with(self, result: ExperimentResult) -> bool:
        """Return whether all of a result is recorded as written. This calls no server."""
        self._record.read()
        return self._record.is_complete and all(
            row["trial_id"] in self._record.runs for row in result.trials
        )

    def finish(self, result: ExperimentResult) -> int:
        """Write everything that is missing, and the result. Return the number of trials written.

        Raises:
            ServerIsAway: If the server is away.
            OwnershipError: If another process writes the runs.
            Exception: The first error of the server.
        """
        try:
            self._open()
            return self._finish(result)
        finally:
            self._record.release()

    def _finish(self, result: ExperimentResult) -> int:
        for row in result.trials:
            if row["trial_id"] not in self._record.runs and row["trial_id"] not in self._ended:
                self.end(row)
        for run in self._ended.values():
            run.failures = 0
        before = len(self._record.runs)
        errors: list[Exception] = []
        try:
            for step in (self._write_ended, self._end_running, self._link):
                self._attempt(step, errors)
            self._attempt(lambda: self._write_result(result), errors)
            self._record.is_complete = not errors and result.state in ENDED
        finally:
            self._record.write()
        if errors:
            raise errors[0]
        return len(self._record.runs) - before

    def _attempt(self, step: Callable[[], None], errors: list[Exception]) -> None:
        """Take a step. If the server refuses it, keep the error, so that the next step follows."""
        try:
            step()
        except (ServerIsAway, OwnershipError):
            raise
        except Exception as error:
            errors.append(error)

    def _open(self) -> None:
        """Find or make the run of the experiment."""
        if self._parent is not None:
            return
        self._server.connect()
        self._record.claim()
        self._record.read()
        own = {EXPERIMENT_TAG: self._info["experiment_id"]}
        parents = list(self._server.find_runs({**own, ROLE_TAG: "experiment"}))
        if parents:
            own_run = (run for run in parents if run.run_id == self._record.parent)
            parent = next(own_run, parents[0])
            self._take_over(list(self._server.find_runs({**own, ROLE_TAG: "trial"})))
            if parent.status != "RUNNING":
                self._server.reopen_run(parent.run_id)
            self._parent = parent.run_id
        else:
            self._record.runs.clear()
            tags = {**experiment_tags(self._info), **self._tags}
            start = int(self._info["start"] * 1000)
            self._parent = self._server.create_run(self._info["name"], start, tags)
        self._record.parent, self._record.is_complete = self._parent, False
        self._record.write()

    def _take_over(self, runs: Sequence[RecordedRun]) -> None:
        """Compare the record with the runs that the server has of an earlier call."""
        ids = {run.run_id for run in runs}
        for trial_id, run_id in list(self._record.runs.items()):
            if run_id not in ids:
                del self._record.runs[trial_id]
        run_ids = set(self._record.runs.values())
        for run in runs:
            if run.run_id not in run_ids:
                self._incomplete[run.tags.get(TRIAL_TAG, "")] = run.run_id

    def _write_ended(self) -> None:
        first_error: Exception | None = None
        for trial_id, run in list(self._ended.items()):
            if run.failures == MAX_FAILURES:
                continue
            try:
                self._write(run, has_ended=True)
            except (ServerIsAway, OwnershipError):
                raise
            except Exception as error:
                # One trial that the server refuses must not hold up the others.
                run.failures, first_error = run.failures + 1, first_error or error
                continue
            self._record.runs[trial_id] = str(run.run_id)
            del self._ended[trial_id]
            self._on_write()
        if first_error is not None:
            raise first_error

    def _sweep(self) -> None:
        now = self._monotonic()
        if now < self._next_sweep:
            return
        for run in self._running.values():
            if run.points or not run.has_params:
                self._write(run)
        if now >= self._next_link:
            self._next_link = now + LINK_SECONDS
            self._link()
        self._record.write()
        # With many running trials, most of the time is left for those that have ended.
        seconds = self._monotonic() - now
        self._next_sweep = now + seconds + max(LIVE_SECONDS, 4 * seconds)

    def _end_running(self) -> None:
        """End the runs of the trials that the end of the experiment has interrupted."""
        for run in self._running.values():
            self._write(run, has_ended=True)
        self._running.clear()

    def _write(self, run: PendingRun, *, has_ended: bool = False) -> None:
        self._record.claim()
        run_id = run.run_id = run.run_id or self._make_run(run)
        points = [reported_point(self._key, *point) for point in run.points]
        values = {step: value for step, value, _ in run.points}
        tags: dict[str, str] = {}
        end = end_time(run.row, self._now())
        if has_ended:
            values_sent = {**run.values_sent, **values}
            points += trial_points(run.row, self._key, values_sent, self._clock())
            points += final_metrics(run.row, self._key, end)
            tags = trial_tags(run.row)
        params = {} if run.has_params else trial_params(run.row)
        self._server.log(run_id, points, params, tags)
        run.has_params, run.points = True, []
        run.values_sent.update(values)
        if has_ended:
            self._server.end_run(run_id, trial_status(run.row), end)

    def _make_run(self, run: PendingRun) -> str:
        self._delete_obsolete()
        row = run.row
        earlier = self._record.runs.get(row["trial_id"]) or self._incomplete.get(row["trial_id"])
        if earlier is not None and not run.has_begun:
            self._read_steps(run, earlier)
            return earlier
        if earlier is not None:
            self._obsolete.append(earlier)
            self._delete_obsolete()
            self._record.runs.pop(row["trial_id"], None)
            self._incomplete.pop(row["trial_id"], None)
        experiment_id, trial_id = self._info["experiment_id"], row["trial_id"]
        own = {EXPERIMENT_TAG: experiment_id, ROLE_TAG: "trial", TRIAL_TAG: trial_id}
        if run.has_unknown_run:
            for match in self._server.find_runs(own):
                return match.run_id
        run.has_unknown_run = True
        start = int((row["start"] or self._clock()) * 1000)
        tags = {**own, PARENT_TAG: str(self._parent), **self._tags}
        run_id = self._server.create_run(run_name(row), start, tags)
        run.has_unknown_run = False
        return run_id

    def _read_steps(self, run: PendingRun, run_id: str) -> None:
        """Take note of the points that an incomplete run has."""
        values = self._server.read_steps(run_id, curve_name(self._key))
        for step, value in zip(run.row["steps"], run.row["history"], strict=True):
            point = reported_point(self._key, step, value, 0)
            if point.step in values and str(values[point.step]) == str(point.value):
                run.values_sent[step] = value

    def _delete_obsolete(self) -> None:
        while self._obsolete:
            self._server.delete_run(self._obsolete[-1])
            self._children.deleted.add(self._obsolete.pop())

    def _link(self) -> None:
        running = {trial_id: run.run_id for trial_id, run in self._running.items() if run.run_id}
        self._children.link({**self._record.runs, **running})

    def _write_result(self, result: ExperimentResult) -> None:
        parent, now = str(self._parent), self._now()
        best, name = result.get("best_val"), curve_name(f"best_{self._key}")
        points = [] if best is None else [MetricPoint(name, best, 0, now)]
        tags = {"maggy.state": result.state}
        if result.get("best_id"):
            tags["maggy.best_trial_id"] = result["best_id"]
        self._server.log(parent, points, tags=tags)
        self._server.write_text(parent, "result.json", encode_json(result, indent=2).decode())
        if result.state in ENDED:
            self._server.end_run(parent, result.state, now)

    def _now(self) -> int:
        return int(self._clock() * 1000)
