"""A PyTorch Lightning callback that broadcasts a metric after each epoch.

Lightning is imported when the first callback is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from maggy.callbacks.lightning_callback import LightningCallback
from maggy.callbacks.metric_report import MetricReport, MetricReporter, missing_metric

__all__ = ["LightningEpochEnd"]


class _Trainer(Protocol):
    """The part of Lightning's ``Trainer`` that the callback uses."""

    current_epoch: int
    is_global_zero: bool
    enable_validation: bool
    callback_metrics: Mapping[str, object]


class LightningEpochEnd(MetricReport, LightningCallback):
    """Report a metric to the experiment after each epoch of PyTorch Lightning.

    The step is the epoch, counted from 0 over all ``fit()`` with the same reporter: after five
    epochs the next ``fit()`` begins at step 5. A step that something else has taken is never used
    again. Lightning's sanity check reports nothing.

    The metric has the name with which the module calls ``self.log``, as the ``monitor`` of
    Lightning's ``EarlyStopping``. It may be logged in the training or in the validation, by any
    hook. A metric of the validation is reported for those epochs only in which the validation ran;
    if it ran several times, the last value counts. With several data loaders for the validation the
    name has the suffix that Lightning gives it, such as ``val_loss/dataloader_idx_0``.

    It works with the package ``lightning`` and with ``pytorch_lightning``. Train in the process of
    the trial, that is, with ``devices=1``; a report from another process raises an error.

    Example:
        >>> def train(lr, reporter):
        ...     from lightning import Trainer
        ...     from maggy.callbacks import LightningEpochEnd
        ...
        ...     report = LightningEpochEnd(reporter, metric="val_loss")
        ...     trainer = Trainer(max_epochs=10, devices=1, callbacks=[report])
        ...     trainer.fit(Model(lr), train_loader, valid_loader)

    Args:
        reporter: The argument ``reporter`` of the training function.
        metric: The name with which the module logs the metric.

    Raises:
        MissingDependencyError: If Lightning is not installed.
        MetricKeyError: During ``fit()``, if the module does not log the metric. The message lists
            the metrics that it logs.
        EarlyStopException: During ``fit()``, if the driver has asked this trial to stop.
    """

    _ended_epoch: int | None
    """The epoch that has ended and is not reported yet."""

    _had_validation: bool
    _is_validation_new: bool
    """Whether the validation has run since the last report."""

    _is_of_validation: bool
    _is_logged_before: bool
    """Whether the training had logged the metric before the first validation."""

    def __init__(self, reporter: MetricReporter, metric: str = "val_loss") -> None:
        super().__init__(reporter)
        self._metric = metric
        self._begin()

    def on_train_start(self, trainer: _Trainer, pl_module: object) -> None:
        """Forget an earlier ``fit()`` and the sanity check. Lightning calls this method.

        Args:
            trainer: Not used.
            pl_module: Not used.
        """
        self._begin()

    def on_validation_start(self, trainer: _Trainer, pl_module: object) -> None:
        """Note which metrics do not come from the validation. Lightning calls this method.

        Args:
            trainer: Has the metrics.
            pl_module: Not used.
        """
        if not self._had_validation:
            self._is_logged_before = self._metric in trainer.callback_metrics

    def on_validation_end(self, trainer: _Trainer, pl_module: object) -> None:
        """Note that the metrics of the validation are new. Lightning calls this method.

        Args:
            trainer: Has the metrics.
            pl_module: Not used.
        """
        if not self._had_validation:
            is_logged = self._metric in trainer.callback_metrics
            self._is_of_validation = is_logged and not self._is_logged_before
        self._had_validation = self._is_validation_new = True

    def on_train_epoch_end(self, trainer: _Trainer, pl_module: object) -> None:
        """Note that an epoch has ended. Lightning calls this method.

        Args:
            trainer: Has the number of the epoch.
            pl_module: Not used.
        """
        # The module's own hook comes after this one and may log, too. So the metric is looked up
        # before the next epoch.
        self._ended_epoch = trainer.current_epoch

    def on_train_epoch_start(self, trainer: _Trainer, pl_module: object) -> None:
        """Report the epoch before this one. Lightning calls this method.

        Args:
            trainer: Has the metrics.
            pl_module: Not used.
        """
        self._report_epoch(trainer)

    def on_train_end(self, trainer: _Trainer, pl_module: object) -> None:
        """Report the last epoch. Lightning calls this method.

        Args:
            trainer: Has the metrics.
            pl_module: Not used.
        """
        self._report_epoch(trainer)

    def _begin(self) -> None:
        self._ended_epoch = None
        self._had_validation = self._is_validation_new = False
        self._is_of_validation = self._is_logged_before = False

    def _report_epoch(self, trainer: _Trainer) -> None:
        """Report the epoch that has ended, if it has not been reported."""
        epoch, is_validation_new = self._ended_epoch, self._is_validation_new
        self._ended_epoch, self._is_validation_new = None, False
        if epoch is None or not trainer.is_global_zero:
            return
        metrics = trainer.callback_metrics
        if self._metric not in metrics:
            if trainer.enable_validation and not self._had_validation:
                return  # The validation may log it.
            raise missing_metric(self._metric, [*metrics], "what the module logs", _REMEDY)
        # Lightning keeps the values of a validation until the next one.
        if is_validation_new or not self._is_of_validation:
            self._report(metrics[self._metric], step=epoch)


_REMEDY = "Call self.log with this name, and give fit() validation data for one of the validation."
