"""What makes a pickled function large: the objects it refers to, measured one by one."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["describe_size", "in_megabytes"]

MIB = 2**20
LARGEST = 3
"""Number of objects that are named."""
SMALLEST_NAMED = MIB
MAX_DEPTH = 4
MAX_OBJECTS = 200


def describe_size(value: Any, size: int) -> str:
    """Return a sentence about the size of a function with what it refers to, and its largest objects.

    The objects are the closure, global names, defaults and attributes of every function in ``value`` that travels
    with it. They are pickled one by one, without keeping the bytes; measuring ends after three times ``size``.

    Args:
        value: What was pickled.
        size: How many bytes that took.
    """
    sentence = f"The training function, with everything it refers to, takes {in_megabytes(size)}"
    largest = _largest(value, size)
    if not largest:
        return f"{sentence}."
    names = ", ".join(f"{name} ({kind}, {in_megabytes(weight)})" for name, kind, weight in largest)
    return f"{sentence}; largest: {names}."


def in_megabytes(size: int) -> str:
    return f"{size / MIB:,.0f} MiB" if size >= 10 * MIB else f"{size / MIB:,.1f} MiB"


def _largest(value: Any, size: int) -> list[tuple[str, str, int]]:
    budget = 3 * size
    weights: list[tuple[str, str, int]] = []
    for number, (name, part) in enumerate(_parts(value)):
        if number >= MAX_OBJECTS or budget <= 0:
            break
        weight = _weight(part, min(budget, size))
        budget -= weight
        if weight >= SMALLEST_NAMED:
            weights.append((name, type(part).__name__, weight))
    return sorted(weights, key=lambda entry: -entry[2])[:LARGEST]


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the objects below ``value`` that are no functions or containers of them, each with its name; each once."""
    seen: set[int] = set()
    stack: list[tuple[str, Any, int]] = [("", value, 0)]
    while stack:
        name, part, depth = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        below = _below(part) if depth < MAX_DEPTH else None
        if below is None:
            yield name, part
        else:
            stack += [(_joined(name, part, key), inner, depth + 1) for key, inner in below.items()]


def _below(part: Any) -> Mapping[str, Any] | None:
    """Return what an object that is looked into refers to; None for one that is measured as a whole."""
    if isinstance(part, (types.ModuleType, type)):
        return {}  # travels by reference
    if isinstance(part, functools.partial):
        arguments = {f"argument {place}": item for place, item in enumerate(part.args)}
        return {"": part.func, **arguments, **part.keywords}
    if isinstance(part, types.MethodType):
        return {"": part.__func__, "self": part.__self__}
    if isinstance(part, types.FunctionType):
        return _references(part)
    if type(part).__module__.startswith("maggy.") or callable(part):
        return getattr(part, "__dict__", None)
    return None


def _references(function: types.FunctionType) -> dict[str, Any]:
    variables = inspect.getclosurevars(function)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    return {**variables.globals, **variables.nonlocals, **defaults}


def _joined(outer: str, part: Any, key: str) -> str:
    """Name what a function of the user's refers to after the variable alone, and an attribute after its owner."""
    is_inside = not isinstance(part, (types.FunctionType, functools.partial, types.MethodType))
    if outer and key and is_inside and not type(part).__module__.startswith("maggy."):
        return f"{outer}.{key}"
    return key or outer


class _TooMuch(Exception):
    """More was pickled than is worth measuring."""


class _Counter:
    """A file that keeps nothing."""

    def __init__(self, limit: int) -> None:
        self.size, self._limit = 0, limit

    def write(self, data: Any) -> int:
        length = memoryview(data).nbytes
        self.size += length
        if self.size >= self._limit:
            raise _TooMuch
        return length


def _weight(part: Any, limit: int) -> int:
    """Return how many bytes pickling an object takes, ``limit`` at most."""
    if isinstance(part, (int, float, bool, type(None))):
        return 0
    known = getattr(part, "nbytes", None)
    if isinstance(known, int):
        return known
    from maggy.core.cluster.pickling import dump

    counter = _Counter(limit)
    try:
        dump(part, counter)
    except (
        Exception
    ):  # too much, or cannot be pickled by itself: what was counted so far is the best there is
        return min(counter.size, limit)
    return counter.size
