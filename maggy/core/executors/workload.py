"""What a trial calls: the user's training function with the arguments that fit it, and what its return value means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from maggy.ablation.ablator import AbstractAblator
from maggy.core.exceptions import MetricKeyError, MetricTypeError, MetricValueError, ReturnTypeError
from maggy.core.plain import as_number, closest, to_plain
from maggy.core.reporter import Reporter
from maggy.core.sendable import check_nesting
from maggy.core.signature import accepted_parameters, arguments_for

__all__ = ["AblationWorkload", "SearchWorkload", "Workload", "metric_of"]


class Workload:
    """A training function, ready to be sent to the executors.

    Args:
        train_fn: The user's function.
        optimization_key: Where in a returned dict the metric is; None when the returned value is not a metric at all
            (a function that is run once, for what it returns).
    """

    def __init__(self, train_fn: Callable[..., Any], optimization_key: str | None) -> None:
        self.train_fn = train_fn
        self.optimization_key = optimization_key

    def verify(self) -> None:
        """Try out, once and before any trial, what can be tried out. Raises what is wrong."""

    def call(self, params: Mapping[str, Any], reporter: Reporter) -> Any:
        """Run the training function for one trial."""
        raise NotImplementedError


class SearchWorkload(Workload):
    """A trial's parameters are the arguments."""

    def call(self, params: Mapping[str, Any], reporter: Reporter) -> Any:
        return self.train_fn(**arguments_for(self.train_fn, params, {"reporter": reporter}))


class AblationWorkload(Workload):
    """A trial's parameters name the components to leave out; the ablator turns them into functions."""

    def __init__(self, train_fn: Callable[..., Any], optimization_key: str, ablator: AbstractAblator) -> None:
        super().__init__(train_fn, optimization_key)
        self.ablator = ablator

    def verify(self) -> None:
        self.ablator.verify()

    def call(self, params: Mapping[str, Any], reporter: Reporter) -> Any:
        wanted = accepted_parameters(self.train_fn, {"dataset_function", "model_function", "reporter"})
        offered: dict[str, Any] = {"reporter": reporter}
        if "dataset_function" in wanted:
            offered["dataset_function"] = self.ablator.get_dataset_generator(_component(params["ablated_feature"]))
        if "model_function" in wanted:
            offered["model_function"] = self.ablator.get_model_generator(_component(params["ablated_layer"]))
        return self.train_fn(**{name: offered[name] for name in sorted(wanted)})


def _component(label: str) -> str | None:
    return None if label == "None" else label


def metric_of(value: Any, key: str, warn: Callable[[str], None]) -> tuple[int | float, dict[str, Any]]:
    """A training function's return value as its metric and its outputs.

    Args:
        value: A number, or a dict that holds ``key``.
        key: The optimization key.
        warn: Told about each other value of the dict that JSON cannot hold; its text is kept in its place.

    Raises:
        ReturnTypeError: Neither a number nor a dict.
        MetricKeyError: The dict lacks the key.
        MetricTypeError: The dict's metric is not a number.
        MetricValueError: The metric is NaN or infinite.
        ValueError: A value is nested too deeply.
    """
    if not isinstance(value, Mapping):
        metric = as_number(value)
        if metric is None:
            raise ReturnTypeError(
                f"A training function must return a number or a dict with the key {key!r}, but it returned "
                f"{type(value).__name__}: {value!r:.80}."
            )
        return _finite(metric), {key: metric}
    if key not in value:
        names = [str(name) for name in value]
        raise MetricKeyError(
            f"The returned dict must hold the optimization key {key!r}, but it has the keys "
            f"{', '.join(names) or '(none)'}.{closest(key, names)} Return it, or set optimization_key."
        )
    metric = as_number(value[key])
    if metric is None:
        raise MetricTypeError(
            f"The returned dict's {key!r} must be a number, but it is {type(value[key]).__name__}: {value[key]!r:.80}."
        )
    return _finite(metric), {str(name): _kept(str(name), item, warn) for name, item in value.items()}


def _finite(metric: int | float) -> int | float:
    if not math.isfinite(metric):
        raise MetricValueError(f"metric is {'NaN' if math.isnan(metric) else metric}")
    return metric


def _kept(name: str, value: Any, warn: Callable[[str], None]) -> Any:
    try:
        return to_plain(value)
    except Exception as error:  # even one of the value's own: the metric is good, and may have taken hours
        check_nesting(value, f"The returned {name!r}")
        warn(f"The returned {name!r} is kept as text only. {error}")
    try:
        return repr(value)[:1000]
    except Exception:
        return f"<{type(value).__name__}>"
