"""The words in which stop rules say why a trial is stopped."""

from __future__ import annotations

from maggy.common.direction import Direction

__all__ = ["compare"]


def compare(best: float | None, direction: Direction, limit: str) -> str:
    """Return a clause that compares the best value of a trial with a limit.

    Example:
        >>> compare(0.71, Direction.MAX, "the median 0.78 of 14 trials")
        '0.71 is below the median 0.78 of 14 trials'

    Args:
        best: The best value that the trial has reported; None if it has reported nothing but NaN.
        direction: The direction in which the metric improves.
        limit: The limit, with what it is.
    """
    if best is None:
        return f"it has reported nothing but NaN, which is worse than {limit}"
    side = "below" if direction is Direction.MAX else "above"
    return f"{best:.4g} is {side} {limit}"
