"""Train one configuration on one fold after the other. This is the training function."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from maggy.common.exceptions import BadArgumentsError
from maggy.core.reporter import Reporter
from maggy.sklearn.object_choices import ObjectChoices
from maggy.sklearn.types import Data, Estimator, Scorer, Split

__all__ = ["FIT_TIMES", "METRIC", "SCORES", "SCORE_TIMES", "CrossValidation"]

METRIC: Final = "mean_test_score"
SCORES: Final = "test_scores"
FIT_TIMES: Final = "fit_times"
SCORE_TIMES: Final = "score_times"


@dataclass(frozen=True)
class CrossValidation:
    """Cross-validate the estimator with the hyperparameters of a trial, and report each fold.

    Step k reports the mean of the scores of the first k folds. The next fold begins when the stop
    rules have seen it. The folds, the data and the
    estimator travel to each worker once, with this object.

    Args:
        estimator: The estimator. Only its clones are fitted.
        X: The data.
        y: The targets, or None.
        splits: The rows of each fold, the same for every trial.
        scorer: Scores a fitted estimator.
        choices: Turns the parameters of a trial into those of the estimator.
        fit_params: Further arguments of ``fit``. Those with a value for each row are split.
        error_score: The score of a fold whose fit or score raises an error; NaN lets the trial
            fail.
        settings: What ``sklearn.get_config()`` returns on the driver, such as the metadata routing
            and ``transform_output``. Workers with another release of scikit-learn take over those
            that they have.
    """

    estimator: Estimator
    X: Data
    y: Data
    splits: Sequence[Split]
    scorer: Scorer
    choices: ObjectChoices
    fit_params: Mapping[str, Any]
    error_score: float
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, hparams: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
        """Return the mean of the scores, and what was measured on each fold.

        Raises:
            EarlyStopException: If the driver stops the trial before its last fold.
            BadArgumentsError: If the scorer returns several scores.
            Exception: What the fit or the score of a fold has raised, if ``error_score`` is NaN.
        """
        from sklearn import config_context, get_config

        settings = {name: self.settings[name] for name in get_config() if name in self.settings}
        with config_context(**settings):
            return self._run_folds(hparams, reporter)

    def _run_folds(self, hparams: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
        from sklearn.base import clone

        params = clone(self.choices.restore(hparams), safe=False)
        candidate = clone(self.estimator).set_params(**params)
        scores: list[float] = []
        times: list[tuple[float, float]] = []
        for split in self.splits:
            score, fit_time, score_time = self._run_fold(candidate, split, reporter)
            scores.append(score)
            times.append((fit_time, score_time))
            # Nothing is left to save after the last fold, so an order to stop comes too late.
            if len(scores) < len(self.splits):
                reporter.broadcast(float(np.mean(scores)), step=len(scores))
                reporter.flush()
            elif not reporter.is_stopped:
                reporter.broadcast(float(np.mean(scores)), step=len(scores))
        fit_times, score_times = zip(*times, strict=True)
        return {
            METRIC: float(np.mean(scores)),
            SCORES: scores,
            FIT_TIMES: fit_times,
            SCORE_TIMES: score_times,
        }

    def _run_fold(
        self, candidate: Estimator, split: Split, reporter: Reporter
    ) -> tuple[float, float, float]:
        """Return the score of a fold, and the seconds of its fit and of its score."""
        from sklearn.model_selection import cross_validate

        try:
            fold = cross_validate(
                candidate,
                self.X,
                self.y,
                scoring=self.scorer,
                cv=[split],
                params=dict(self.fit_params),
                error_score="raise",
            )
        except Exception as error:
            if math.isnan(self.error_score):
                raise
            reporter.log(f"A fold counts as {self.error_score:g}. {type(error).__name__}: {error}")
            return self.error_score, math.nan, math.nan
        if "test_score" not in fold:
            names = [key.removeprefix("test_") for key in fold if key.startswith("test_")]
            raise BadArgumentsError(
                "scoring must return one number, but it returned a dict with "
                f"{', '.join(names) or 'nothing'}. Pass a scorer of one metric."
            )
        keys = ("test_score", "fit_time", "score_time")
        score, fit_time, score_time = (float(fold[key][0]) for key in keys)
        return score, fit_time, score_time
