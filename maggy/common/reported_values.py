"""Check the values that a training function reports, and turn them into numbers of Python."""

from __future__ import annotations

from maggy.common.exceptions import BroadcastMetricTypeError, BroadcastStepTypeError
from maggy.common.json_values import as_metric, as_number, is_beyond_floats

__all__ = ["check_metric", "check_step"]


def check_metric(metric: object) -> int | float:
    """Return a metric as a number.

    Raises:
        BroadcastMetricTypeError: If it is not a number, or larger than every float.
    """
    value = as_metric(metric)
    if value is None:
        raise BroadcastMetricTypeError(
            "The metric that is broadcast must be a number, but got "
            f"{type(metric).__name__}: {metric!r:.80}. Pass for example float(metric)."
        )
    if type(value) is int and is_beyond_floats(value):
        raise BroadcastMetricTypeError(
            "The metric that is broadcast must be a number that a float can hold, but got one "
            "that is larger than every float. Broadcast its logarithm."
        )
    return value


def check_step(step: object) -> int | float:
    """Return a step as a number.

    Raises:
        BroadcastStepTypeError: If it is not a number.
    """
    number = as_number(step)
    if number is None:
        raise BroadcastStepTypeError(
            "The step that is broadcast must be a number, but got "
            f"{type(step).__name__}: {step!r:.80}. Pass the count of batches or epochs, or "
            "leave it out."
        )
    return number
