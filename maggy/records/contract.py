"""Define the contract of a store of records: what is recorded and when, not where and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from maggy.common.types import Json
from maggy.records.event_files import TimedPoint
from maggy.records.events import HparamsParameter
from maggy.trial import Trial

__all__ = ["RecordStore"]


class RecordStore(ABC):
    """The records of one experiment, in a directory, a database or a service.

    The driver and everything that reads a recorded experiment know only these methods. A store
    keeps five rules:

    * One driver at a time owns the records. It claims them before it writes, and calls
      :meth:`renew_ownership` before each write.
    * :meth:`end_trial` records a trial wholly or not at all. A reader sees the earlier end until
      the new one is complete. Nothing removes a recorded end.
    * A write that failed may be called again with the same arguments, and then has the effect of
      one call. Only text that is appended may appear twice.
    * A write raises what went wrong. An error that may pass (a lost connection, a full disk) is an
      ``OSError`` or an error of the store's own library: the caller tries again.
    * The writing methods are called on one thread. Only the reading methods may run beside them.

    Attributes:
        directory: The path or URL by which users find the records, and with which they resume.
        app_id: The application that runs the experiment.
        run_id: The number of the experiment among those of the application, from 1.
        experiment_id: ``<app_id>_<run_id>``.
        has_event_files: Whether the records include TensorBoard's event files.
        points_seconds: Seconds from a point of a running trial to its record, more or less.
    """

    directory: str
    app_id: str
    run_id: int
    experiment_id: str
    has_event_files: bool
    points_seconds: float

    @abstractmethod
    def trial_directory(self, trial_id: str) -> str:
        """Return the path or URL of a trial's records, whether or not they exist yet."""

    # Who may write.

    @abstractmethod
    def claim(self) -> None:
        """Make this driver the owner of the records.

        Raises:
            OwnershipError: If another driver owns them, and is neither dead nor long silent.
        """

    @abstractmethod
    def renew_ownership(self) -> None:
        """Confirm that this driver is the owner, and give a sign of life if it is time to.

        It costs nothing in between.

        Raises:
            OwnershipError: If another driver has become the owner.
        """

    @abstractmethod
    def proof(self) -> tuple[str, str]:
        """Return the name of a file in the directory, and a text in it that no other owner has.

        Workers find out by it whether they reach the directory. Call it while this driver is the
        owner.
        """

    @abstractmethod
    def release(self) -> None:
        """Let other drivers own the records at once."""

    # The experiment as a whole.

    @abstractmethod
    def write_experiment(self, record: Mapping[str, Json]) -> None:
        """Record what the experiment is, and its state, in place of an earlier record.

        Args:
            record: The fields by name. Numbers that are not finite become null.
        """

    @abstractmethod
    def read_experiment(self) -> dict[str, Json]:
        """Return the record of the experiment; empty if it is damaged, but trials are recorded.

        Raises:
            ResumeError: If it is missing or damaged, and no trial is recorded.
        """

    @abstractmethod
    def set_aside_experiment(self) -> None:
        """Keep the damaged record of the experiment under another name."""

    @abstractmethod
    def write_hparams_space(self, parameters: Iterable[HparamsParameter], metric: str) -> None:
        """Record the search space for TensorBoard. Call it before the first trial.

        Args:
            parameters: The hyperparameters; for an ablation ``ablated_feature`` and
                ``ablated_layer`` as CATEGORICAL with their labels.
            metric: The name of the metric that is optimized.
        """

    @abstractmethod
    def write_result(self, result: Mapping[str, Json], rows: Iterable[Mapping[str, Json]]) -> None:
        """Record the result, and the scalars of every trial that succeeded.

        Args:
            result: The result of the experiment.
            rows: One mapping for each trial, with the keys ``params``, ``outputs`` and ``metric``.
        """

    @abstractmethod
    def log(self, line: str) -> None:
        """Add a line, with the time, to the log of the experiment."""

    @abstractmethod
    def append_log(self, text: str) -> None:
        """Add lines, as they are, to the log of the experiment.

        :func:`~maggy.records.log_lines.log_line` makes them.
        """

    @abstractmethod
    def log_executor(self, partition: int, worker_number: int, text: str) -> None:
        """Add text, as it is, to the log of one worker.

        Args:
            partition: The partition of the worker's Spark task.
            worker_number: Counts the workers of this partition over all Spark jobs, from 0.
            text: The text.
        """

    # Each trial.

    @abstractmethod
    def begin_trial(self, trial: Trial) -> None:
        """Record the parameters of a trial. An earlier end stays recorded until the trial ends."""

    @property
    def shows_points(self) -> bool:
        """Whether :meth:`append_points` has an effect."""
        return False

    def append_points(  # noqa: B027 (a store need not do it)
        self, trial_id: str, points: Sequence[TimedPoint]
    ) -> None:
        """Show new points of a running trial in TensorBoard.

        A store need not do so. It gets all points of a trial again at its end.

        Args:
            trial_id: The trial.
            points: For each point its step, its value, and when it was reported, in seconds since
                the epoch.
        """

    def restart_trial(self, trial_id: str) -> None:  # noqa: B027 (a store need not do it)
        """Take note that a trial has lost its worker: the points so far do not count."""

    @abstractmethod
    def append_output(self, trial_id: str, text: str) -> None:
        """Add text that the training function printed, as it is, to the output of the trial.

        The output may be written before the trial's beginning is.
        """

    @abstractmethod
    def append_running(self, text: str) -> None:
        """Add lines to what is recorded of running trials.

        :mod:`maggy.records.running_points` makes them.
        """

    @abstractmethod
    def replace_running(self, text: str) -> None:
        """Record the lines in place of what this driver has recorded of running trials.

        A reader sees the old lines or the new ones. Those of earlier owners stay.
        """

    @abstractmethod
    def remove_running(self) -> None:
        """Remove what is recorded of running trials, also by earlier owners."""

    @abstractmethod
    def end_trial(self, trial: Trial) -> None:
        """Record how a trial ended, in place of an earlier end.

        A trial whose beginning is not recorded yet gets that record first.
        """

    @abstractmethod
    def interrupted_ids(self) -> list[str]:
        """Return the ids of trials that have begun and not ended, as of :meth:`read_trials`."""

    @abstractmethod
    def read_trials(self) -> tuple[list[Trial], list[str]]:
        """Return the trials that have ended, in that order, and the names of damaged ones.

        A damaged record is kept under another name, and its trial counts as not run. Trials that
        have not ended are left alone. Reading gives signs of life, since it may take minutes.
        """
