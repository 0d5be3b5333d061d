"""Report a metric at ascending steps, and say which metrics there are if it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from maggy.common.exceptions import MetricKeyError
from maggy.common.json_values import closest
from maggy.common.reported_values import check_metric

__all__ = ["MetricReport", "MetricReporter", "missing_metric"]


class MetricReporter(Protocol):
    """The part of a Reporter that a callback uses."""

    def broadcast(self, metric: float, step: int | None = None) -> None:
        """Report a metric at a step."""


class MetricReport:
    """Report a metric at steps that never go back and never repeat."""

    def __init__(self, reporter: MetricReporter) -> None:
        super().__init__()
        self._reporter = reporter
        self._last_step = -1

    def _report(self, value: object, step: int = 0) -> None:
        # Everything that reports in this trial shares the reporter's steps: other callbacks,
        # earlier trainings and the user.
        last_step = int(getattr(self._reporter, "last_step", self._last_step))
        # Most frameworks count from 0 again in each training, and a step must not go back.
        self._last_step = max(step, last_step + 1)
        self._reporter.broadcast(float(check_metric(value)), step=self._last_step)


def missing_metric(
    metric: str | None, names: Sequence[str], place: str, remedy: str
) -> MetricKeyError:
    """Return the error for a metric that the framework does not have.

    Args:
        metric: The metric's name; None for any metric.
        names: The names of the metrics that there are.
        place: Where they are, such as "Keras' logs".
        remedy: A sentence.
    """
    if metric is None:
        return MetricKeyError(f"There must be a metric in {place}, but there is none. {remedy}")
    return MetricKeyError(
        f"The metric to report must be one of those in {place}, but {metric!r} is not among "
        f"them: {', '.join(names) or 'there are none'}.{closest(metric, [*names])} {remedy}"
    )
