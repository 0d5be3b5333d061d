"""What a trial calls: the user's training function with the arguments that fit it, and what its return value means."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from maggy.ablation.ablator import AbstractAblator
from maggy.ablation.component import ablated_labels
from maggy.common.exceptions import (
    MetricKeyError,
    MetricTypeError,
    MetricValueError,
    ReturnTypeError,
)
from maggy.common.json_values import as_metric, closest, is_beyond_floats, to_plain, unique_names
from maggy.common.sendable import check_nesting
from maggy.common.signature import accepted_parameters, arguments_for, parameter_names
from maggy.core.messages import MAX_MESSAGE_BYTES, REMARK, Final, encode
from maggy.core.reporter import Reporter
from maggy.searchspace.choices import WrittenChoices

__all__ = ["AblationWorkload", "SearchWorkload", "Workload", "metric_of"]

MAX_OUTPUTS_BYTES = MAX_MESSAGE_BYTES // 2
"""What a trial's outputs may take of the message that reports its end."""


class Workload:
    """A training function, ready to be sent to the executors.

    Args:
        train_fn: The user's function.
        optimization_key: Where in a returned dict the metric is; None when the returned value is not a metric at all
            (a function that is run once, for what it returns).
        lenient: Read a returned value as release 1.1 did; see
            :class:`~maggy.experiment_config.HyperparameterOptConfig`.
        values: What the parameters ``model`` and ``dataset`` get where no hyperparameter has that name; see
            :func:`~maggy.common.signature.config_values`.
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
    """A trial's parameters are the arguments.

    Args:
        train_fn: The user's function.
        optimization_key: As in every workload.
        choices: How the user wrote the choices that came as JSON; None if there are none.
    """

    def __init__(
        self,
        train_fn: Callable[..., Any],
        optimization_key: str | None,
        choices: WrittenChoices | None = None,
        **options: Any,
    ) -> None:
        super().__init__(train_fn, optimization_key, **options)
        self.choices = choices

    def call(self, params: Mapping[str, Any], reporter: Reporter) -> Any:
        params = self.choices.restore(params) if self.choices else params
        return self.train_fn(
            **arguments_for(self._names, params, {"reporter": reporter, **self.values})
        )

    @cached_property
    def _names(self) -> frozenset[str]:
        """The names of the function's parameters; reading its signature takes 15 microseconds."""
        return frozenset(parameter_names(self.train_fn))


class AblationWorkload(Workload):
    """A trial's parameters name the components to leave out; the ablator turns them into functions."""

    def __init__(
        self,
        train_fn: Callable[..., Any],
        optimization_key: str,
        ablator: AbstractAblator,
        **options: Any,
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
        wanted = accepted_parameters(
            self.train_fn, {"dataset_function", "model_function", "reporter"}
        )
        feature, layer = ablated_labels(params)
        functions: dict[str, Any] = {}
        if in_a_dict or "dataset_function" in wanted:
            functions["dataset_function"] = self.ablator.get_dataset_generator(feature)
        if in_a_dict or "model_function" in wanted:
            functions["model_function"] = self.ablator.get_model_generator(layer)
        offered = {**functions, "reporter": reporter}
        extra = {
            name: value
            for name, value in {**self.values, "hparams": functions}.items()
            if name in names
        }
        return self.train_fn(**{name: offered[name] for name in sorted(wanted)}, **extra)


def metric_of(
    value: Any, key: str, warn: Callable[[str], None]
) -> tuple[int | float, dict[str, Any]]:
    """A training function's return value as its metric and its outputs.

    Args:
        value: A number, or a dict that holds ``key``. Its other keys may be anything, and become strings.
        key: The optimization key.
        warn: Told about each other value of the dict that JSON cannot hold, whose text is kept in its place, and about
            the largest ones, which are left out if the dict is too large to be sent.

    Raises:
        ReturnTypeError: Neither a number nor a dict.
        MetricKeyError: The dict lacks the key.
        MetricTypeError: The dict's metric is not a number.
        MetricValueError: The metric is NaN, infinite or larger than every float.
        ValueError: A value is nested too deeply.
    """
    if not isinstance(value, Mapping):
        metric = as_metric(value)
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
    metric = as_metric(value[key])
    if metric is None:
        raise MetricTypeError(
            f"The returned dict's {key!r} must be a number, but it is {type(value[key]).__name__}: {value[key]!r:.80}."
        )
    metric = _finite(metric)
    names = unique_names(value, reserved=[key])
    outputs = {
        name: metric if name == key else _kept(name, item, warn)
        for name, item in zip(names, value.values(), strict=True)
    }
    return metric, _fitting(outputs, key, warn)


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
            return {
                key: value[name],
                **value,
            }, f"A returned dict without '{key}' counts with its '{name}'"
    first = next(iter(value))
    choice = f"A returned dict without '{key}' counts with its first value, '{first}'"
    return {key: value[first], **value}, choice


def _finite(metric: int | float) -> int | float:
    if is_beyond_floats(metric):
        raise MetricValueError(
            f"A metric must be a number that a float can hold, of at most {sys.float_info.max:.2g}, but the one that "
            "was returned is larger. Return its logarithm."
        )
    if not math.isfinite(metric):
        raise MetricValueError(f"metric is {'NaN' if math.isnan(metric) else metric}")
    return metric


def _kept(name: str, value: Any, warn: Callable[[str], None]) -> Any:
    try:
        return to_plain(value, any_keys=True)
    except (
        Exception
    ) as error:  # even one of the value's own: the metric is good, and may have taken hours
        check_nesting(value, f"The returned {name!r}")
        warn(f"The returned {name!r} is kept as text only. {error}")
    try:
        return repr(value)[:1000]
    except Exception:
        return f"<{type(value).__name__}>"


def _fitting(outputs: dict[str, Any], key: str, warn: Callable[[str], None]) -> dict[str, Any]:
    """The outputs without the largest ones if all of them are too large to be sent; the metric always stays."""
    excess = _size(outputs) - MAX_OUTPUTS_BYTES
    if excess <= 0:
        return outputs
    sizes = {
        name: _size({name: value}) - _size({}) for name, value in outputs.items() if name != key
    }
    left_out = []
    for name in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if excess <= 0:
            break
        left_out.append(name)
        excess -= sizes[name]
    shown = [f"{name!r:.80} ({sizes[name] / 2**20:.1f} MiB)" for name in left_out[:10]]
    more = f" and {len(left_out) - 10} more" if len(left_out) > 10 else ""
    warn(
        f"The returned dict takes more than {MAX_OUTPUTS_BYTES // 2**20} MiB, so its largest values are left out: "
        f"{', '.join(shown)}{more}. Save what is large to a file."
    )
    return {name: value for name, value in outputs.items() if name not in set(left_out)}


def _size(outputs: dict[str, Any]) -> int:
    return len(encode(Final(0, 0, [], 0, [], None, outputs, False)))
