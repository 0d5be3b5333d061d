"""Any pruner of Optuna's as an early stopping rule of ours."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from maggy.common.ended_trials import EndedTrials
from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.optuna_bridge.tools import quiet, require
from maggy.trial import Trial

__all__ = ["OptunaPruner"]


@dataclass
class _Shown:
    """How far a trial has been shown to Optuna."""

    asked: Any
    points: int = 0
    attempts: int = 0
    over: bool = False
    answered_at: int = 0
    answer: bool = False


class OptunaPruner(AbstractEarlyStop):
    """Stops what a pruner of Optuna's would prune.

    The pruner sees a study with all trials and what they have reported. It is asked at the steps that the experiment's
    ``es_interval`` selects and does not wait for ``es_min`` trials to be final, since pruners have such an argument of
    their own. Steps below 0 are not shown, others rounded down; a step that is reported again keeps its first value. A
    pruner is not asked again about the same step of a trial.

    Example:
        >>> import optuna
        >>> rule = OptunaPruner(optuna.pruners.PercentilePruner(25.0, n_startup_trials=5))

    Args:
        pruner: An ``optuna.pruners.BasePruner``; it is used itself, and may keep notes.

    Raises:
        BadArgumentsError: It is not a pruner.
        MissingDependencyError: Optuna is not installed.
    """

    waits_for_finals = False

    def __init__(self, pruner: Any) -> None:
        require("OptunaPruner", ["optuna"], "optuna")
        from optuna.pruners import BasePruner

        if not isinstance(pruner, BasePruner):
            raise BadArgumentsError(
                f"pruner must be an instance of optuna.pruners.BasePruner, but got {pruner!r:.80}."
            )
        self._pruner = pruner
        self._study: Any = None
        self._shown: dict[str, _Shown] = {}
        self._open: dict[str, _Shown] = {}  # those that have not ended
        self._finals_shown = 0

    def for_an_experiment(self) -> OptunaPruner:
        """A rule of the same pruner that has been shown no trials, as each experiment needs one."""
        return OptunaPruner(self._pruner)

    def earlystop_check(  # type: ignore[override]
        self, to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """The rule with no other trial running."""
        return self.check_running(to_check, finalized_trials, [to_check], direction)

    def check_running(
        self,
        to_check: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str | None:
        """The id of ``to_check`` if the pruner prunes it, else None."""
        if not to_check.step_history or to_check.step_history[-1] < 0:
            return None
        with quiet():
            self._show_all(finalized_trials, running_trials, direction)
            shown = self._shown[to_check.trial_id]
            if shown.answered_at != len(to_check.step_history):
                shown.answered_at = len(to_check.step_history)
                shown.answer = bool(shown.asked.should_prune())
        return to_check.trial_id if shown.answer else None

    def _show_all(
        self, finalized_trials: list[Trial], running_trials: Collection[Trial], direction: str
    ) -> None:
        import optuna
        from optuna.trial import TrialState

        if self._study is None:
            # The name decides to which bracket of Hyperband a trial belongs.
            self._study = optuna.create_study(
                pruner=self._pruner,
                direction="maximize" if direction == "max" else "minimize",
                study_name="maggy",
            )
        new = finalized_trials
        if isinstance(finalized_trials, EndedTrials):  # it only grows
            new = finalized_trials[self._finals_shown :]
            self._finals_shown = len(finalized_trials)
        for trial in [*new, *running_trials]:
            self._show(trial)
        running = {trial.trial_id for trial in running_trials}
        for trial_id in [trial_id for trial_id in self._open if trial_id not in running]:
            self._end(trial_id, TrialState.FAIL)

    def _show(self, trial: Trial) -> None:
        from optuna.trial import TrialState

        shown = self._shown.get(trial.trial_id)
        if (
            shown is not None and not shown.over and trial.attempts != shown.attempts
        ):  # it lost its worker
            self._end(trial.trial_id, TrialState.FAIL)
            shown = None
        if shown is None:
            shown = _Shown(self._study.ask(), attempts=trial.attempts)
            self._shown[trial.trial_id] = self._open[trial.trial_id] = shown
        if shown.over:
            return
        for place in range(shown.points, len(trial.step_history)):
            if trial.step_history[place] >= 0:
                shown.asked.report(trial.metric_history[place], int(trial.step_history[place]))
        shown.points = len(trial.step_history)
        if trial.final_metric is None:
            return
        if trial.early_stop:
            self._end(trial.trial_id, TrialState.PRUNED)
        else:
            self._end(
                trial.trial_id, None, trial.final_metric
            )  # Optuna sees whether it is a number

    def _end(self, trial_id: str, state: Any, metric: float | None = None) -> None:
        shown = self._open.pop(trial_id)
        shown.over = True
        self._study.tell(shown.asked, metric, state=state)
