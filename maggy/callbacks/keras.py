"""Keras callbacks that broadcast a metric after each batch or epoch.

Keras is imported when the first callback is made.
"""

from __future__ import annotations

from collections.abc import Mapping

from maggy.callbacks.keras_callback import KerasCallback
from maggy.callbacks.metric_report import MetricReport, MetricReporter, missing_metric

__all__ = ["KerasBatchEnd", "KerasEpochEnd"]

# Keras 2 and 3 log a metric under the name with which the model was compiled, so both occur.
_OTHER_NAMES = {
    "acc": "accuracy",
    "accuracy": "acc",
    "val_acc": "val_accuracy",
    "val_accuracy": "val_acc",
}


class _KerasReport(MetricReport, KerasCallback):
    """Find the metric in Keras' logs, and report it."""

    def __init__(self, reporter: MetricReporter, metric: str) -> None:
        super().__init__(reporter)
        self._metric = metric

    def _report_from(self, logs: Mapping[str, float] | None, step: int = 0, hint: str = "") -> None:
        self._report(_find(logs or {}, self._metric, hint), step)


class KerasBatchEnd(_KerasReport):
    """Report a metric to the experiment after each training batch.

    The step counts batches from 0 over the whole trial, that is, over all epochs and over several
    ``fit()``. A new callback for a further ``fit()`` continues the count. If something else reports
    with the same reporter, all share one ascending sequence of steps, so the two kinds of metric
    are mixed in one curve. Choose one of them if the trial may be stopped early.

    ``loss`` and the metrics with which the model was compiled are available. Metrics of the
    validation are not. ``acc`` and ``accuracy`` are the same metric.

    Example:
        >>> def train(lr, reporter):
        ...     from maggy.callbacks import KerasBatchEnd
        ...
        ...     model = make_model(lr)
        ...     model.fit(x, y, callbacks=[KerasBatchEnd(reporter, metric="accuracy")])

    Args:
        reporter: The argument ``reporter`` of the training function.
        metric: The metric's name in Keras' logs.

    Raises:
        MissingDependencyError: If Keras is not installed.
        MetricKeyError: During ``fit()``, if the metric is not in Keras' logs. The message lists the
            metrics that are.
        EarlyStopException: During ``fit()``, if the driver has asked this trial to stop.
    """

    def __init__(self, reporter: MetricReporter, metric: str = "loss") -> None:
        super().__init__(reporter, metric)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report the metric. Keras calls this method.

        Args:
            batch: The number of the batch in its epoch, which is not used.
            logs: The metrics by name.
        """
        hint = "The validation's metrics are known at the end of an epoch only: use KerasEpochEnd."
        self._report_from(logs, hint=hint if self._metric.startswith("val_") else "")


class KerasEpochEnd(_KerasReport):
    """Report a metric to the experiment after each epoch.

    The step is the epoch, counted over several ``fit()``: after five epochs the next ``fit()``
    begins at step 5, whether its own epochs begin at 0 again or at ``initial_epoch=5``. A step that
    another callback or the user has taken is never used again; the callback takes the next free
    one.

    The metrics of training (``loss``) are available. If ``fit()`` has validation data, so are the
    metrics of validation (``val_loss``). ``val_acc`` and ``val_accuracy`` are the same metric.

    Example:
        >>> def train(lr, reporter):
        ...     from maggy.callbacks import KerasEpochEnd
        ...
        ...     model = make_model(lr)
        ...     report = KerasEpochEnd(reporter, metric="val_accuracy")
        ...     model.fit(x, y, validation_split=0.2, callbacks=[report])

    Args:
        reporter: The argument ``reporter`` of the training function.
        metric: The metric's name in Keras' logs.

    Raises:
        MissingDependencyError: If Keras is not installed.
        MetricKeyError: During ``fit()``, if the metric is not in Keras' logs. The message lists the
            metrics that are.
        EarlyStopException: During ``fit()``, if the driver has asked this trial to stop.
    """

    def __init__(self, reporter: MetricReporter, metric: str = "val_loss") -> None:
        super().__init__(reporter, metric)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report the metric. Keras calls this method.

        Args:
            epoch: The number of the epoch.
            logs: The metrics by name.
        """
        hint = (
            "Give fit() validation data, and validation_freq=1, to have the validation's metrics."
        )
        self._report_from(logs, step=epoch, hint=hint if self._metric.startswith("val_") else "")


def _find(logs: Mapping[str, float], metric: str, hint: str) -> float:
    for name in (metric, _OTHER_NAMES.get(metric, metric)):
        if name in logs:
            return logs[name]
    hint = hint or "Compile the model with it, or report another one."
    raise missing_metric(metric, [str(name) for name in logs], "Keras' logs", hint)
