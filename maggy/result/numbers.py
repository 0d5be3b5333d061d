"""How tables and texts write numbers."""

from __future__ import annotations

__all__ = ["format_difference", "format_number"]


def format_number(number: float | None) -> str:
    """Return a number with six significant digits, the empty string for None."""
    return "" if number is None else f"{number:.6g}"


def format_difference(number: float | None) -> str:
    """Return a number with its sign and six significant digits, the empty string for None."""
    return "" if number is None else f"{number:+.6g}"
