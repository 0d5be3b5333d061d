"""Plain values: what users hand over (numpy scalars, tensors of one number) as what JSON and the wire can hold."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Mapping
from typing import Any

__all__ = ["as_number", "as_written", "closest", "is_plain", "json_key", "to_plain"]


def as_number(value: Any) -> int | float | None:
    """The Python number that ``value`` is, or None when it is not a number.

    A bool is not a number here: a metric of True is a mistake, not 1. Scalars of numpy and tensors of
    one number (anything with an empty ``shape`` and ``item()``) are converted. A masked value of numpy
    is a missing one, hence no number.
    """
    if type(value) is float or type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, type) or not _is_scalar(value) or _is_masked(value):
        return None
    item = value.item() if hasattr(value, "item") else value.numpy() if hasattr(value, "numpy") else None
    if type(item) is type(value):
        # numpy.longdouble has no narrower Python type to turn into by itself.
        return float(item) if isinstance(item, numbers.Real) else None
    return as_number(item)


def to_plain(value: Any, *, finite: bool = False) -> Any:
    """``value`` as plain JSON types: numpy becomes Python, tuples become lists, NaN and infinity become None.

    Args:
        finite: Refuse NaN and infinity instead of turning them into None.

    Raises:
        TypeError: The value, or one inside it, has no JSON form.
        ValueError: With ``finite``, a number in it is NaN or infinite.
    """
    if type(value) is float:  # by far the most frequent, in histories
        return _plain_number(value, finite)
    if value is None or type(value) is int or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item, finite=finite) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item, finite=finite) for item in value]
    number = as_number(value)
    if number is not None:
        return _plain_number(number, finite)
    if hasattr(value, "tolist") and not isinstance(value, type):  # numpy arrays and numpy.bool_
        return to_plain(value.tolist(), finite=finite)
    raise TypeError(f"A value must be a JSON scalar, list or dict, but got {type(value).__name__}: {value!r:.80}.")


def as_written(value: Any) -> Any:
    """Return a copy of ``value`` that equals it: as ``to_plain``, but tuples and numpy arrays stay what they are.

    Raises:
        TypeError: The value, or one inside it, has no JSON form.
        ValueError: A number in it is NaN or infinite.
    """
    if isinstance(value, Mapping):
        return {_key(key): as_written(item) for key, item in value.items()}
    if isinstance(value, tuple):
        items = [as_written(item) for item in value]
        return getattr(type(value), "_make", tuple)(items)  # a named one keeps its names
    if isinstance(value, list):
        return [as_written(item) for item in value]
    plain = to_plain(value, finite=True)
    return value.copy() if isinstance(plain, list) and type(value).__module__ == "numpy" else plain


def is_plain(value: Any) -> bool:
    """Return whether a value consists of dicts, lists and scalars only, without a tuple or an array."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def json_key(value: Any) -> str:
    """A text that is the same for plain values that are equal, and tells ``1``, ``1.0`` and ``True`` apart."""
    return json.dumps(value, sort_keys=True)


def closest(name: str, known: list[str]) -> str:
    """A hint `` Did you mean 'x'?`` when one of the known names is close to ``name``, else the empty string.

    Upper and lower case count as the same.
    """
    import difflib

    spelled = {candidate.lower(): candidate for candidate in reversed(known)}
    found = difflib.get_close_matches(name.lower(), spelled, n=1, cutoff=0.5)
    return f" Did you mean '{spelled[found[0]]}'?" if found else ""


def _is_scalar(value: Any) -> bool:
    try:
        return tuple(getattr(value, "shape", (0,))) == ()
    except (TypeError, ValueError):  # a symbolic tensor of unknown rank, or an attribute that is no shape
        return False


def _is_masked(value: Any) -> bool:
    mask = getattr(value, "mask", False)
    return not callable(mask) and bool(mask)


def _plain_number(number: int | float, finite: bool) -> int | float | None:
    if isinstance(number, int) or math.isfinite(number):
        return number
    if finite:
        raise ValueError(f"A number must be finite, but got {number}.")
    return None


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise TypeError(f"The keys of a dict must be strings, but got {type(key).__name__}: {key!r:.80}.")
