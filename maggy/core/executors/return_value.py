"""Turn the value that a training function returned into the trial's metric and outputs."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping

from maggy.common.exceptions import (
    MetricKeyError,
    MetricTypeError,
    MetricValueError,
    ReturnTypeError,
)
from maggy.common.json_values import as_metric, closest, is_beyond_floats, to_plain, unique_names
from maggy.common.sendable import check_nesting
from maggy.common.types import Json
from maggy.core.messages import Final
from maggy.core.rpc.encoding import MAX_MESSAGE_BYTES, encode

__all__ = ["metric_of", "read_leniently"]

MAX_OUTPUTS_BYTES = MAX_MESSAGE_BYTES // 2
"""How much of the message that reports a trial's end its outputs may take."""
MAX_NAMES = 10
"""How many of the values that are left out a warning names."""
MAX_TEXT_LENGTH = 1000
"""How many characters to keep of a value that JSON cannot hold."""


def metric_of(
    value: object, key: str, warn: Callable[[str], None]
) -> tuple[int | float, dict[str, Json]]:
    """Return the metric and the outputs that a training function's return value stands for.

    Args:
        value: A number, or a dict that holds ``key``. The dict's other keys may be anything; they
            become strings.
        key: The optimization key.
        warn: Called for each other value of the dict that JSON cannot hold, whose text is kept
            instead, and for the largest values, which are left out if the dict is too large to be
            sent.

    Raises:
        ReturnTypeError: If the value is neither a number nor a dict.
        MetricKeyError: If the dict lacks the key.
        MetricTypeError: If the dict's metric is not a number.
        MetricValueError: If the metric is NaN, infinite or larger than every float.
        ValueError: If a value is nested too deeply.
    """
    if not isinstance(value, Mapping):
        metric = as_metric(value)
        if metric is None:
            raise ReturnTypeError(
                f"A training function must return a number or a dict with the key {key!r}, "
                f"but it returned {type(value).__name__}: {value!r:.80}."
            )
        return _check_range(metric), {key: metric}
    if key not in value:
        names = [str(name) for name in value]
        raise MetricKeyError(
            f"The returned dict must hold the optimization key {key!r}, but it has the keys "
            f"{', '.join(names) or '(none)'}.{closest(key, names)} Return it, or set "
            "optimization_key."
        )
    metric = as_metric(value[key])
    if metric is None:
        raise MetricTypeError(
            f"The returned dict's {key!r} must be a number, but it is "
            f"{type(value[key]).__name__}: {value[key]!r:.80}."
        )
    metric = _check_range(metric)
    names = unique_names(value, reserved=[key])
    outputs = {
        name: metric if name == key else _output_of(name, item, warn)
        for name, item in zip(names, value.values(), strict=True)
    }
    return metric, _drop_largest(outputs, key, warn)


def read_leniently(value: object, key: str) -> tuple[object, str]:
    """Read a return value as release 1.1 did.

    Args:
        value: What the training function returned.
        key: The optimization key.

    Returns:
        A value that :func:`metric_of` takes, and in words which part of a dict or list is the
        metric; an empty text for other values.
    """
    if isinstance(value, list) and value:
        return {key: value[0], "returned": value}, "A returned list counts with its first item"
    if not isinstance(value, Mapping) or not value:
        return value, ""
    if key in value:
        return value, f"A returned dict counts with its '{key}'"
    for name in value:
        if isinstance(name, str) and name.lower() == "metric":
            choice = f"A returned dict without '{key}' counts with its '{name}'"
            return {key: value[name], **value}, choice
    first = next(iter(value))
    choice = f"A returned dict without '{key}' counts with its first value, '{first}'"
    return {key: value[first], **value}, choice


def _check_range(metric: int | float) -> int | float:
    """Return the metric. Raise `MetricValueError` if it is not finite or too large."""
    if is_beyond_floats(metric):
        raise MetricValueError(
            "A metric must be a number that a float can hold, of at most "
            f"{sys.float_info.max:.2g}, but the one that was returned is larger. "
            "Return its logarithm."
        )
    if not math.isfinite(metric):
        raise MetricValueError(f"metric is {'NaN' if math.isnan(metric) else metric}")
    return metric


def _output_of(name: str, value: object, warn: Callable[[str], None]) -> Json:
    """Return a value of the dict as JSON can hold it, at worst as text."""
    try:
        plain: Json = to_plain(value, any_keys=True)
        return plain
    except Exception as error:
        # Also an error of the value's own class: the metric is good, and may have taken hours.
        check_nesting(value, f"The returned {name!r}")
        warn(f"The returned {name!r} is kept as text only. {error}")
    try:
        return repr(value)[:MAX_TEXT_LENGTH]
    except Exception:
        return f"<{type(value).__name__}>"


def _drop_largest(
    outputs: dict[str, Json], key: str, warn: Callable[[str], None]
) -> dict[str, Json]:
    """Return the outputs, without the largest ones if all are too large to be sent.

    The metric always stays.
    """
    excess = _size(outputs) - MAX_OUTPUTS_BYTES
    if excess <= 0:
        return outputs
    sizes = {
        name: _size({name: value}) - _size({}) for name, value in outputs.items() if name != key
    }
    left_out: list[str] = []
    for name in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if excess <= 0:
            break
        left_out.append(name)
        excess -= sizes[name]
    names = [f"{name!r:.80} ({sizes[name] / 2**20:.1f} MiB)" for name in left_out[:MAX_NAMES]]
    more = f" and {len(left_out) - MAX_NAMES} more" if len(left_out) > MAX_NAMES else ""
    warn(
        f"The returned dict takes more than {MAX_OUTPUTS_BYTES // 2**20} MiB, so its largest "
        f"values are left out: {', '.join(names)}{more}. Save what is large to a file."
    )
    return {name: value for name, value in outputs.items() if name not in set(left_out)}


def _size(outputs: dict[str, Json]) -> int:
    """Return how many bytes the outputs take in a message."""
    return len(encode(Final(0, 0, [], 0, [], None, outputs, False)))
