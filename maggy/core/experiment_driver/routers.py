"""Hand each instruction and each notice to the part that acts on it.

The ledger and the trial book decide on two threads. Their routers run on the same threads and only
hand things on, to queues that belong to other threads.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from maggy.common.exceptions import ExperimentError
from maggy.common.exhaustive import assert_never
from maggy.core.experiment_driver.checkpoint_lines import CheckpointLines
from maggy.core.experiment_driver.dispatcher import Dispatcher
from maggy.core.experiment_driver.foreground import Foreground
from maggy.core.experiment_driver.give_up import Mistake, explanation
from maggy.core.experiment_driver.instructions import (
    Ask,
    Began,
    CheckFailed,
    Continued,
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
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.experiment_driver.notices import (
    AllTrialsEnded,
    CheckpointsSaved,
    ExperimentEnds,
    Notice,
    Remark,
    RuleFailed,
    SameMistake,
    SuggestionsExhausted,
    TrialBegan,
    TrialContinued,
    TrialEnded,
    TrialGivenBack,
    TrialPaused,
    TrialPausing,
    TrialStopped,
    TrialSuggested,
)
from maggy.core.experiment_driver.policy_thread import PolicyThread
from maggy.core.experiment_driver.preemption_watch import PreemptionWatch
from maggy.core.experiment_driver.progress import Progress
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.shown import ShownLines
from maggy.core.experiment_driver.trial_book import TrialBook
from maggy.core.experiment_driver.trial_changes import with_source_lines
from maggy.core.messages import Register, WorkerId
from maggy.result.trial_lines import begin_line, end_line, name_of
from maggy.trial import Trial
from maggy.version import __version__

__all__ = ["InstructionRouter", "NoticeRouter"]

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


class NoticeRouter:
    """Act on the notices of the trial book, on the policy thread.

    Args:
        book: The trial book.
        ledger: Its methods become events of the dispatcher.
        dispatcher: Runs the events of the ledger.
        recorder: Records the trials.
        progress: Shows the trials to the user.
        foreground: Runs calls on the thread that called ``lagom``.
        numbers: The numbers of suggested trials by id, for the other router.
        total: Number of trials of the experiment; None if it is unknown.
        fail_fast: End the experiment at the first trial that fails.
        metric_name: The name of the metric.
        verbose: As in :class:`~maggy.experiment_config.CommonConfig`.
    """

    def __init__(
        self,
        book: TrialBook,
        ledger: Ledger,
        dispatcher: Dispatcher,
        recorder: Recorder,
        progress: Progress,
        foreground: Foreground,
        numbers: dict[str, int | None],
        *,
        total: int | None,
        fail_fast: bool,
        metric_name: str,
        verbose: int,
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._progress = progress
        self._foreground = foreground
        self._total = total
        self._fail_fast = fail_fast
        self._metric_name = metric_name
        self._verbose = verbose
        self._numbers = numbers
        self._earlier_count = len(book.ended)
        self._checkpoint_lines = CheckpointLines(recorder, progress, foreground, verbose)

    def act(  # noqa: C901, PLR0912 (one case for each kind)
        self, notice: Notice
    ) -> None:
        """Act on one notice."""
        match notice:
            case TrialSuggested(trial, params, handover):
                self._numbers[trial.trial_id] = trial.number
                directory = self._recorder.trial_directory(trial.trial_id)
                self._dispatcher.post(
                    self._ledger.suggested, trial.trial_id, params, directory, handover
                )
            case TrialBegan(trial):
                self._trial_began(trial)
            case TrialContinued(points):
                self._recorder.points_came(points)
            case CheckpointsSaved(saving):
                self._recorder.checkpoints_saved(saving)
                self._checkpoint_lines.tell(saving)
            case TrialEnded(trial):
                self._trial_ended(trial)
            case TrialStopped(trial_id):
                self._dispatcher.post(self._ledger.stop, trial_id)
            case TrialPausing(trial_id):
                self._dispatcher.post(self._ledger.pause, trial_id)
            case TrialPaused():
                self._trial_paused(notice)
            case TrialGivenBack(trial, reason):
                text = f"{name_of(trial)}: lost its worker and will run again: {reason}"
                self._recorder.trial_given_back(trial, text)
                logger.info(text)
                self._foreground.post(self._progress.say, text)
            case SuggestionsExhausted():
                self._dispatcher.post(self._ledger.exhausted)
            case AllTrialsEnded():
                self._foreground.post(self._foreground.end)
            case SameMistake(mistake):
                self._give_up(mistake)
            case ExperimentEnds(reason):
                self._say(f"The experiment ends, since {reason}.")
            case RuleFailed(error):
                self._say(
                    f"A stop rule failed, so it stops nothing: {type(error).__name__}: {error}"
                )
            case Remark(text):
                self._say(text)
            case _:
                assert_never(notice)

    def policy_failed(self, error: BaseException) -> None:
        """End the experiment, since the policy has raised an exception."""
        self._foreground.post(self._foreground.fail, error)

    def _trial_began(self, trial: Trial) -> None:
        self._recorder.trial_begins(trial)
        if self._verbose > 1:
            line = begin_line(trial)
            self._log(line)
            self._foreground.post(self._progress.say_unless_shown, line)

    def _trial_paused(self, notice: TrialPaused) -> None:
        line = f"{name_of(notice.trial)}: {notice.trial.stop_reason}"
        self._recorder.trial_paused(notice.trial, line, notice.saving)
        logger.info(line)
        if self._verbose > 1:
            self._foreground.post(self._progress.say, line)

    def _trial_ended(self, trial: Trial) -> None:
        self._recorder.trial_ended(trial)
        self._numbers.pop(trial.trial_id, None)
        line = end_line(trial, self._metric_name)
        self._log(line)
        self._foreground.post(self._progress.trial_ended, trial, line)
        if trial.status == Trial.ERROR and self._fail_fast:
            reason = trial.failure_reason
            self.policy_failed(
                ExperimentError(
                    f"Trial {trial.trial_id} failed, and fail_fast is set: {reason}\n{trial.error}"
                )
            )

    def _give_up(self, mistake: Mistake) -> None:
        trials = self._book.ended
        remaining = None if self._total is None else self._total - len(trials)
        if remaining == 0:  # only the policy knew that there would be no more trials
            self._foreground.post(self._foreground.end)
            return
        trials_of_call = [trial for trial in trials[self._earlier_count :] if trial.attempts]
        self.policy_failed(ExperimentError(explanation(mistake, trials_of_call, remaining)))

    def _log(self, line: str) -> None:
        self._recorder.log_soon(line)
        logger.info(line)

    def _say(self, text: str) -> None:
        self._foreground.post(self._foreground.say, text)
