"""Act on each notice of the trial book, or hand it to the part that does.

The router runs on the policy thread, and only hands things on: to queues that belong to other
threads.
"""

from __future__ import annotations

import logging

from maggy.common.exceptions import ExperimentError
from maggy.common.exhaustive import assert_never
from maggy.core.experiment_driver.checkpoint_lines import CheckpointLines
from maggy.core.experiment_driver.dispatcher import Dispatcher
from maggy.core.experiment_driver.foreground import Foreground
from maggy.core.experiment_driver.give_up import Mistake, explanation
from maggy.core.experiment_driver.instructions import (
    DecisionWanted,
)
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
from maggy.core.experiment_driver.progress import Progress
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.trial_book import TrialBook
from maggy.result.trial_lines import begin_line, end_line, name_of
from maggy.trial import Trial

__all__ = ["NoticeRouter"]

logger = logging.getLogger(__name__)


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
            case DecisionWanted():
                self._dispatcher.post(self._ledger.decided, notice)
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
