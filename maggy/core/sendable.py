"""What a message can carry of a parameter: integers of 64 bits, and text that is Unicode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["check_sendable", "is_sendable_integer"]


def is_sendable_integer(number: float) -> bool:
    """Whether an integer is one of those that MessagePack has: signed or unsigned, of 64 bits."""
    return -(2**63) <= number < 2**64


def check_sendable(value: Any) -> None:
    """Refuse a plain value if it, or one inside it, cannot be sent to a worker exactly as it is.

    Raises:
        ValueError: With the rule, what breaks it, and what to do.
    """
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
            check_sendable(key)
            check_sendable(item)
    if isinstance(value, list):
        for item in value:
            check_sendable(item)
