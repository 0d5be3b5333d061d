"""The contract of a listener. Who calls it, and on which thread, is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from maggy.common.types import Json
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    from maggy.common.files import Files
    from maggy.result import ExperimentResult

__all__ = ["ExperimentInfo", "Listener", "Tracker"]


class ExperimentInfo(TypedDict):
    """What an experiment is, as plain JSON values.

    ``num_trials`` is None if only the optimizer knows the number, ``searchspace`` if there is none,
    and ``optimization_key`` if a function runs once. ``start`` is in seconds since the epoch.
    ``earlier_trials`` is the number of trials that a resumed experiment has already, 0 for a new
    one.
    """

    experiment_id: str
    name: str
    description: str
    directory: str
    kind: str
    method: str
    direction: str
    optimization_key: str | None
    num_trials: int | None
    searchspace: dict[str, Json] | None
    seed: int
    start: float
    earlier_trials: int
    maggy_version: str


class Listener:
    """Hear what an experiment does. Derive a class, and override the methods that you need.

    The driver calls the methods of one listener one after the other, on a thread of its own. So a
    listener may be slow: it holds up neither trials nor other listeners. If more than 100,000
    points wait for it, further points are not passed on, and a line at the end says how many. All
    other calls are made.

    A listener that raises an error costs one line, and the experiment goes on. At the end ``lagom``
    waits 30 seconds at most for all listeners together. A listener that is not ready by then costs
    a line, and goes on in the background while the process lives.

    All dicts are copies, which a listener may change and keep.

    Example:
        >>> class BestSoFar(Listener):
        ...     def on_trial_end(self, trial):
        ...         print(trial["trial_id"], trial["metric"])
        >>> from maggy import OptimizationConfig, Searchspace
        >>> space = Searchspace(x=("DOUBLE", [0, 1]))
        >>> config = OptimizationConfig(20, "randomsearch", space, listeners=[BestSoFar()])
    """

    def on_experiment_start(self, info: ExperimentInfo) -> None:
        """Hear that an experiment begins, or goes on if it is resumed.

        Args:
            info: What the experiment is: ``experiment_id``, ``name``, ``description``,
                ``directory``, ``kind``, ``method`` (the optimizer or ablator), ``direction``,
                ``optimization_key``, ``num_trials``, ``searchspace``, ``seed``, ``start``,
                ``earlier_trials`` and ``maggy_version``.
        """

    def on_trial_start(self, trial: TrialRow) -> None:
        """Hear that a trial begins. It begins again, with the same id, if its worker was lost.

        A trial that needs no worker, because its parameters cannot be sent, only ends.

        Args:
            trial: The trial, with the keys of an item of ``result.trials``; its status is RUNNING.
        """

    def on_report(self, trial: TrialRow, points: Sequence[tuple[float, float]]) -> None:
        """Hear that a running trial has reported points.

        Args:
            trial: The trial with its points so far, including the new ones.
            points: The new points, as (step, value). If a step was reported twice, the last value
                counts.
        """

    def on_trial_end(self, trial: TrialRow) -> None:
        """Hear that a trial has ended for good, with a metric or with an error.

        Args:
            trial: The trial with all its points, also those of which :meth:`on_report` did not
                hear.
        """

    def on_experiment_end(self, result: ExperimentResult) -> None:
        """Hear that the experiment has ended. Called also if it failed or was interrupted.

        Args:
            result: The result of the trials that have ended. ``result.state`` is ``"FINISHED"``,
                ``"FAILED"`` or ``"KILLED"``. A function that runs once has a trial, but no metric.
        """


class Tracker(Listener):
    """A listener that keeps records in the directory of the experiment and is known to workers."""

    def prepare(self, info: ExperimentInfo, files: Files) -> Mapping[str, str]:
        """Return environment variables for the workers that do not have them already.

        Called before :meth:`on_experiment_start`, on the thread that called ``lagom``, so it must
        not wait for long.

        Args:
            info: What the experiment is.
            files: Reads and writes in the directory of the experiment.
        """
        return {}
