"""The words in which stop rules say why a trial is stopped."""

from __future__ import annotations

from collections.abc import Callable

from maggy.common.direction import Direction

__all__ = ["compare"]

_DIGITS = 4
_ALL_DIGITS = 17
"""With this number of digits, two different floats have different texts."""


def compare(
    best: float | None, direction: Direction, limit: float, describe: Callable[[str], str]
) -> str:
    """Return a clause that compares the best value of a trial with a limit.

    Both have four digits, or as many as it takes to tell them apart.

    Example:
        >>> compare(0.71, Direction.MAX, 0.78, lambda limit: f"the median {limit} of 14 trials")
        '0.71 is below the median 0.78 of 14 trials'

    Args:
        best: The best value that the trial has reported; None if it has reported nothing but NaN.
        direction: The direction in which the metric improves.
        limit: The limit.
        describe: Returns what the limit is, with the text of its value.
    """
    if best is None:
        what = describe(f"{limit:.{_DIGITS}g}")
        return f"it has reported nothing but NaN, which is worse than {what}"
    digits = _DIGITS
    while f"{best:.{digits}g}" == f"{limit:.{digits}g}" and digits < _ALL_DIGITS:
        digits += 1
    side = "below" if direction is Direction.MAX else "above"
    return f"{best:.{digits}g} is {side} {describe(f'{limit:.{digits}g}')}"
