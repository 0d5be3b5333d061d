"""What a trial calls: the user's training function with the arguments that fit it, and what its return value means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from maggy.ablation.ablator import AbstractAblator
from maggy.core.exceptions import (
    BadArgumentsError,
    MetricKeyError,
    MetricTypeError,
    MetricValueError,
    ReturnTypeError,
    SignatureError,
)
from maggy.core.messages import REMARK
from maggy.core.plain import as_number, closest, to_plain
from maggy.core.reporter import Reporter
from maggy.core.signature import accepted_parameters, arguments_for, parameter_names
from maggy.core.spark import dumps

__all__ = ["AblationWorkload", "SearchWorkload", "Workload", "cannot_travel", "metric_of"]


class Workload:
    """A training function, ready to be sent to the executors.

    Args:
        train_fn: The user's function.
        optimization_key: Where in a returned dict the metric is; None when the returned value is not a metric at all
            (a function that is run once, for what it returns).
        lenient: Read a returned value as release 1.1 did; see
            :class:`~maggy.experiment_config.HyperparameterOptConfig`.
        values: What the parameters ``model`` and ``dataset`` get where no hyperparameter has that name; see
            :func:`~maggy.core.signature.config_values`.
    """

    def __init__(
        self,
        train_fn: Callable[..., Any],
        optimization_key: str | None,
        *,
        lenient: bool = False,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self.train_fn = train_fn
        self.optimization_key = optimization_key
        self.lenient = lenient
        self.values = dict(values or {})

    def verify(self) -> None:
        """Try out, once and before any trial, what can be tried out. Raises what is wrong."""

    def probes(self) -> dict[str, Callable[[], Any]]:
        """Return what is built once before any trial, by label; one that raises costs only its own trial."""
        return {}

    def call(self, params: Mapping[str, Any], reporter: Reporter) -> Any:
        """Run the training function for one trial."""
        raise NotImplementedError

    def metric_of(self, value: Any, log: Callable[..., None]) -> tuple[int | float, dict[str, Any]]:
        """Return the metric and the outputs that a returned value stands for; see :func:`metric_of`.

        Args:
            value: What the training function returned.
            log: :meth:`Reporter.log` of the trial. It is told which value of a dict or list counts, if the reading
                is lenient.
        """
        assert self.optimization_key is not None
        if self.lenient:
            value, choice = _read_leniently(value, self.optimization_key)
            if choice:
                log(f"{REMARK}{choice}, and this is the metric.", jupyter=True)
        return metric_of(value, self.optimization_key, log)


class SearchWorkload(Workload):
    """A trial's parameters are the arguments."""

    def call(self, params: Mapping[str, Any], reporter: Reporter) -> Any:
        return self.train_fn(**arguments_for(self.train_fn, params, {"reporter": reporter, **self.values}))


class AblationWorkload(Workload):
    """A trial's parameters name the components to leave out; the ablator turns them into functions."""

    def __init__(
        self, train_fn: Callable[..., Any], optimization_key: str, ablator: AbstractAblator, **options: Any
    ) -> None:
        super().__init__(train_fn, optimization_key, **options)
        self.ablator = ablator

    def verify(self) -> None:
        self.ablator.verify()

    def probes(self) -> dict[str, Callable[[], Any]]:
        return self.ablator.probes()

    def call(self, params: Mapping[str, Any], reporter: Reporter) -> Any:
        names = set(parameter_names(self.train_fn))
        in_a_dict = "hparams" in names  # release 1.1 gave both functions there, and only there
        wanted = accepted_parameters(self.train_fn, {"dataset_function", "model_function", "reporter"})
        functions: dict[str, Any] = {}
        if in_a_dict or "dataset_function" in wanted:
            functions["dataset_function"] = self.ablator.get_dataset_generator(_component(params, "ablated_feature"))
        if in_a_dict or "model_function" in wanted:
            functions["model_function"] = self.ablator.get_model_generator(_component(params, "ablated_layer"))
        offered = {**functions, "reporter": reporter}
        extra = {name: value for name, value in {**self.values, "hparams": functions}.items() if name in names}
        return self.train_fn(**{name: offered[name] for name in sorted(wanted)}, **extra)


def _component(params: Mapping[str, Any], name: str) -> str | None:
    label = params.get(name, "None")  # a user's own ablator may leave out what it does not vary
    return None if label == "None" else label


def cannot_travel(workload: Workload, error: Exception) -> Exception:
    """Return the error for a workload that cannot be pickled, which says whether the config's values are to blame."""
    for name, value in workload.values.items():
        try:
            dumps(value)
        except Exception as reason:
            return BadArgumentsError(
                f"The config's {name} must be able to travel to the executors, but {type(value).__name__} cannot be "
                f"pickled ({type(reason).__name__}: {reason}). Give a class, a path or a function that makes it."
            )
    function = getattr(workload.train_fn, "__name__", workload.train_fn)
    return SignatureError(
        f"The training function {function} must be able to travel to the "
        f"executors, but something that it uses cannot be pickled ({type(error).__name__}: {error}). "
        "Make or open it inside the function."
    )


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


def _read_leniently(value: Any, key: str) -> tuple[Any, str]:
    """Return the value as one that :func:`metric_of` reads, and in words what of a dict or list counts."""
    if isinstance(value, list) and value:
        return {key: value[0], "returned": value}, "A returned list counts with its first item"
    if not isinstance(value, Mapping) or not value:
        return value, ""
    if key in value:
        return value, f"A returned dict counts with its '{key}'"
    for name in value:
        if isinstance(name, str) and name.lower() == "metric":
            return {key: value[name], **value}, f"A returned dict without '{key}' counts with its '{name}'"
    first = next(iter(value))
    choice = f"A returned dict without '{key}' counts with its first value, '{first}'"
    return {key: value[first], **value}, choice


def _finite(metric: int | float) -> int | float:
    if not math.isfinite(metric):
        raise MetricValueError(f"metric is {'NaN' if math.isnan(metric) else metric}")
    return metric


def _kept(name: str, value: Any, warn: Callable[[str], None]) -> Any:
    try:
        return to_plain(value)
    except Exception as error:  # even one of the value's own: the metric is good, and may have taken hours
        warn(f"The returned {name!r} is kept as text only. {error}")
    try:
        return repr(value)[:1000]
    except Exception:
        return f"<{type(value).__name__}>"
