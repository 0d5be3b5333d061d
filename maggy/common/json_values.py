"""Turn users' values, such as numpy scalars, into values that JSON and messages can hold."""

from __future__ import annotations

import json
import math
import numbers
import sys
from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar, overload

from maggy.common.types import Json, ParameterValue

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

T = TypeVar("T")

_BEYOND_FLOATS = 10**309


def as_number(value: object) -> int | float | None:
    """Return the Python number that a value is; None if it is not a number.

    A bool is not a number here: a metric of True is a mistake, not 1. Scalars of numpy and tensors
    of one number (anything with an empty ``shape`` and ``item()``) are converted. A masked value of
    numpy is a missing one, so it is not a number.
    """
    if type(value) is float or type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, type) or _shape(value) != () or _is_masked(value):
        return None
    item = None
    if hasattr(value, "item"):
        item = value.item()
    elif hasattr(value, "numpy"):
        item = value.numpy()
    if type(item) is type(value):
        # numpy.longdouble has no narrower Python type to turn into by itself.
        return float(item) if isinstance(item, numbers.Real) else None
    return as_number(item)


def as_metric(value: object) -> int | float | None:
    """Return the Python number that a metric is; None if it is not a number.

    A metric may be any value that :func:`as_number` converts, and also a ``Decimal``, a
    ``Fraction``, or an array or a tensor of one element with any number of dimensions. A list is
    not a number.
    """
    number = as_number(value)
    if number is not None:
        return number
    if isinstance(value, (Decimal, Fraction)):
        return _float_of(value)
    shape = _shape(value)
    has_one_element = bool(shape) and all(size == 1 for size in shape)
    if isinstance(value, type) or not has_one_element or _is_masked(value):
        return None
    array = value.numpy() if hasattr(value, "numpy") and not hasattr(value, "item") else value
    return as_metric(array.item()) if hasattr(array, "item") else None


def is_beyond_floats(number: int | float) -> bool:
    """Return whether a number is an integer larger than every float, or below every float."""
    return isinstance(number, int) and abs(number) > sys.float_info.max


@overload
def to_plain(
    value: Mapping[str, T], *, finite: bool = False, any_keys: bool = False
) -> dict[str, Json]: ...


@overload
def to_plain(
    value: list[T] | tuple[T, ...], *, finite: bool = False, any_keys: bool = False
) -> list[Json]: ...


@overload
def to_plain(value: float, *, finite: bool = False, any_keys: bool = False) -> float | None: ...


@overload
def to_plain(value: object, *, finite: bool = False, any_keys: bool = False) -> Json: ...


def to_plain(value: Any, *, finite: bool = False, any_keys: bool = False) -> Json:
    """Return a copy of a value that consists of plain JSON types.

    Values of numpy become Python's, tuples become lists, NaN and infinity become None.

    Args:
        value: The value.
        finite: Refuse NaN and infinity instead of turning them into None.
        any_keys: Turn keys that are not strings into strings, as :func:`unique_names` does, instead
            of refusing them.

    Raises:
        TypeError: If the value, or one inside it, has no JSON form.
        ValueError: With ``finite``, if a number in it is NaN or infinite.
    """
    # The order of the branches is that of frequency: histories consist of floats.
    value_type = type(value)
    if value_type is float:
        return value if math.isfinite(value) else _plain_number(value, finite)
    if value is None or value_type is int or value_type is str or value_type is bool:
        return value  # type: ignore[no-any-return]
    if isinstance(value, str):
        return str.__str__(value)
    # To ask whether a dict is a Mapping takes longer than all questions above.
    if value_type is dict or isinstance(value, Mapping):
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
        plain: Json = to_plain(value.tolist(), finite=finite, any_keys=any_keys)
        return plain
    raise TypeError(
        "A value must be a JSON scalar, list or dict, but got "
        f"{type(value).__name__}: {value!r:.80}."
    )


def unique_names(keys: Iterable[Hashable], reserved: Iterable[str] = ()) -> list[str]:
    """Return the keys of a dict as strings. The second of two equal strings gets ``_2``.

    Args:
        keys: Keys that all differ, such as ``1`` and ``"1"``.
        reserved: Names that only a key of exactly this string may have.
    """
    names: dict[str, None] = {}
    reserved_names = set(reserved)
    for key in keys:
        name = text = _text(key)
        number = 1
        while name in names or (name in reserved_names and not isinstance(key, str)):
            number += 1
            name = f"{text}_{number}"
        names[name] = None
    return list(names)


def as_written(value: ParameterValue) -> ParameterValue:
    """Return an equal copy of a value, as the user wrote it.

    It differs from :func:`to_plain` in tuples and numpy arrays, which keep their types.

    Raises:
        TypeError: If the value, or one inside it, has no JSON form.
        ValueError: If a number in it is NaN or infinite.
    """
    if isinstance(value, Mapping):
        return {_key(key): as_written(item) for key, item in value.items()}
    if isinstance(value, tuple):
        items = [as_written(item) for item in value]
        # A named tuple keeps its names; its constructor takes no list.
        return getattr(type(value), "_make", tuple)(items)
    if isinstance(value, list):
        return [as_written(item) for item in value]
    plain = to_plain(value, finite=True)
    return value.copy() if isinstance(plain, list) and type(value).__module__ == "numpy" else plain


def is_plain(value: object) -> bool:
    """Return whether a value consists of dicts, lists and scalars, without a tuple or an array."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def json_key(value: ParameterValue) -> str:
    """Return a text that is the same for equal plain values, and differs for all others.

    It also differs for ``1``, ``1.0`` and ``True``, which are equal in Python.
    """
    return json.dumps(value, sort_keys=True)


def closest(name: str, names: list[str]) -> str:
    """Return the hint `` Did you mean 'x'?`` if a name is close to one of these; else no text.

    Upper and lower case count as the same. The hint has the spelling of ``names``.
    """
    import difflib

    # Reversed, so that of two names that differ in case only the first one stays.
    spellings = {candidate.lower(): candidate for candidate in reversed(names)}
    matches = difflib.get_close_matches(name.lower(), spellings, n=1, cutoff=0.5)
    return f" Did you mean '{spellings[matches[0]]}'?" if matches else ""


def _shape(value: object) -> tuple[int, ...]:
    """Return the shape of an array or a tensor; ``(0,)`` for any other value."""
    try:
        return tuple(getattr(value, "shape", (0,)))
    except (TypeError, ValueError):  # a symbolic tensor of unknown rank, or no shape at all
        return (0,)


def _is_masked(value: object) -> bool:
    mask = getattr(value, "mask", False)
    # pandas has a method of this name.
    return not callable(mask) and bool(mask)


def _float_of(value: Decimal | Fraction) -> int | float:
    """Return the nearest float; an integer beyond every float if there is none."""
    if isinstance(value, Decimal) and value.is_nan():
        return math.nan  # float() refuses a signaling NaN
    if isinstance(value, Decimal) and value.is_infinite():
        return float(value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isfinite(number):
        return number
    return _BEYOND_FLOATS if value > 0 else -_BEYOND_FLOATS


def _plain_number(number: int | float, finite: bool) -> int | float | None:
    if isinstance(number, int) or math.isfinite(number):
        return number
    if finite:
        raise ValueError(f"A number must be finite, but got {number}.")
    return None


def _key(key: Hashable) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise TypeError(
        f"The keys of a dict must be strings, but got {type(key).__name__}: {key!r:.80}."
    )


def _text(key: Hashable) -> str:
    if isinstance(key, str):
        # Not str(): that of an Enum would be its member's name.
        return str.__str__(key)
    try:
        return str(key)
    except Exception:  # of the user's own class
        return f"<{type(key).__name__}>"
