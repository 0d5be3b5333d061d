"""Write the numbers of tables and texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

__all__ = ["format_column", "format_difference", "format_number", "format_seconds"]

_SMALLEST: Final = 1e-4
_LARGEST: Final = 1e6
"""Numbers from the smallest to the largest are written without an exponent."""
_MAX_SHARE: Final = 0.25
"""If more than one and more than this share of a column need an exponent, all of it gets one."""

_MAX_SPREAD: Final = 300.0
"""If most of a column spreads further, as learning rates do, all of it gets an exponent.

With the same number of decimals the small ones would have one digit.
"""
_MIN_SPREAD_COUNT: Final = 5


def format_number(number: float | None) -> str:
    """Return a number with six significant digits, the empty string for None."""
    return "" if number is None else f"{number:.6g}"


def format_difference(number: float | None) -> str:
    """Return a number with its sign and six significant digits, the empty string for None."""
    return "" if number is None else f"{number:+.6g}"


def format_column(numbers: Sequence[float | None], *, sign: bool = False) -> list[str]:
    """Return rounded numbers that stand below each other, with the same number of decimals.

    A few very large or very small ones among others get an exponent, so that one trial that has
    diverged does not spoil the column. None is the empty string.

    Example:
        >>> format_column([0.91234567, 0.5, None, 2.5e30])
        ['0.9123', '0.5000', '', '2.500e+30']

    Args:
        numbers: The numbers of a column.
        sign: Whether positive numbers have a sign, too.
    """
    plus = "+" if sign else ""
    write = _formatter([number for number in numbers if number is not None], plus)
    return ["" if number is None else write(number) for number in numbers]


def format_seconds(milliseconds: Iterable[int | None]) -> list[str]:
    """Return durations in seconds, with fewer decimals if some are long."""
    seconds = [None if duration is None else duration / 1000 for duration in milliseconds]
    longest = max((duration for duration in seconds if duration is not None), default=0.0)
    decimals = 3 if longest < 1 else 2 if longest < 10 else 1
    return ["" if duration is None else f"{duration:.{decimals}f}" for duration in seconds]


def _formatter(numbers: Sequence[float], plus: str) -> Callable[[float], str]:
    sizes = [abs(number) for number in numbers if number and math.isfinite(number)]
    limit = _limit(sizes)
    plain = [size for size in sizes if _SMALLEST <= size < limit]
    if len(sizes) - len(plain) > max(1, _MAX_SHARE * len(sizes)) or _spread(sizes) > _MAX_SPREAD:
        return lambda number: f"{number:{plus}.3e}"
    decimals = _decimals(plain)

    def write(number: float) -> str:
        text = f"{number:{plus}.{decimals}f}"
        is_plain = abs(number) < limit and (float(text) or not number)
        return text if is_plain else f"{number:{plus}.3e}"

    return write


def _limit(sizes: Sequence[float]) -> float:
    """Return from which size on a number gets an exponent.

    Beside fractions that is also one that is 300 times the median, such as the loss of a
    trial that has diverged. With the same number of decimals all others would be 0 or 1.
    """
    if all(size == int(size) for size in sizes):
        return _LARGEST
    return min(_LARGEST, _MAX_SPREAD * sorted(sizes)[len(sizes) // 2])


def _spread(sizes: Sequence[float]) -> float:
    """Return how many times the largest of positive numbers is the smallest, without the ends."""
    if len(sizes) < _MIN_SPREAD_COUNT:
        return 1.0
    end = max(1, len(sizes) // 10)
    return sorted(sizes)[-1 - end] / sorted(sizes)[end]


def _decimals(sizes: Sequence[float]) -> int:
    """Return the number of decimals with which positive numbers keep about four digits."""
    if not sizes:
        return 0
    # The smallest tenth may have fewer digits, or one of many numbers would lengthen all others.
    small = sorted(sizes)[len(sizes) // 10]
    low, high = (math.floor(math.log10(size)) for size in (small, max(sizes)))
    decimals = max(0, min(3 - low, 4 - high))
    # Zeros that end all numbers say nothing.
    texts = (f"{size:.{decimals}f}".rstrip("0") for size in sizes)
    return max(len(text.partition(".")[2]) for text in texts)
