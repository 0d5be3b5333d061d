"""Measure how long the driver has left a message unanswered. The caller tells the time."""

from __future__ import annotations

__all__ = ["Silence"]

CONNECTED_PATIENCE = 10
"""By which factor the patience grows while the connection stands: a process that is stopped keeps
its connections, and one that has ended does not."""


class Silence:
    """Measure the driver's silence, from the first message that it has not answered.

    Example:
        >>> from maggy.core.executors.driver_silence import Silence
        >>> silence = Silence(patience=90.0)
        >>> silence.begin(0.0)
        >>> silence.seconds(60.0)
        60.0
        >>> silence.end()
        >>> silence.seconds(1000.0)
        0.0

    Args:
        patience: Seconds of silence to tolerate without a connection.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._start: float | None = None

    def begin(self, now: float) -> None:
        """Begin to count: a message was sent. Has no effect if an earlier one waits for its answer.

        Args:
            now: Monotonic seconds.
        """
        if self._start is None:
            self._start = now

    def end(self) -> None:
        """End the silence: the driver has said something."""
        self._start = None

    def leave_out(self, seconds: float, now: float) -> None:
        """Leave out the last seconds, in which nobody listened at this end.

        Args:
            seconds: Length of that time. Seconds before the silence began do not count twice.
            now: Monotonic seconds.
        """
        if self._start is not None and seconds > 0:
            self._start = min(now, self._start + seconds)

    def seconds(self, now: float) -> float:
        """Return the length of the silence; 0 if no message waits for an answer.

        Args:
            now: Monotonic seconds.
        """
        return 0.0 if self._start is None else now - self._start

    def patience(self, connected: bool) -> float:
        """Return how many seconds of silence to tolerate.

        Args:
            connected: Whether the connection stands.
        """
        return self._patience * CONNECTED_PATIENCE if connected else self._patience
