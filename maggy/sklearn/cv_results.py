"""Make scikit-learn's table of a search, ``cv_results_``, from the rows of its trials."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from maggy.common.exceptions import ResumeError
from maggy.result.rows import TrialRow
from maggy.sklearn.cross_validation import FIT_TIMES, METRIC, SCORE_TIMES, SCORES
from maggy.sklearn.object_choices import ObjectChoices
from maggy.trial import Trial

__all__ = ["COMPLETE", "FAILED", "STOPPED", "make_cv_results"]

COMPLETE: Final = "complete"
STOPPED: Final = "stopped"
FAILED: Final = "failed"

_Floats = npt.NDArray[np.float64]


def make_cv_results(
    rows: Sequence[TrialRow], choices: ObjectChoices, n_splits: int
) -> dict[str, Any]:
    """Return the table as a dict of columns with one entry for each trial, in order of suggestion.

    The columns are those of scikit-learn, and two more: ``trial_id``, and ``status``, which is
    ``"complete"``, ``"stopped"`` or ``"failed"``. A fold that was not run, or whose score is not
    known, is NaN. The mean of a trial that was stopped or failed is NaN, since a mean of other
    folds cannot be compared, and all of these trials share the last rank.

    Args:
        rows: The rows of the trials.
        choices: Turns the parameters of a trial into those of the estimator.
        n_splits: Number of folds.

    Raises:
        ResumeError: If a trial that was resumed has run on another number of folds.
    """
    rows = sorted(rows, key=lambda row: row["number"] or 0)
    status = [_status_of(row) for row in rows]
    scores = np.array([_scores_of(row, n_splits) for row in rows])
    is_complete = np.array([one == COMPLETE for one in status])
    means = np.where(is_complete, scores.mean(axis=1), np.nan)
    params = [choices.restore(row["params"]) for row in rows]
    return {
        **_times("fit_time", [_per_fold(row, FIT_TIMES, n_splits) for row in rows]),
        **_times("score_time", [_per_fold(row, SCORE_TIMES, n_splits) for row in rows]),
        **_parameter_columns(params, choices.space.keys()),
        "params": params,
        **{f"split{fold}_test_score": scores[:, fold] for fold in range(n_splits)},
        METRIC: means,
        "std_test_score": np.where(is_complete, scores.std(axis=1), np.nan),
        "rank_test_score": _ranks(means),
        "status": np.array(status, dtype=object),
        "trial_id": np.array([row["trial_id"] for row in rows], dtype=object),
    }


def _status_of(row: TrialRow) -> str:
    if row["status"] != Trial.FINALIZED or row["metric"] is None:
        return FAILED
    return STOPPED if row["early_stop"] else COMPLETE


def _scores_of(row: TrialRow, n_splits: int) -> _Floats:
    if _status_of(row) == COMPLETE:
        return _per_fold(row, SCORES, n_splits)
    # A trial that did not reach its end has returned nothing, but it has reported running means.
    means = np.array(row["history"], dtype=np.float64)
    totals = means * np.arange(1, len(means) + 1)
    return _fill(np.diff(totals, prepend=0.0), row, n_splits)


def _per_fold(row: TrialRow, key: str, n_splits: int) -> _Floats:
    outputs: Mapping[str, Any] = row["outputs"] or {}
    # A time that was not measured is None in the records.
    return _fill(np.array(outputs.get(key, ()), dtype=np.float64), row, n_splits)


def _fill(values: _Floats, row: TrialRow, n_splits: int) -> _Floats:
    """Return the values with NaN for the folds that were not run."""
    if len(values) > n_splits or (_status_of(row) == COMPLETE and 0 < len(values) < n_splits):
        raise ResumeError(
            f"The trials of a resumed search must have {n_splits} folds, but trial "
            f"{row['trial_id']} has {len(values)}. Resume it with the same cv."
        )
    return np.append(values, np.full(n_splits - len(values), np.nan))


def _times(name: str, times: Sequence[_Floats]) -> dict[str, _Floats]:
    seconds = np.array(times)
    with warnings.catch_warnings():
        # A trial that was stopped has no times.
        warnings.simplefilter("ignore", RuntimeWarning)
        return {f"mean_{name}": np.nanmean(seconds, axis=1), f"std_{name}": np.nanstd(seconds, 1)}


def _parameter_columns(
    params: Sequence[Mapping[str, object]], names: Sequence[str]
) -> dict[str, np.ma.MaskedArray[Any, Any]]:
    """Return a column for each parameter, masked where a condition leaves the parameter out."""
    columns = {}
    for name in names:
        values = np.empty(len(params), dtype=object)
        # One by one, because numpy would take a column of tuples for a matrix.
        for index, one in enumerate(params):
            values[index] = one.get(name)
        is_missing = [name not in one for one in params]
        columns[f"param_{name}"] = np.ma.MaskedArray(values, mask=is_missing)
    return columns


def _ranks(means: _Floats) -> npt.NDArray[np.int32]:
    """Return ranks from 1 for the best; equal means share one, and NaN is the worst."""
    comparable = np.nan_to_num(means, nan=-np.inf)
    better = (comparable[np.newaxis, :] > comparable[:, np.newaxis]).sum(axis=1)
    ranks: npt.NDArray[np.int32] = (better + 1).astype(np.int32)
    return ranks
