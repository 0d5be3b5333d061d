"""Check the types and bounds of arguments. An error names the rule and the value."""

from __future__ import annotations

import math
import re
from typing import Final

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, closest

__all__ = [
    "check_choice",
    "check_count",
    "check_direction",
    "check_flag",
    "check_key",
    "check_memory",
    "check_positive",
    "check_share",
    "check_text",
]

MIN_MEMORY: Final = 1024**2
"""The smallest limit of memory, in bytes. A smaller one is most likely a wrong unit."""
_UNITS = " kmgt"
"""The letters of the powers of 1,024, so the index of a letter is its exponent."""


# The annotations say what a caller should pass. The checks are for callers without a type checker.


def check_count(name: str, value: int | None, *, least: int = 1, most: int | None = None) -> None:
    """Raise an error unless the value is a whole number within bounds.

    Raises:
        BadArgumentsError: If it is not a whole number, below ``least`` or above ``most``.
    """
    number = as_number(value)
    if not isinstance(number, int):
        raise BadArgumentsError(
            f"{name} must be a whole number, but got {type(value).__name__}: {value!r:.80}."
        )
    if number < least:
        raise BadArgumentsError(f"{name} must be at least {least}, but got {number}.")
    if most is not None and number > most:
        raise BadArgumentsError(f"{name} must be at most {most}, but got {number}.")


def check_positive(name: str, value: float, unit: str) -> None:
    """Raise an error unless the value is a finite number above 0.

    Args:
        name: The name of the argument, for the error text.
        value: The value of the argument.
        unit: The unit, and what None means, for the error text.

    Raises:
        BadArgumentsError: If it is not such a number.
    """
    number = as_number(value)
    if number is None or not math.isfinite(number) or number <= 0:
        raise BadArgumentsError(f"{name} must be a number above 0 ({unit}), but got {value!r:.80}.")


def check_share(name: str, value: float) -> None:
    """Raise an error unless the value is a number above 0 and below 1.

    Raises:
        BadArgumentsError: If it is anything else.
    """
    number = as_number(value)
    if number is None or not 0 < number < 1:
        raise BadArgumentsError(f"{name} must be above 0 and below 1, but got {value!r:.80}.")


def check_flag(name: str, value: bool) -> None:
    """Raise an error unless the value is True or False.

    Raises:
        BadArgumentsError: If it is anything else, such as 1.
    """
    if not isinstance(value, bool):
        raise BadArgumentsError(f"{name} must be True or False, but got {value!r:.80}.")


def check_text(name: str, value: str) -> None:
    """Raise an error unless the value is a string.

    Raises:
        BadArgumentsError: If it is anything else.
    """
    if not isinstance(value, str):
        raise BadArgumentsError(f"{name} must be a string, but got {value!r:.80}.")


def check_key(key: str) -> None:
    """Raise an error unless the value can be an optimization key.

    Raises:
        BadArgumentsError: If it is not a string, or empty.
    """
    if not isinstance(key, str) or not key:
        raise BadArgumentsError(
            f"optimization_key must be a string that is not empty, but got {key!r:.80}."
        )


def check_memory(name: str, value: int | str) -> int:
    """Return an amount of memory in bytes.

    Args:
        name: The name of the argument, for the error text.
        value: A whole number of bytes, or text as Spark writes it: ``"512m"``, ``"4g"``. The units
            are powers of 1,024.

    Raises:
        BadArgumentsError: If the value is neither, or below 1 MiB.
    """
    size = _size_of(value) if isinstance(value, str) else as_number(value)
    if not isinstance(size, int) or size < MIN_MEMORY:
        raise BadArgumentsError(
            f"{name} must be at least 1 MiB, as a whole number of bytes or as text such as '4g', "
            f"but got {value!r:.80}."
        )
    return size


def _size_of(text: str) -> int | None:
    match = re.fullmatch(rf"\s*(\d+)\s*([{_UNITS.strip()}]?)i?b?\s*", text.lower())
    return int(match[1]) * 1024 ** _UNITS.index(match[2] or " ") if match else None


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Return the choice with this value, in lower case.

    Args:
        name: The name of the argument, for the error text.
        value: A choice in upper or lower case.
        choices: All choices in lower case.

    Raises:
        BadArgumentsError: If there is no such choice.
    """
    if isinstance(value, str) and value.lower() in choices:
        return value.lower()
    hint = closest(value.lower(), list(choices)) if isinstance(value, str) else ""
    raise BadArgumentsError(
        f"{name} must be {' or '.join(map(repr, choices))}, but got {value!r:.80}.{hint}"
    )


def check_direction(value: str) -> Direction:
    """Return the direction with this value, which may be in upper or lower case.

    Raises:
        BadArgumentsError: If it is neither ``"max"`` nor ``"min"``.
    """
    return Direction(check_choice("direction", value, (Direction.MAX.value, Direction.MIN.value)))
