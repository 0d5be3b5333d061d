"""What a message can carry: integers of 64 bits, Unicode text, and nesting that both ends follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["MAX_NESTING", "check_nesting", "check_sendable", "is_sendable_integer"]

MAX_NESTING = 200
"""How deep lists and dicts may be nested. Reading, writing and copying a value recurse a few calls
for each level, and Python allows 1,000."""


def is_sendable_integer(number: float) -> bool:
    """Whether an integer is one of those that MessagePack has: signed or unsigned, of 64 bits."""
    return -(2**63) <= number < 2**64


def check_nesting(value: Any, subject: str = "A value") -> None:
    """Raise `ValueError` if a value is nested more than ``MAX_NESTING`` levels deep.

    A list or dict that contains itself is counted once.
    """
    level, visited = [value], set[int]()
    for _ in range(MAX_NESTING + 1):
        containers = {
            id(item): item
            for item in level
            if isinstance(item, (dict, list, tuple)) and id(item) not in visited
        }
        if not containers:
            return
        visited.update(containers)
        level = [
            inner
            for outer in containers.values()
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    raise ValueError(
        f"{subject} must be nested at most {MAX_NESTING} levels deep, so that it can be sent and "
        "recorded, but it is deeper. Flatten it, or write it as text."
    )


def check_sendable(value: Any) -> None:
    """Refuse a plain value if it, or one inside it, cannot be sent to a worker exactly as it is.

    Raises:
        ValueError: With the rule, what breaks it, and what to do.
    """
    check_nesting(value)
    _check_sendable(value)


def _check_sendable(value: Any) -> None:
    if value is None or type(value) in (float, bool):
        return
    if isinstance(value, int) and not is_sendable_integer(value):
        shown = str(value) if value.bit_length() < 256 else f"one of {value.bit_length()} bits"
        raise ValueError(
            f"An integer must be from -2**63 to 2**64 - 1, so that it can be sent to a worker, but got {shown}. "
            "Write it as a float or as text."
        )
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"Text must be Unicode, so that it can be sent to a worker, but got {value!a:.80}. "
                "Decode it from bytes with the right encoding."
            ) from None
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_sendable(key)
            _check_sendable(item)
    if isinstance(value, list):
        for item in value:
            _check_sendable(item)
