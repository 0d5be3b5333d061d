"""An XGBoost callback that broadcasts a metric after each round.

XGBoost is imported when the first callback is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maggy.callbacks.round_report import RoundReport
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["XGBoostRound"]


class XGBoostRound(RoundReport):
    """Report a metric to the experiment after each boosting round of XGBoost.

    It works with ``xgboost.train``, ``xgboost.cv`` and the estimators. The step is the round,
    counted from 0 over all trainings with the same reporter: after ten rounds the next training
    begins at step 10. A step that something else has taken is never used again.

    The metric is named as XGBoost prints it: the data set, a hyphen and the metric, such as
    ``"validation_0-logloss"``. The pair ``("validation_0", "logloss")`` means the same. ``evals``
    of ``xgboost.train`` gives the data sets their names; those of ``eval_set`` are
    ``validation_0``, ``validation_1`` and so on. With ``xgboost.cv`` they are ``train`` and
    ``test``, and the mean of the folds is reported.

    Example:
        >>> def train(max_depth, reporter):
        ...     from maggy.callbacks import XGBoostRound
        ...     from xgboost import XGBClassifier
        ...
        ...     report = XGBoostRound(reporter, metric="validation_0-auc")
        ...     model = XGBClassifier(max_depth=max_depth, eval_metric="auc", callbacks=[report])
        ...     model.fit(x, y, eval_set=[(x_valid, y_valid)])

    Args:
        reporter: The argument ``reporter`` of the training function.
        metric: The data set and the metric. None stands for the last data set, which must have one
            metric.

    Raises:
        BadArgumentsError: If ``metric`` is neither a text nor a pair of texts.
        MissingDependencyError: If XGBoost is not installed.
        MetricKeyError: During the training, if XGBoost does not compute the metric. The message
            lists the metrics that it computes.
        EarlyStopException: During the training, if the driver has asked this trial to stop.
    """

    _place = "XGBoost's evaluations"
    _remedy = "Give the training an eval_set or evals, and set eval_metric."

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        remedy = install_command("xgboost")
        return (import_optional("xgboost.callback", cls.__name__, remedy).TrainingCallback,)

    def after_iteration(
        self, model: object, epoch: int, evals_log: Mapping[str, Mapping[str, Sequence[object]]]
    ) -> bool:
        """Report the metric. XGBoost calls this method.

        Args:
            model: Not used.
            epoch: The round.
            evals_log: All values of each metric of each data set.

        Returns:
            False: the training goes on.
        """
        value = self._choose(
            {
                (data_set, metric): values[-1]
                for data_set, metrics in evals_log.items()
                for metric, values in metrics.items()
            }
        )
        # A cross-validation has the mean and the standard deviation.
        self._report(value[0] if isinstance(value, tuple) else value, step=epoch)
        return False
