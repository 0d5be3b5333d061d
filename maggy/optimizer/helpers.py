"""Answer an optimizer's questions about ended and running trials, with the names of release 1."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, json_key
from maggy.common.types import ParameterValue, Params
from maggy.optimizer.rungs import BUDGET_NAMES
from maggy.searchspace import Searchspace
from maggy.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["OptimizerHelpers"]

_SAMPLE_TYPES = ("random", "random_forced", "model", "promoted", "grid")


class OptimizerHelpers:
    """Provide methods that every optimizer inherits and may call from ``initialize`` on.

    Metrics are returned as numbers to be minimized: for the direction ``"max"`` they are negated. A
    ``budget`` of 0 or None selects the trials on any budget; another number selects those that ran
    on exactly this budget.
    """

    searchspace: Searchspace
    trial_store: dict[str, Trial]
    final_store: list[Trial]
    direction: str

    sampling_time_start: float = 0.0
    """The time at which the work on the next suggestion began, as ``time.time()``.

    ``create_trial`` notes how long the work took.
    """

    write_log: Callable[[str], None] = staticmethod(logging.getLogger(__name__).info)
    """Writes a line to the experiment's ``maggy.log``. The driver sets it."""

    def create_trial(
        self,
        hparams: Mapping[str, ParameterValue],
        sample_type: str,
        run_budget: float = 0,
        model_budget: float | None = None,
    ) -> Trial:
        """Return a trial with notes about its origin.

        Args:
            hparams: The hyperparameters.
            sample_type: ``"random"``, ``"random_forced"`` (because the model repeated itself),
                ``"model"``, ``"promoted"`` or ``"grid"``.
            run_budget: The training function's ``budget``; 0 for none.
            model_budget: The budget of the trials on which the model is based; 0 for all. Needed
                for ``"model"``.

        Raises:
            BadArgumentsError: If there is no such type, or if ``model_budget`` is missing.
        """
        if sample_type not in _SAMPLE_TYPES:
            raise BadArgumentsError(
                f"sample_type must be one of {', '.join(_SAMPLE_TYPES)}, "
                f"but got {sample_type!r:.80}."
            )
        if sample_type == "model" and model_budget is None:
            raise BadArgumentsError(
                "A trial of the type 'model' must have a model_budget, but got None. "
                "Pass 0 for all."
            )
        start, self.sampling_time_start = self.sampling_time_start, 0.0
        notes = {
            "run_budget": run_budget,
            "sample_type": sample_type,
            "sampling_time": time.time() - start if start else 0.0,
        }
        if model_budget is not None:
            notes["model_budget"] = model_budget
        return Trial({**hparams, **({"budget": run_budget} if run_budget else {})}, info_dict=notes)

    def hparams_exist(self, trial: Trial) -> bool:
        """Return whether a trial with the same hyperparameters runs or has ended with a metric.

        The budgets of the trials do not matter.
        """
        key = json_key(_hparams_of(self, trial))
        others = [*self.trial_store.values(), *self.final_store]
        return any(json_key(_hparams_of(self, other)) == key for other in others)

    def get_hparams_dict(self, trial_ids: str | Collection[str] = "all") -> dict[str, Params]:
        """Return the parameters of ended trials by trial id.

        Args:
            trial_ids: An id, several ids, or ``"all"``.
        """
        return {trial.trial_id: dict(trial.params) for trial in _finals_with_ids(self, trial_ids)}

    def get_hparams_array(
        self, budget: float | None = 0
    ) -> npt.NDArray[np.float64] | npt.NDArray[np.object_]:
        """Return the hyperparameters of the ended trials.

        The rows have the order of ``final_store``, and the columns that of the search space.

        Args:
            budget: The budget of the trials.

        Returns:
            An array of the shape (trials, hyperparameters). It holds floats if all values are
            numbers, and objects otherwise.
        """
        import numpy as np

        rows = [_hparams_of(self, trial) for trial in _finals_on_budget(self, budget)]
        names = self.searchspace.keys() or list(rows[0] if rows else [])
        values = [[row.get(name) for name in names] for row in rows]
        is_numeric = all(as_number(value) is not None for row in values for value in row)
        array = np.empty((len(values), len(names)), dtype=float if is_numeric else object)
        # One by one: numpy would turn a value that is a list into another dimension.
        for row_index, row in enumerate(values):
            for column_index, value in enumerate(row):
                array[row_index, column_index] = value
        return array

    def get_metrics_dict(self, trial_ids: str | Collection[str] = "all") -> dict[str, float]:
        """Return the final metrics of ended trials by trial id.

        Args:
            trial_ids: An id, several ids, or ``"all"``.
        """
        return {
            trial.trial_id: _minimized(self, trial.final_metric)
            for trial in _finals_with_ids(self, trial_ids)
        }

    def get_metrics_array(
        self, budget: float | None = 0, interim_metrics: bool = False
    ) -> npt.NDArray[np.float64] | npt.NDArray[np.object_]:
        """Return the metrics of the ended trials, in the order of ``final_store``.

        Args:
            budget: The budget of the trials.
            interim_metrics: Return the values that each trial reported instead of its final metric.

        Returns:
            An array of the shape (trials,). With ``interim_metrics`` an array of the shape
            (trials, points); or of the shape (trials,) with an array for each trial if the trials
            have different numbers of points.
        """
        import numpy as np

        trials = _finals_on_budget(self, budget)
        if not interim_metrics:
            return np.array([_minimized(self, trial.final_metric) for trial in trials], dtype=float)
        histories = [
            np.array([_minimized(self, value) for value in trial.metric_history])
            for trial in trials
        ]
        if len({len(history) for history in histories}) == 1:
            return np.array(histories)
        # numpy refuses to make an array of arrays of different lengths, unless it exists already.
        array = np.empty(len(histories), dtype=object)
        array[:] = histories
        return array

    def ybest(self, budget: float | None = 0) -> float:
        """Return the best metric of the ended trials.

        Args:
            budget: The budget of the trials.

        Raises:
            BadArgumentsError: If no trial has ended with a metric on this budget.
        """
        return float(_metrics(self, budget).min())

    def yworst(self, budget: float | None = 0) -> float:
        """Return the worst metric of the ended trials.

        Args:
            budget: The budget of the trials.

        Raises:
            BadArgumentsError: If no trial has ended with a metric on this budget.
        """
        return float(_metrics(self, budget).max())

    def ymean(self, budget: float | None = 0) -> float:
        """Return the mean metric of the ended trials.

        Args:
            budget: The budget of the trials.

        Raises:
            BadArgumentsError: If no trial has ended with a metric on this budget.
        """
        return float(_metrics(self, budget).mean())

    def _log(self, msg: object) -> None:
        """Write a line to the experiment's ``maggy.log``; do nothing once that is closed."""
        with suppress(RuntimeError):
            self.write_log(f"{type(self).__name__}: {msg}")


# These are functions and not methods: a user's own optimizer inherits from the class above, and a
# private method of it could replace one of ours by accident.


def _finals_with_ids(optimizer: OptimizerHelpers, trial_ids: str | Collection[str]) -> list[Trial]:
    ids = {trial_ids} if isinstance(trial_ids, str) else set(trial_ids)
    return [trial for trial in optimizer.final_store if trial_ids == "all" or trial.trial_id in ids]


def _finals_on_budget(optimizer: OptimizerHelpers, budget: float | None) -> list[Trial]:
    return [trial for trial in optimizer.final_store if not budget or _budget_of(trial) == budget]


def _budget_of(trial: Trial) -> ParameterValue:
    return next((trial.params[name] for name in BUDGET_NAMES if name in trial.params), None)


def _hparams_of(optimizer: OptimizerHelpers, trial: Trial) -> Params:
    """Return the parameters without a budget, in the order of the search space if there is one."""
    names = optimizer.searchspace.keys() or [
        name for name in trial.params if name not in BUDGET_NAMES
    ]
    return {name: trial.params[name] for name in names if name in trial.params}


def _metrics(
    optimizer: OptimizerHelpers, budget: float | None
) -> npt.NDArray[np.float64] | npt.NDArray[np.object_]:
    metrics = optimizer.get_metrics_array(budget)
    if not len(metrics):
        suffix = f" on the budget {budget}" if budget else ""
        raise BadArgumentsError(
            f"There must be a trial that has ended with a metric{suffix}, but there is none yet."
        )
    return metrics


def _minimized(optimizer: OptimizerHelpers, metric: float | None) -> float:
    value = float("nan") if metric is None else float(metric)
    return -Direction.parse(optimizer.direction).sign * value
