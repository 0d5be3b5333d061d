"""Hand each instruction of the ledger to the part that acts on it.

The router runs on the thread of the dispatcher, and only hands things on: to queues that belong to
other threads.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from maggy.common.exceptions import ExperimentError
from maggy.common.exhaustive import assert_never
from maggy.core.experiment_driver.foreground import Foreground
from maggy.core.experiment_driver.instructions import (
    Ask,
    Began,
    CheckFailed,
    Continued,
    DecisionWanted,
    DriverInstruction,
    Ended,
    Finished,
    GivenBack,
    GivenUp,
    Kill,
    Launch,
    Lines,
    Lost,
    Mistaken,
    Paused,
    Points,
    Preempted,
    Probed,
    Refused,
    Saved,
    TrialEvent,
)
from maggy.core.experiment_driver.jobs import Jobs
from maggy.core.experiment_driver.policy_thread import PolicyThread
from maggy.core.experiment_driver.preemption_watch import PreemptionWatch
from maggy.core.experiment_driver.progress import Progress
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.shown import ShownLines
from maggy.core.experiment_driver.trial_changes import with_source_lines
from maggy.core.messages import Register, WorkerId
from maggy.version import __version__

__all__ = ["InstructionRouter"]

logger = logging.getLogger(__name__)


class InstructionRouter:
    """Carry out the instructions of the ledger, on the thread of the dispatcher.

    Args:
        policy_thread: Handles what concerns trials.
        jobs: Starts Spark jobs, and kills their tasks.
        watch: Asks Spark which executors it will take away.
        recorder: Records output and losses.
        progress: Shows output to the user.
        foreground: Runs calls on the thread that called ``lagom``.
        numbers: The numbers of suggested trials by id. The other router writes them.
        describe_error: Turns the class name and the text of an error, which the check of the study
            has raised on a worker, into an exception.
    """

    def __init__(
        self,
        policy_thread: PolicyThread,
        jobs: Jobs,
        watch: PreemptionWatch,
        recorder: Recorder,
        progress: Progress,
        foreground: Foreground,
        numbers: Mapping[str, int | None],
        describe_error: Callable[[str, str], Exception],
    ) -> None:
        self._policy_thread = policy_thread
        self._jobs = jobs
        self._watch = watch
        self._recorder = recorder
        self._progress = progress
        self._foreground = foreground
        self._numbers = numbers
        self._describe_error = describe_error
        self._shown = ShownLines(recorder.trial_directory)
        self._other_versions: set[str] = set()

    def worker_registered(self, worker: WorkerId, message: Register) -> None:
        """Begin the log of a worker, and say once if it has another release of Maggy."""
        self._watch.add(worker, message.task)
        self._foreground.post(self._foreground.worker_came, worker.partition)
        self._recorder.worker_registered(worker, message.host, message.pid)
        if message.version in (__version__, *self._other_versions):
            return
        self._other_versions.add(message.version)
        text = (
            f"The driver has Maggy {__version__}, and worker {worker.partition} on {message.host} "
            f"has {message.version or 'an unknown release'}. Both speak the same protocol."
        )
        self._foreground.post(self._foreground.say, text)

    def carry_out(  # noqa: C901, PLR0912 (one case for each kind)
        self, instructions: list[TrialEvent | DriverInstruction]
    ) -> None:
        """Hand instructions on, in their order."""
        events: list[TrialEvent] = []
        for instruction in instructions:
            match instruction:
                case (
                    Points()
                    | Ask()
                    | Began()
                    | Continued()
                    | DecisionWanted()
                    | Saved()
                    | Ended()
                    | Paused()
                    | GivenBack()
                    | Probed()
                    | Mistaken()
                    | Finished()
                ):
                    if type(instruction) is Ended:
                        self._say_what_was_left_out(instruction.trial_id)
                        events.append(with_source_lines(instruction))
                    else:
                        events.append(instruction)
                case Lines():
                    self._take_lines(instruction)
                case Launch(partitions):
                    self._foreground.post(self._launch, partitions)
                case Kill(worker, task):
                    self._foreground.post(self._jobs.kill, worker.job, task)
                case Lost(worker, reason):
                    self._recorder.log(f"Worker {worker.partition} was lost: {reason}")
                case Preempted(worker):
                    self._recorder.log(
                        f"Worker {worker.partition} leaves soon: Spark will take its executor away"
                    )
                case CheckFailed(error, error_type):
                    self._fail(self._describe_error(error_type, error))
                case GivenUp(reason) | Refused(reason):
                    self._fail(ExperimentError(reason))
                case _:
                    assert_never(instruction)
        if events:
            self._policy_thread.put(*events)

    def dispatcher_failed(self, error: BaseException) -> None:
        """End the experiment, since the dispatcher has raised an exception."""
        logger.error("The dispatcher failed.", exc_info=error)
        self._fail(error)

    def _launch(self, partitions: list[int]) -> None:
        # On the foreground thread: no job may start once the experiment is over.
        if not self._foreground.is_over:
            self._jobs.launch(partitions)

    def _take_lines(self, output: Lines) -> None:
        self._recorder.lines(output.trial_id, output.worker, [line for _, line in output.lines])
        lines = [line for is_shown, line in output.lines if is_shown]
        if not lines:
            return
        visible_lines = self._shown.admit(
            output.trial_id, lines, time.monotonic(), self._foreground.backlog
        )
        if visible_lines:
            # A trial is numbered before a worker hears of it.
            number = self._numbers.get(output.trial_id)
            worker = output.worker.partition
            self._foreground.post(
                self._progress.lines, worker, number, visible_lines, output.trial_id
            )

    def _say_what_was_left_out(self, trial_id: str) -> None:
        if (text := self._shown.ended(trial_id)) is not None:
            self._foreground.post(self._progress.say_unless_shown, text, trial_id)

    def _fail(self, error: BaseException) -> None:
        self._foreground.post(self._foreground.fail, error)
