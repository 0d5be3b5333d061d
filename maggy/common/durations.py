"""Durations as people read them."""

__all__ = ["duration_text"]


def duration_text(seconds: float) -> str:
    """Return a duration for people.

    Example:
        >>> [duration_text(seconds) for seconds in (0.25, 75, 7384, 200_000)]
        ['0.25 s', '1 min 15 s', '2 h 3 min', '2 d 7 h']
    """
    if seconds < 60:
        return f"{max(0.0, seconds):.{2 if seconds < 10 else 1}f} s"
    minutes, rest = divmod(int(min(seconds, 1e12)), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
