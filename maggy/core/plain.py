"""Plain values: what users hand over (numpy scalars, tensors of one number) as what JSON and the wire can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["as_number", "closest", "to_plain"]


def as_number(value: Any) -> int | float | None:
    """The Python number that ``value`` is, or None when it is not a number.

    A bool is not a number here: a metric of True is a mistake, not 1. Scalars of numpy and tensors of
    one number (anything with an empty ``shape`` and ``item()``) are converted.
    """
    if type(value) is float or type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if tuple(getattr(value, "shape", (0,))) != ():
        return None
    item = value.item() if hasattr(value, "item") else value.numpy() if hasattr(value, "numpy") else None
    if type(item) is type(value):
        return None
    return as_number(item)


def to_plain(value: Any) -> Any:
    """``value`` as plain JSON types: numpy becomes Python, tuples become lists, NaN and infinity become None.

    Raises:
        TypeError: The value, or one inside it, has no JSON form.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    number = as_number(value)
    if number is not None:
        return None if isinstance(number, float) and not math.isfinite(number) else number
    if hasattr(value, "tolist"):  # numpy arrays and numpy.bool_
        return to_plain(value.tolist())
    raise TypeError(f"A value must be a JSON scalar, list or dict, but got {type(value).__name__}: {value!r:.80}.")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    raise TypeError(f"The keys of a dict must be strings, but got {type(key).__name__}: {key!r:.80}.")


def closest(name: str, known: list[str]) -> str:
    """A hint `` Did you mean 'x'?`` when one of the known names is close to ``name``, else the empty string."""
    import difflib

    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean '{found[0]}'?" if found else ""
