"""Check the limits of a message: integers of 64 bits, Unicode text, and a maximum nesting."""

from __future__ import annotations

from maggy.common.types import Json

__all__ = ["MAX_NESTING", "check_nesting", "check_sendable", "is_sendable_integer"]

MAX_NESTING = 200
"""Maximum depth of nested lists and dicts. To read, write and copy a value takes a few nested calls
for each level, and Python allows 1,000."""
_MAX_BITS_PRINTED = 256


def is_sendable_integer(number: float) -> bool:
    """Return whether MessagePack has an integer: a signed or an unsigned one of 64 bits."""
    return -(2**63) <= number < 2**64


def check_nesting(value: object, subject: str = "A value") -> None:
    """Raise `ValueError` if a value is nested more than ``MAX_NESTING`` levels deep.

    A list or dict that contains itself counts once.

    Args:
        value: Any value.
        subject: The subject of the error's sentence.
    """
    # Level by level instead of recursive, since Python's stack is the limit that is checked.
    level = [value]
    visited_ids: set[int] = set()
    for _ in range(MAX_NESTING + 1):
        containers = {
            id(item): item
            for item in level
            if isinstance(item, (dict, list, tuple)) and id(item) not in visited_ids
        }
        if not containers:
            return
        visited_ids.update(containers)
        level = [
            item
            for container in containers.values()
            for item in (container.values() if isinstance(container, dict) else container)
        ]
    raise ValueError(
        f"{subject} must be nested at most {MAX_NESTING} levels deep, so that it can be sent and "
        "recorded, but it is deeper. Flatten it, or write it as text."
    )


def check_sendable(value: Json) -> None:
    """Refuse a plain value that cannot be sent to a worker exactly as it is.

    Raises:
        ValueError: If a value is nested too deeply, an integer has more than 64 bits, or a text is
            not valid Unicode.
    """
    check_nesting(value)
    _check_scalars(value)


def _check_scalars(value: Json) -> None:
    if value is None or type(value) in (float, bool):
        return
    if isinstance(value, int) and not is_sendable_integer(value):
        # Nobody reads a long number, and Python refuses to print more than 4,300 digits.
        is_printable = value.bit_length() < _MAX_BITS_PRINTED
        text = str(value) if is_printable else f"one of {value.bit_length()} bits"
        raise ValueError(
            "An integer must be from -2**63 to 2**64 - 1, so that it can be sent to a worker, "
            f"but got {text}. Write it as a float or as text."
        )
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(
                "Text must be Unicode, so that it can be sent to a worker, but got "
                f"{value!a:.80}. Decode it from bytes with the right encoding."
            ) from None
    if isinstance(value, dict):
        for key, item in value.items():
            _check_scalars(key)
            _check_scalars(item)
    if isinstance(value, list):
        for item in value:
            _check_scalars(item)
