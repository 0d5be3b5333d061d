"""Keep which checkpoints of each trial count, and the points of the trial up to them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from maggy.checkpoints.saved import CheckpointPair, Handover, SavedCheckpoint, path_of
from maggy.common.direction import Direction
from maggy.core.experiment_driver.instructions import Points
from maggy.trial import Trial

__all__ = ["CheckpointBook", "Saving"]


@dataclass(frozen=True)
class Saving:
    """What is to be recorded after a trial has saved checkpoints.

    Attributes:
        trial: The trial.
        pair: The checkpoints of it that are kept.
        replaced: Those that are not kept any more.
        steps: The steps of its points up to the newest checkpoint, which stay as they are when the
            trial runs again meanwhile.
        values: The values there.
        saved: The new checkpoints, the newest one last; none if there is nothing to tell of them.
    """

    trial: Trial
    pair: CheckpointPair
    replaced: list[SavedCheckpoint]
    steps: Sequence[int | float]
    values: Sequence[float]
    saved: Sequence[SavedCheckpoint] = ()


@dataclass(frozen=True)
class _PointLists:
    """The lists of a trial. A trial that runs again gets new ones, so these do not change."""

    steps: Sequence[int | float]
    values: Sequence[float]
    times: Sequence[float]

    @classmethod
    def of(cls, trial: Trial) -> _PointLists:
        return cls(trial.step_history, trial.metric_history, trial.time_history)


class CheckpointBook:
    """Keep the checkpoints of an experiment's trials. A part of the trial book, and as pure.

    A trial that goes on from a checkpoint keeps its points up to there. They are those of the run
    that has saved it: a run that was lost before it saved one leaves nothing.

    Args:
        direction: The direction in which the metric improves.
        pairs: The checkpoints of the trials that run again, by trial id.
        again: These trials, with their points.
        earlier: The trials that have ended in earlier calls.
        find: Return the checkpoints of one of these. It may have to ask the store, so it is called
            only for a trial that another one continues, and once.
        source_trials: The trials of another experiment, which trials of this one may continue.
        find_source: Return the newest checkpoint of one of these. It is called like ``find``.
    """

    def __init__(
        self,
        direction: str = "max",
        pairs: Mapping[str, CheckpointPair] | None = None,
        again: Iterable[Trial] = (),
        earlier: Iterable[Trial] = (),
        find: Callable[[str], CheckpointPair] = lambda trial_id: CheckpointPair(),
        source_trials: Iterable[Trial] = (),
        find_source: Callable[[str], Handover | None] = lambda trial_id: None,
    ) -> None:
        self._direction = Direction.parse(direction)
        self._pairs = dict(pairs or {})
        self._find = find
        self._earlier = {trial.trial_id: trial for trial in earlier}
        self._find_source = find_source
        self._foreign_trials = {trial.trial_id: trial for trial in source_trials}
        self._foreign_handovers: dict[str, Handover | None] = {}
        # The points that belong to the newest checkpoint, for a trial that does not run now.
        self._points = {trial.trial_id: _PointLists.of(trial) for trial in again}
        # Trials whose newest checkpoint belongs to their present points.
        self._own: set[str] = set()

    @property
    def trial_ids(self) -> Iterable[str]:
        """The ids of all trials that are known to have checkpoints."""
        return self._pairs.keys()

    def handover(self, trial: Trial) -> Handover | None:
        """Return the checkpoint from which the next run of a trial may go on.

        It is the newest one of the trial, or else of its parent. None if there is none.
        """
        parent = trial.parent
        if parent is not None and (earlier_trial := self._earlier.pop(parent, None)) is not None:
            self._pairs[parent] = self._find(parent)
            self._points[parent] = _PointLists.of(earlier_trial)
        source_id = self._source_id(trial)
        newest = None if source_id is None else self._pairs[source_id].newest
        if source_id is not None and newest is not None:
            return Handover(path_of(source_id, newest.name), newest.step, newest.metric)
        return None if parent is None else self._foreign_handover(parent)

    def _foreign_handover(self, trial_id: str) -> Handover | None:
        """Return the newest checkpoint of a trial of another experiment, if it is one."""
        if (foreign_trial := self._foreign_trials.pop(trial_id, None)) is not None:
            self._foreign_handovers[trial_id] = self._find_source(trial_id)
            self._points[trial_id] = _PointLists.of(foreign_trial)
        return self._foreign_handovers.get(trial_id)

    def save(self, trial: Trial, checkpoints: Sequence[SavedCheckpoint]) -> Saving:
        """Take note of checkpoints that a trial has saved, the newest one last."""
        pair = self._pairs.setdefault(trial.trial_id, CheckpointPair())
        replaced = [old for new in checkpoints for old in pair.add(new, self._direction)]
        self._own.add(trial.trial_id)
        return _saving(trial, pair, replaced, checkpoints)

    def pause(self, trial: Trial) -> Saving | None:
        """Keep the points of a trial that has paused, and return what is to be recorded of it."""
        if trial.trial_id not in self._own:
            return None
        saving = _saving(trial, self._pairs[trial.trial_id], [])
        self.leave(trial)
        return saving

    def go_on(self, trial: Trial, step: int) -> Points:
        """Give a trial the points up to the checkpoint from which its run goes on; return them."""
        # Not simply its own points: if it failed before it saved a checkpoint, it goes on from that
        # of its parent.
        lists = self._points.get(self._source_id(trial) or trial.parent or "")
        points = Points(trial.trial_id, [])
        if lists is None or trial.step_history:
            return points
        count = bisect_right(lists.steps, step)
        for position in range(count):
            trial.append_point(lists.steps[position], lists.values[position], lists.times[position])
        self._own.add(trial.trial_id)
        points.points.extend(zip(lists.steps[:count], lists.values[:count], strict=True))
        points.times.extend(lists.times[:count])
        return points

    def _source_id(self, trial: Trial) -> str | None:
        """Return the id of the trial whose newest checkpoint a trial goes on from."""
        for trial_id in (trial.trial_id, trial.parent):
            pair = None if trial_id is None else self._pairs.get(trial_id)
            if pair is not None and pair.newest is not None:
                return trial_id
        return None

    def leave(self, trial: Trial) -> None:
        """Keep the points of a trial whose run is over, if its newest checkpoint is of this run.

        Later runs that go on from that checkpoint need them, also those of trials that continue
        this one. If the run was lost, call it before the trial is reset.
        """
        if trial.trial_id in self._own:
            self._points[trial.trial_id] = _PointLists.of(trial)
            self._own.discard(trial.trial_id)


def _saving(
    trial: Trial,
    pair: CheckpointPair,
    replaced: list[SavedCheckpoint],
    saved: Sequence[SavedCheckpoint] = (),
) -> Saving:
    step = -1 if pair.newest is None else pair.newest.step
    count = bisect_right(trial.step_history, step)
    # A copy, since another thread records it.
    return Saving(
        trial,
        CheckpointPair(pair.newest, pair.best),
        replaced,
        trial.step_history[:count],
        trial.metric_history[:count],
        saved,
    )
