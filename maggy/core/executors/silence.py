"""How long the other side has left a message unanswered. Each call is told the time."""

from __future__ import annotations

__all__ = ["Silence"]

CONNECTED_PATIENCE = 10
"""While the connection stands, the patience is so many times as long: a process that is stopped
keeps its connections, and one that is gone does not."""


class Silence:
    """Measures a driver's silence, from the first message that it has not answered.

    Example:
        >>> from maggy.core.executors.silence import Silence
        >>> silence = Silence(patience=90.0)
        >>> silence.sent(0.0)
        >>> silence.seconds(60.0)
        60.0
        >>> silence.answered()
        >>> silence.seconds(1000.0)
        0.0

    Args:
        patience: Seconds of silence that are tolerated without a connection.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: float | None = None

    def sent(self, now: float) -> None:
        """Begin to count, unless an earlier message waits for an answer already."""
        if self._since is None:
            self._since = now

    def answered(self) -> None:
        """End the silence: something was heard."""
        self._since = None

    def leave_out(self, seconds: float, now: float) -> None:
        """Leave the last seconds out, in which nobody listened here."""
        if self._since is not None and seconds > 0:
            self._since = min(now, self._since + seconds)

    def seconds(self, now: float) -> float:
        """Return the length of the silence; 0 if no message waits for an answer."""
        return 0.0 if self._since is None else now - self._since

    def patience(self, connected: bool) -> float:
        """Return how many seconds of silence are tolerated."""
        return self._patience * CONNECTED_PATIENCE if connected else self._patience
