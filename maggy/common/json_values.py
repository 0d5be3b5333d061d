"""Plain values: what users hand over (numpy scalars, tensors of one number) as what JSON and the wire can hold."""

from __future__ import annotations

import json
import math
import numbers
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

__all__ = [
    "as_metric",
    "as_number",
    "as_written",
    "closest",
    "is_beyond_floats",
    "is_plain",
    "json_key",
    "to_plain",
    "unique_names",
]


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
    item = (
        value.item()
        if hasattr(value, "item")
        else value.numpy()
        if hasattr(value, "numpy")
        else None
    )
    if type(item) is type(value):
        # numpy.longdouble has no narrower Python type to turn into by itself.
        return float(item) if isinstance(item, numbers.Real) else None
    return as_number(item)


def as_metric(value: Any) -> int | float | None:
    """Return the Python number that a metric is, or None when it is not a number.

    A metric may be what :func:`as_number` takes, and also a ``Decimal``, a ``Fraction``, or an array or a tensor of one
    element, whatever its number of dimensions. A list is not a number.
    """
    number = as_number(value)
    if number is not None:
        return number
    if isinstance(value, (Decimal, Fraction)):
        return _float_of(value)
    shape = _shape(value)
    if (
        isinstance(value, type)
        or not shape
        or any(size != 1 for size in shape)
        or _is_masked(value)
    ):
        return None
    array = value if hasattr(value, "item") or not hasattr(value, "numpy") else value.numpy()
    return as_metric(array.item()) if hasattr(array, "item") else None


def is_beyond_floats(number: int | float) -> bool:
    """Whether a number is an integer larger than every float."""
    return isinstance(number, int) and abs(number) > sys.float_info.max


def to_plain(value: Any, *, finite: bool = False, any_keys: bool = False) -> Any:
    """``value`` as plain JSON types: numpy becomes Python, tuples become lists, NaN and infinity become None.

    Args:
        finite: Refuse NaN and infinity instead of turning them into None.
        any_keys: Turn keys that are not strings into strings, as :func:`unique_names` does, instead of refusing them.

    Raises:
        TypeError: The value, or one inside it, has no JSON form.
        ValueError: With ``finite``, a number in it is NaN or infinite.
    """
    kind = type(value)
    if kind is float:  # by far the most frequent, in histories
        return _plain_number(value, finite)
    if value is None or kind is int or kind is str or kind is bool:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        if not any_keys:
            return {
                name if type(name) is str else _key(name): to_plain(item, finite=finite)
                for name, item in value.items()
            }
        return {
            name: to_plain(item, finite=finite, any_keys=True)
            for name, item in zip(unique_names(value), value.values(), strict=True)
        }
    if isinstance(value, (list, tuple)):
        return [to_plain(item, finite=finite, any_keys=any_keys) for item in value]
    number = as_number(value)
    if number is not None:
        return _plain_number(number, finite)
    if hasattr(value, "tolist") and not isinstance(value, type):  # numpy arrays and numpy.bool_
        return to_plain(value.tolist(), finite=finite, any_keys=any_keys)
    raise TypeError(
        f"A value must be a JSON scalar, list or dict, but got {type(value).__name__}: {value!r:.80}."
    )


def unique_names(keys: Iterable[Any], reserved: Iterable[str] = ()) -> list[str]:
    """Return the keys of a dict as strings; of equal ones the second gets the suffix ``_2``, and so on.

    Args:
        keys: Keys that all differ, such as ``1`` and ``"1"``.
        reserved: Names that only keys get that are exactly these strings.
    """
    names: dict[str, None] = {}
    kept = set(reserved)
    for key in keys:
        name = text = _text(key)
        number = 1
        while name in names or (name in kept and not isinstance(key, str)):
            number += 1
            name = f"{text}_{number}"
        names[name] = None
    return list(names)


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


def _shape(value: Any) -> tuple[Any, ...]:
    """The shape of an array or a tensor; that of an empty one for anything else."""
    try:
        return tuple(getattr(value, "shape", (0,)))
    except (
        TypeError,
        ValueError,
    ):  # a symbolic tensor of unknown rank, or an attribute that is no shape
        return (0,)


def _is_scalar(value: Any) -> bool:
    return _shape(value) == ()


def _float_of(value: Decimal | Fraction) -> int | float:
    """The nearest float; an integer beyond every float if there is none."""
    if isinstance(value, Decimal) and value.is_nan():
        return math.nan
    if isinstance(value, Decimal) and value.is_infinite():
        return float(value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return number if math.isfinite(number) else (_BEYOND if value > 0 else -_BEYOND)


_BEYOND = 10**309


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
    raise TypeError(
        f"The keys of a dict must be strings, but got {type(key).__name__}: {key!r:.80}."
    )


def _text(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    try:
        return str(key)
    except Exception:  # of the user's own class
        return f"<{type(key).__name__}>"
