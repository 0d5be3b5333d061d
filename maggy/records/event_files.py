"""Write TensorBoard's event files of an experiment. The event maker makes their content."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from maggy.common.files import Files
from maggy.records.events import EventMaker, HparamsParameter
from maggy.trial import Trial

__all__ = ["EventFiles"]


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

    def beginning(self, trial: Trial) -> bytes:
        """Return the content of a trial's event file until it ends; empty without a maker."""
        maker = self._maker
        if maker is None:
            return b""
        return self._header + self._make(lambda now: maker.session_start(trial, now))

    def write_beginning(self, trial_id: str, beginning: bytes) -> None:
        """Write the event file of a trial that has begun."""
        if self._maker is not None:
            self._write(trial_id, beginning)

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
        # The whole file is written again instead of appended to: so a failed write can be
        # repeated, and every store can do it.
        content = beginning + self._make(lambda now: maker.session_end(trial, metric, now))
        self._write(trial.trial_id, content)
        if is_repeated:
            self._remove_older(trial.trial_id)

    def _remove_older(self, trial_id: str) -> None:
        directory = f"{self._directory}/{trial_id}"
        for name in self._files.list(directory):
            # Users' own event files have other endings, and stay.
            if name.startswith("events.") and name.endswith(".maggy") and name != self._name:
                self._files.remove(f"{directory}/{name}")

    def _write(self, trial_id: str, content: bytes) -> None:
        self._files.write_bytes(f"{self._directory}/{trial_id}/{self._name}", content, atomic=False)

    def _make(self, make: Callable[[float], bytes]) -> bytes:
        """Return what TensorBoard will show; nothing if its format cannot hold it."""
        try:
            return make(self._clock())
        except (ValueError, TypeError, OverflowError) as error:  # must not cost a trial its record
            self._log(f"TensorBoard cannot show a part of this experiment: {error}")
            return b""
