"""A trial rule that asks a pruner of Optuna."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maggy.common.direction import Direction
from maggy.common.ended_trials import EndedTrials
from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.decision import Decision
from maggy.optuna_bridge.tools import quiet, require
from maggy.trial import Trial

if TYPE_CHECKING:
    import optuna

__all__ = ["OptunaPruner"]


@dataclass
class _OptunaRecord:
    """The state of one of our trials in the pruner's study."""

    optuna_trial: optuna.trial.Trial
    attempts: int
    points: int = 0
    """The number of points that the study has."""
    is_over: bool = False
    answered_points: int = 0
    """The number of points at the pruner's last answer."""
    is_pruned: bool = False
    """The pruner's last answer."""


class OptunaPruner(AbstractEarlyStop):
    """Stop a trial when a pruner of Optuna prunes it.

    The pruner sees a study with all trials and their reports. The driver asks at the steps that the
    experiment's ``es_interval`` selects. It does not wait for ``es_min`` trials to end, since
    pruners have such an argument of their own. The study leaves out steps below 0 and rounds others
    down. If a trial reports a step again, the first value stays in the study. The pruner answers
    once for each new step of a trial.

    Example:
        >>> import optuna
        >>> rule = OptunaPruner(optuna.pruners.PercentilePruner(25.0, n_startup_trials=5))

    Args:
        pruner: An ``optuna.pruners.BasePruner``. The rule does not copy it. A pruner that remembers
            trials remembers those of all experiments.

    Raises:
        BadArgumentsError: If it is not a pruner.
        MissingDependencyError: If Optuna is not installed.
    """

    waits_for_finals = False

    def __init__(self, pruner: optuna.pruners.BasePruner) -> None:
        require("OptunaPruner", ["optuna"], "optuna")
        from optuna.pruners import BasePruner

        if not isinstance(pruner, BasePruner):
            raise BadArgumentsError(
                f"pruner must be an instance of optuna.pruners.BasePruner, but got {pruner!r:.80}."
            )
        self._pruner = pruner
        self._forget_trials()

    def start(self) -> None:
        """Forget the trials of an earlier experiment. The next one gets a study of its own."""
        self._forget_trials()

    def decide(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> Decision:
        """Return STOP if the pruner prunes the trial.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        sense = Direction.parse(direction)
        if not trial.step_history or trial.step_history[-1] < 0:
            return Decision.CONTINUE
        with quiet():
            self._update_study(finalized_trials, running_trials, sense)
            record = self._records[trial.trial_id]
            # A pruner may keep notes, so a second question about a step could get another answer.
            if record.answered_points != len(trial.step_history):
                record.answered_points = len(trial.step_history)
                record.is_pruned = bool(record.optuna_trial.should_prune())
        return Decision.STOP if record.is_pruned else Decision.CONTINUE

    def explain(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str:
        """Return the name of the pruner."""
        return f"Optuna's {type(self._pruner).__name__} prunes it"

    def _forget_trials(self) -> None:
        self._study: optuna.Study | None = None
        self._records: dict[str, _OptunaRecord] = {}  # by trial id
        self._open_records: dict[str, _OptunaRecord] = {}  # of trials that have not ended
        self._final_count = 0

    def _update_study(
        self,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: Direction,
    ) -> None:
        from optuna.trial import TrialState

        study = self._create_study(direction) if self._study is None else self._study
        new_finals = finalized_trials
        # The driver's list only grows. Any other list may have changed anywhere.
        if isinstance(finalized_trials, EndedTrials):
            new_finals = finalized_trials[self._final_count :]
            self._final_count = len(finalized_trials)
        for trial in [*new_finals, *running_trials]:
            self._update_trial(study, trial)
        running_ids = {trial.trial_id for trial in running_trials}
        # A list, since _end changes the dict.
        for trial_id in [name for name in self._open_records if name not in running_ids]:
            self._end(study, trial_id, TrialState.FAIL)

    def _create_study(self, direction: Direction) -> optuna.Study:
        import optuna

        # The name decides to which bracket of Hyperband a trial belongs.
        self._study = optuna.create_study(
            pruner=self._pruner,
            direction="maximize" if direction is Direction.MAX else "minimize",
            study_name="maggy",
        )
        return self._study

    def _update_trial(self, study: optuna.Study, trial: Trial) -> None:
        from optuna.trial import TrialState

        record = self._records.get(trial.trial_id)
        if record is not None and not record.is_over and trial.attempts != record.attempts:
            # The trial lost its worker and starts again. Optuna cannot remove its reports.
            self._end(study, trial.trial_id, TrialState.FAIL)
            record = None
        if record is None:
            record = _OptunaRecord(study.ask(), trial.attempts)
            self._records[trial.trial_id] = self._open_records[trial.trial_id] = record
        if record.is_over:
            return
        for index in range(record.points, len(trial.step_history)):
            if trial.step_history[index] >= 0:
                record.optuna_trial.report(
                    trial.metric_history[index], int(trial.step_history[index])
                )
        record.points = len(trial.step_history)
        if trial.final_metric is None:
            return
        if trial.early_stop:
            self._end(study, trial.trial_id, TrialState.PRUNED)
        else:
            # Without a state Optuna fails a trial whose metric is not a number.
            self._end(study, trial.trial_id, None, trial.final_metric)

    def _end(
        self,
        study: optuna.Study,
        trial_id: str,
        state: optuna.trial.TrialState | None,
        metric: float | None = None,
    ) -> None:
        record = self._open_records.pop(trial_id)
        record.is_over = True
        study.tell(record.optuna_trial, metric, state=state)
