"""Copy values by pickling them, as an experiment does."""

from __future__ import annotations

import pickle
from typing import TypeVar

from maggy.core.cluster.pickling import dumps

__all__ = ["pickled_copy", "spark_copy"]

Value = TypeVar("Value")


def pickled_copy(value: Value) -> Value:
    """Return what pickle makes of a value."""
    copy: Value = pickle.loads(pickle.dumps(value))
    return copy


def spark_copy(value: Value) -> tuple[bytes, Value]:
    """Return the bytes in which a value travels to the workers, and what a worker makes of them."""
    data = dumps(value)
    copy: Value = pickle.loads(data)
    return data, copy
