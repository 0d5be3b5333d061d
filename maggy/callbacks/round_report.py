"""The part that the callbacks for gradient boosting have in common: one metric of one data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from maggy.callbacks.framework_callback import FrameworkCallback
from maggy.callbacks.metric_report import MetricReport, MetricReporter, missing_metric
from maggy.common.exceptions import BadArgumentsError, MetricKeyError

__all__ = ["RoundReport"]


class RoundReport(MetricReport, FrameworkCallback):
    """Choose a metric of the data sets that are evaluated after each round, and report it."""

    _place: ClassVar[str]
    """Where the metrics are, for the error if one is missing."""

    _remedy: ClassVar[str]
    """The sentence that says how to have more metrics."""

    def __init__(
        self, reporter: MetricReporter, metric: str | tuple[str, str] | None = None
    ) -> None:
        super().__init__(reporter)
        self._metric = _as_name(metric)

    def _choose(self, values: Mapping[tuple[str, str], object]) -> object:
        """Return the value of the chosen metric.

        Args:
            values: The value of each data set and metric.

        Raises:
            MetricKeyError: If the metric is missing, or if it must be chosen.
        """
        names = {"-".join(pair): value for pair, value in values.items()}
        if self._metric in names:
            return names[self._metric]
        if self._metric is not None or not values:
            raise missing_metric(self._metric, [*names], self._place, self._remedy)
        last_data_set = [*values][-1][0]
        choices = [pair for pair in values if pair[0] == last_data_set]
        if len(choices) > 1:
            raise MetricKeyError(
                "metric must name the metric to report if the last data set has several, but got "
                f"None. There are {', '.join(names)}."
            )
        return values[choices[0]]


def _as_name(metric: str | tuple[str, str] | None) -> str | None:
    """Return the name of the metric with that of its data set before it.

    Raises:
        BadArgumentsError: If it is neither a text nor a pair of texts.
    """
    if metric is None or isinstance(metric, str):
        return metric
    is_pair = isinstance(metric, (tuple, list)) and len(metric) == 2
    if not (is_pair and all(isinstance(part, str) for part in metric)):
        raise BadArgumentsError(
            'metric must be a text such as "valid-auc", a pair such as ("valid", "auc") or None, '
            f"but got {metric!r:.80}."
        )
    return "-".join(metric)
