"""Find the objects that make a pickled function large."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from maggy.core.cluster.pickling import dump

__all__ = ["describe_size", "in_megabytes"]

MIB = 2**20
LARGEST = 3
"""Maximum number of objects that are named."""
SMALLEST_NAMED = MIB
"""Minimum number of bytes of an object that is named."""
MAX_DEPTH = 4
"""Maximum number of references between the function and an object that is measured by itself."""
MAX_OBJECTS = 200
"""Maximum number of objects that are measured."""


def describe_size(value: object, size: int) -> str:
    """Return a sentence about the size of a pickled function and its largest objects.

    The objects are the closure, global names, defaults and attributes of every function that
    travels with ``value``. They are pickled one by one, and the bytes are not kept. Measuring ends
    after three times ``size`` bytes.

    Args:
        value: The object that was pickled.
        size: Number of bytes that it took.
    """
    sentence = f"The training function, with everything it refers to, takes {in_megabytes(size)}"
    largest = _largest(_Part("", value, 0), size)
    if not largest:
        return f"{sentence}."
    names = ", ".join(
        f"{part.name} ({type(part.value).__name__}, {in_megabytes(weight)})"
        for part, weight in largest
    )
    return f"{sentence}; largest: {names}."


def in_megabytes(size: int) -> str:
    """Return a number of bytes as text in MiB, with one decimal below 10 MiB."""
    return f"{size / MIB:,.0f} MiB" if size >= 10 * MIB else f"{size / MIB:,.1f} MiB"


@dataclass(frozen=True)
class _Part:
    """An object to which the pickled function refers.

    Attributes:
        name: The name that the user knows the object by.
        value: The object.
        depth: Number of references between the function and the object.
    """

    name: str
    value: object
    depth: int


def _largest(whole: _Part, size: int) -> list[tuple[_Part, int]]:
    """Return the largest objects with their bytes, the largest first."""
    # Objects that share data count the data twice, so the bytes to pickle are limited.
    budget = 3 * size
    weights: list[tuple[_Part, int]] = []
    for number, part in enumerate(_leaves(whole)):
        if number >= MAX_OBJECTS or budget <= 0:
            break
        weight = _weight(part, min(budget, size))
        budget -= weight
        if weight >= SMALLEST_NAMED:
            weights.append((part, weight))
    return sorted(weights, key=lambda entry: -entry[1])[:LARGEST]


def _leaves(whole: _Part) -> Iterator[_Part]:
    """Yield the objects to which a whole refers, except functions and what holds functions.

    No object is yielded twice.
    """
    visited: set[int] = set()
    stack = [whole]
    while stack:
        part = stack.pop()
        if id(part.value) in visited:
            continue
        visited.add(id(part.value))
        inner_values = _references(part) if part.depth < MAX_DEPTH else None
        if inner_values is None:
            yield part
        else:
            stack += [
                _Part(_joined(part, key), inner, part.depth + 1)
                for key, inner in inner_values.items()
            ]


def _references(part: _Part) -> Mapping[str, object] | None:
    """Return the objects to which an object refers; None for one that is measured as a whole."""
    match part.value:
        case types.ModuleType() | type():
            return {}  # Only its name travels.
        case functools.partial() as partial:
            arguments = {f"argument {place}": item for place, item in enumerate(partial.args)}
            return {"": partial.func, **arguments, **partial.keywords}
        case types.MethodType() as method:
            return {"": method.__func__, "self": method.__self__}
        case types.FunctionType() as function:
            return _variables(function)
        case value if type(value).__module__.startswith("maggy.") or callable(value):
            return getattr(value, "__dict__", None)
    return None


def _variables(function: types.FunctionType) -> dict[str, object]:
    variables = inspect.getclosurevars(function)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    return {**variables.globals, **variables.nonlocals, **defaults}


def _joined(part: _Part, key: str) -> str:
    """Return the name of an object inside another one.

    A variable of a function is named by itself, an attribute together with its owner.
    """
    is_attribute = not isinstance(
        part.value, (types.FunctionType, functools.partial, types.MethodType)
    )
    # Users do not know the attributes of Maggy's own objects.
    is_ours = type(part.value).__module__.startswith("maggy.")
    if part.name and key and is_attribute and not is_ours:
        return f"{part.name}.{key}"
    return key or part.name


class _LimitReached(Exception):
    """Stop the measurement: enough bytes were pickled to know that the object is large."""


class _Counter:
    """A file that counts bytes and keeps none.

    Args:
        limit: Number of bytes at which :meth:`write` raises.
    """

    def __init__(self, limit: int) -> None:
        self.size, self._limit = 0, limit

    def write(self, data: bytes | memoryview) -> int:
        """Count the bytes. Pickle also passes views of large buffers."""
        length = memoryview(data).nbytes
        self.size += length
        if self.size >= self._limit:
            raise _LimitReached
        return length


def _weight(part: _Part, limit: int) -> int:
    """Return how many bytes pickling an object takes, at most ``limit``."""
    if isinstance(part.value, (int, float, bool, type(None))):
        return 0
    # Arrays and tensors know their size, so they need not be pickled.
    size = getattr(part.value, "nbytes", None)
    if isinstance(size, int):
        return size
    counter = _Counter(limit)
    try:
        dump(part.value, counter)
    except Exception:
        # The limit was reached, or the object cannot be pickled by itself. The bytes so far are
        # the best estimate.
        return min(counter.size, limit)
    return counter.size
