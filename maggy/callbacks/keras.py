"""Keras callbacks that broadcast a metric after each batch or epoch. Keras is imported when the first one is made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from maggy.common.exceptions import MetricKeyError
from maggy.common.json_values import closest
from maggy.common.optional import import_optional

__all__ = ["KerasBatchEnd", "KerasEpochEnd"]

_SAME = {"acc": "accuracy", "accuracy": "acc", "val_acc": "val_accuracy", "val_accuracy": "val_acc"}


class _Broadcasts(Protocol):
    """The part of a Reporter that a callback uses."""

    def broadcast(self, metric: Any, step: Any = None) -> None: ...


class _KerasReport:
    """What both callbacks share: becoming a Keras callback, finding the metric, and steps that never go back."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Keras accepts only subclasses of its Callback, and deriving from it here would import Keras with this
        # module. So the instance is of a subclass of both, made now; Python calls __init__ on it as usual.
        own: Any = cls
        return object.__new__(_with_keras(own))

    def __init__(self, reporter: _Broadcasts, metric: str) -> None:
        super().__init__()
        self._reporter = reporter
        self._metric = metric
        self._last_step = -1

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the model: a fit() sets it anew, and not every model can be copied.
        state = {name: value for name, value in self.__dict__.items() if name != "_model"}
        return _copied, (getattr(type(self), "_plain_class", type(self)), state)

    def _report(self, logs: Mapping[str, Any] | None, step: int = 0, hint: str = "") -> None:
        value = _find(logs or {}, self._metric, hint)
        # Everything that reports in this trial shares the reporter's steps: other callbacks, earlier fits, the user.
        last = int(getattr(self._reporter, "last_step", self._last_step))
        self._last_step = max(step, last + 1)
        self._reporter.broadcast(value, step=self._last_step)


class KerasBatchEnd(_KerasReport):
    """A Keras callback that reports a metric to the experiment after each training batch.

    The step counts batches from 0 over the whole trial, so over all epochs and over several ``fit()``; a new
    callback for a further ``fit()`` counts on. When something else reports with the same reporter, all share one
    ascending sequence of steps, so the two kinds of metric are mixed in one curve: choose one where the trial may
    be stopped early.

    ``loss`` and the metrics that the model was compiled with are available, metrics of the validation are not.
    ``acc`` and ``accuracy`` are the same metric.

    Example:
        >>> def train(lr, reporter):
        ...     from maggy.callbacks import KerasBatchEnd
        ...     model = make_model(lr)
        ...     model.fit(x, y, callbacks=[KerasBatchEnd(reporter, metric="accuracy")])

    Args:
        reporter: What the training function gets as ``reporter``.
        metric: The metric's name in Keras' logs.

    Raises:
        MissingDependencyError: Keras is not installed.
        MetricKeyError: During ``fit()``: the metric is not in Keras' logs; the message lists those that are.
        EarlyStopException: During ``fit()``: the driver has asked this trial to stop.
    """

    def __init__(self, reporter: _Broadcasts, metric: str = "loss") -> None:
        super().__init__(reporter, metric)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called by Keras."""
        hint = " The validation's metrics are known at the end of an epoch only: use KerasEpochEnd."
        self._report(logs, hint=hint if self._metric.startswith("val_") else "")


class KerasEpochEnd(_KerasReport):
    """A Keras callback that reports a metric to the experiment after each epoch.

    The step is the epoch, counted on over several ``fit()``: after five epochs the next ``fit()`` begins at step
    5, whether its own epochs begin at 0 again or at ``initial_epoch=5``. A step that is already taken, by another
    callback or the user, is never used again: the next free one is.

    The metrics of training (``loss``) and, where ``fit()`` has validation data, of validation (``val_loss``) are
    available. ``val_acc`` and ``val_accuracy`` are the same metric.

    Example:
        >>> def train(lr, reporter):
        ...     from maggy.callbacks import KerasEpochEnd
        ...     model = make_model(lr)
        ...     model.fit(x, y, validation_split=0.2, callbacks=[KerasEpochEnd(reporter, metric="val_accuracy")])

    Args:
        reporter: What the training function gets as ``reporter``.
        metric: The metric's name in Keras' logs.

    Raises:
        MissingDependencyError: Keras is not installed.
        MetricKeyError: During ``fit()``: the metric is not in Keras' logs; the message lists those that are.
        EarlyStopException: During ``fit()``: the driver has asked this trial to stop.
    """

    def __init__(self, reporter: _Broadcasts, metric: str = "val_loss") -> None:
        super().__init__(reporter, metric)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called by Keras."""
        hint = (
            " Give fit() validation data, and validation_freq=1, to have the validation's metrics."
        )
        self._report(logs, step=epoch, hint=hint if self._metric.startswith("val_") else "")


@cache
def _with_keras(cls: type) -> type:
    """``cls`` as a subclass of Keras' Callback, under its own name."""
    callbacks = import_optional("keras.callbacks", cls.__name__, "pip install 'maggy[tensorflow]'")
    if issubclass(cls, callbacks.Callback):
        return cls
    names = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    names["_plain_class"] = cls  # which pickle can find
    return type(cls.__name__, (cls, callbacks.Callback), names)


def _copied(cls: Any, state: dict[str, Any]) -> Any:
    """Return a callback of this class with this state; ``cls`` is not yet a subclass of Keras' Callback."""
    callback = cls.__new__(cls)
    callback._model = None
    callback.__dict__.update(state)
    return callback


def _find(logs: Mapping[str, Any], metric: str, hint: str) -> Any:
    for name in (metric, _SAME.get(metric, metric)):
        if name in logs:
            return logs[name]
    known = [str(name) for name in logs]
    raise MetricKeyError(
        f"The metric to report must be one of those in Keras' logs, but {metric!r} is not among them: "
        f"{', '.join(known) or 'there are none'}.{closest(metric, known)}"
        f"{hint or ' Compile the model with it, or report another one.'}"
    )
