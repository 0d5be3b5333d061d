"""A CatBoost callback that broadcasts a metric after each iteration.

CatBoost is imported when the first callback is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from maggy.callbacks.metric_report import MetricReporter
from maggy.callbacks.round_report import RoundReport
from maggy.common.exceptions import EarlyStopException
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["CatBoostRound"]


class _Iteration(Protocol):
    """The part of CatBoost's information that the callback uses."""

    iteration: int
    metrics: Mapping[str, Mapping[str, Sequence[float]]]


class CatBoostRound(RoundReport):
    """Report a metric to the experiment after each iteration of CatBoost.

    The step is the iteration, counted from 0 over all ``fit()`` with the same reporter: after ten
    iterations the next ``fit()`` begins at step 10. A step that something else has taken is never
    used again. With ``metric_period`` only the iterations whose metrics CatBoost computes are
    reported. CatBoost supports callbacks on CPUs only.

    The metric is a pair, the data set and the metric as ``get_evals_result()`` names them, such as
    ``("validation", "AUC")``. The text ``"validation-AUC"`` means the same. The data set is
    ``learn`` or ``validation``; with several evaluation sets it is ``validation_0``,
    ``validation_1`` and so on.

    **Early stopping.** CatBoost turns every error of a callback into a ``CatBoostError``. So when
    the driver stops the trial, the callback raises nothing: ``fit()`` ends with the trees that it
    has, and what follows in the training function runs. The trial ends with the metric of the last
    report, whatever the function returns, and every later broadcast raises ``EarlyStopException``.

    Example:
        >>> def train(depth, reporter):
        ...     from catboost import CatBoostClassifier
        ...     from maggy.callbacks import CatBoostRound
        ...
        ...     report = CatBoostRound(reporter, metric=("validation", "AUC"))
        ...     model = CatBoostClassifier(depth=depth, eval_metric="AUC")
        ...     model.fit(x, y, eval_set=(x_valid, y_valid), callbacks=[report])

    Args:
        reporter: The argument ``reporter`` of the training function.
        metric: The data set and the metric. None stands for the last data set, which must have one
            metric.

    Raises:
        BadArgumentsError: If ``metric`` is neither a text nor a pair of texts.
        MissingDependencyError: If CatBoost is not installed.
        MetricKeyError: During ``fit()``, if CatBoost does not compute the metric. It is the context
            of a ``CatBoostError``, which has its text: the metrics that there are.
    """

    _place = "CatBoost's evaluations"
    _remedy = "Give fit() an eval_set, and set eval_metric or custom_metric."

    def __init__(
        self, reporter: MetricReporter, metric: str | tuple[str, str] | None = None
    ) -> None:
        super().__init__(reporter, metric)
        self._num_values = 0

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        # CatBoost accepts any object with the method.
        import_optional("catboost", cls.__name__, install_command("catboost"))
        return ()

    def after_iteration(self, info: _Iteration) -> bool:
        """Report the metric. CatBoost calls this method.

        Args:
            info: The iteration, from 1, and all values of each metric of each data set.

        Returns:
            Whether the training goes on.
        """
        values = self._choose(
            {
                (data_set, metric): values
                for data_set, metrics in info.metrics.items()
                for metric, values in metrics.items()
            }
        )
        assert isinstance(values, Sequence)
        is_new = info.iteration == 1 or len(values) != self._num_values
        self._num_values = len(values)
        try:
            if is_new:
                self._report(values[-1], step=info.iteration - 1)
        except EarlyStopException:
            return False
        return True
