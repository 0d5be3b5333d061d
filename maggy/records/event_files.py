"""Write TensorBoard's event files of an experiment. The event maker makes their content."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from maggy.common.files import Files
from maggy.records.events import EventMaker, HparamsParameter
from maggy.trial import Trial

__all__ = ["EventFiles", "TimedPoint"]

TimedPoint = tuple[float, float, float]
"""A step, the value there, and when it was reported, in seconds since the epoch."""


@dataclass
class _GrowingFile:
    """The event file of a running trial to which points were added.

    TensorBoard has read a part of it and goes on from there, so what was written must stay.

    Attributes:
        length: Number of bytes that are whole for certain.
        last: The last point in the file; None if this attempt of the trial has none there.
        waiting: A point that is not written yet, since its value may still be replaced.
        has_repeats: The trial has reported a step more than once.
        is_torn: A write has begun and not ended well, so the file may be longer.
        content: What the file must begin with, while it is written again; else None. A disk that is
            full may have kept less of it.
        is_restarted: The points in the file are of an attempt that lost its worker.
        has_end: The end of the trial is written.
    """

    length: int
    last: TimedPoint | None = None
    waiting: TimedPoint | None = None
    has_repeats: bool = False
    is_torn: bool = False
    content: bytes | None = None
    is_restarted: bool = False
    has_end: bool = False

    def select(self, points: Iterable[TimedPoint]) -> list[TimedPoint]:
        """Return the points that the file does not have, with the last value of each step."""
        selection: list[TimedPoint] = []
        for point in points if self.waiting is None else [self.waiting, *points]:
            last = selection[-1] if selection else self.last
            if not math.isfinite(point[0]) or (last is not None and point[0] < last[0]):
                continue
            if last is not None and point[0] == last[0]:
                if point[1:] == last[1:]:  # the same point, since a write is repeated
                    continue
                self.has_repeats = True
                if selection:
                    selection.pop()
            selection.append(point)
        return selection

    def first_missing(self, trial: Trial) -> int:
        """Return the position of the first point of a trial that the file does not have."""
        if self.last is None:
            return 0
        position = bisect_right(trial.step_history, self.last[0])
        is_replaced = position > 0 and trial.metric_history[position - 1] != self.last[1]
        return position - 1 if is_replaced and not math.isnan(self.last[1]) else position


class EventFiles:
    """The event files of one driver: one for the experiment, and one for each trial.

    Their common name holds the time at which the driver started, so a resumed experiment writes
    new files. Without an event maker nothing is written.

    Args:
        files: Reads and writes in the directory.
        directory: The directory of the experiment, which holds that of each trial.
        maker: Makes the content of event files; None if tensorboard is not installed.
        clock: Return the seconds since the epoch.
        log: Called with a sentence if TensorBoard's format cannot hold a value.
    """

    def __init__(
        self,
        files: Files,
        directory: str,
        maker: EventMaker | None,
        clock: Callable[[], float],
        log: Callable[[str], None],
    ) -> None:
        now = clock()
        self._files = files
        self._directory = directory
        self._maker = maker
        self._clock = clock
        self._log = log
        self._name = f"events.out.tfevents.{int(now)}.maggy"
        self._header = b"" if maker is None else maker.header(now)
        self._growing: dict[str, _GrowingFile] = {}  # by trial
        self._can_append = files.can_append(directory)

    @property
    def available(self) -> bool:
        """Whether event files are written, that is, whether tensorboard is installed."""
        return self._maker is not None

    def write_space(self, parameters: Iterable[HparamsParameter], metric: str) -> None:
        """Write the event file that tells TensorBoard what is searched."""
        maker = self._maker
        if maker is not None:
            content = self._make(lambda now: maker.experiment(parameters, metric, now))
            self._files.write_bytes(
                f"{self._directory}/{self._name}", self._header + content, atomic=False
            )

    @property
    def show_points(self) -> bool:
        """Whether :meth:`write_points` writes the points of running trials.

        An object store would have to write the whole file again each time.
        """
        return self.available and self._can_append

    def beginning(self, trial: Trial, *, is_repeated: bool) -> bytes:
        """Return how a trial's event file begins; empty without a maker.

        Args:
            trial: The trial.
            is_repeated: Whether an earlier driver may have written points of it.
        """
        maker = self._maker
        if maker is None:
            return b""
        restart = self._make(maker.restart) if is_repeated else b""
        return self._header + restart + self._make(lambda now: maker.session_start(trial, now))

    def write_beginning(self, trial_id: str, beginning: bytes) -> None:
        """Write the event file of a trial that has begun."""
        # What TensorBoard has read of an attempt that lost its worker must stay.
        if self._maker is not None and trial_id not in self._growing:
            self._write(trial_id, beginning)

    def write_points(self, trial_id: str, beginning: bytes, points: Sequence[TimedPoint]) -> None:
        """Add new points to the event file of a running trial.

        If the trial has repeated a step, its last point waits for the next step.
        """
        maker = self._maker
        if maker is None:
            return
        file = self._growing.setdefault(trial_id, _GrowingFile(len(beginning)))
        selection = file.select(points)
        waiting = selection.pop() if selection and file.has_repeats else None
        if selection:
            steps, values, times = zip(*selection, strict=True)
            content = self._make(lambda now: maker.points(steps, values, times, now))
            self._append(trial_id, file, beginning, content)
            file.last = selection[-1]
        file.waiting = waiting

    def restart(self, trial_id: str) -> None:
        """Take note that a trial has lost its worker and begins again."""
        file = self._growing.get(trial_id)
        if file is not None:
            file.last = file.waiting = None
            file.is_restarted = True

    def forget(self, trial_id: str) -> None:
        """Forget a trial whose end is recorded."""
        self._growing.pop(trial_id, None)

    def write_end(self, trial: Trial, beginning: bytes, metric: str, *, is_repeated: bool) -> None:
        """Write the event file of a trial that has ended.

        Args:
            trial: The trial.
            beginning: The content that :meth:`beginning` has returned.
            metric: The name of the metric.
            is_repeated: Whether an earlier end of the trial may be recorded. Then the files of
                earlier drivers are removed, since TensorBoard shows the first end that it finds.
        """
        maker = self._maker
        if maker is None:
            return
        file = self._growing.get(trial.trial_id)
        first = 0 if file is None else file.first_missing(trial)
        content = self._make(lambda now: maker.session_end(trial, metric, now, first))
        if file is None:
            # The whole file is written again instead of appended to: so a failed write can be
            # repeated, and every store can do it.
            self._write(trial.trial_id, beginning + content)
        elif not file.has_end:
            self._append(trial.trial_id, file, beginning, content)
            file.has_end = True
        if is_repeated:
            self._remove_older(trial.trial_id)

    def _remove_older(self, trial_id: str) -> None:
        directory = f"{self._directory}/{trial_id}"
        for name in self._files.list(directory):
            # Users' own event files have other endings, and stay.
            if name.startswith("events.") and name.endswith(".maggy") and name != self._name:
                self._files.remove(f"{directory}/{name}")

    def _append(self, trial_id: str, file: _GrowingFile, beginning: bytes, content: bytes) -> None:
        """Add content to a file such that a failed write can be repeated."""
        maker = self._maker
        if file.is_restarted and maker is not None:
            start = beginning[len(self._header) :]
            content = self._make(maker.restart) + start + content
        path = f"{self._directory}/{trial_id}/{self._name}"
        if file.is_torn:
            if file.content is None:
                file.content = self._files.read_bytes(path)[: file.length]
            self._files.write_bytes(path, file.content + content, atomic=False)
            file.content = None
        else:
            file.is_torn = True
            self._files.append_bytes(path, content)
        file.is_torn = file.is_restarted = False
        file.length += len(content)

    def _write(self, trial_id: str, content: bytes) -> None:
        self._files.write_bytes(f"{self._directory}/{trial_id}/{self._name}", content, atomic=False)

    def _make(self, make: Callable[[float], bytes]) -> bytes:
        """Return what TensorBoard will show; nothing if its format cannot hold it."""
        try:
            return make(self._clock())
        except (ValueError, TypeError, OverflowError) as error:  # must not cost a trial its record
            self._log(f"TensorBoard cannot show a part of this experiment: {error}")
            return b""
