"""Turn the times of the workers' clocks into times of the driver's clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from maggy.core.messages import Failed, Final, Heartbeat, Register, WorkerId

__all__ = ["NETWORK_SECONDS", "WorkerClocks"]

NETWORK_SECONDS = 1.0
"""A message may take this long. A clock that seems to be slower by less counts as right."""
SET_BACK_SECONDS = 60.0
"""Times ascend from message to message. If they go back by more, the clock was set."""


class WorkerClocks:
    """Keep the offset of each worker's clock, and correct the times of points.

    A registration says what the worker's clock shows. The driver's time at its arrival minus this
    is the offset of the clock plus the time that the message took. So a clock that is ahead of the
    driver's is certain to be ahead, and its times are corrected. One that is behind may only seem
    so: its times are corrected if the network alone cannot explain the difference.

    A clock may be set while the worker runs. Then the newest point of a message counts as that of
    its arrival.

    Args:
        clock: Returns the driver's time in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._offsets: dict[WorkerId, float] = {}
        self._newest: dict[WorkerId, float] = {}  # the newest times, by the workers' clocks

    def register(self, worker: WorkerId, message: Register) -> None:
        """Note the offset of a worker's clock. Of repeated messages the quickest one counts."""
        if not message.clock:
            return
        difference = self._clock() - message.clock
        if worker not in self._offsets or difference < self._offsets[worker]:
            self._offsets[worker] = _offset(difference)

    def correct(self, worker: WorkerId, message: Heartbeat | Final | Failed) -> None:
        """Set the times of a message to those of the driver's clock.

        No time is later than now. Points without times get the time of now.
        """
        points, times = message.points, message.times
        if not points:
            return
        now = self._clock()
        if len(times) != len(points):
            message.times = [now] * len(points)
            return
        offset = self._update(worker, times[-1], now)
        # Times ascend unless a clock was set meanwhile, so the first and the last one tell.
        if offset or not (times[0] <= now and times[-1] <= now):
            message.times = [min(now, at + offset) for at in times]

    def _update(self, worker: WorkerId, newest: float, now: float) -> float:
        """Return the offset of a worker's clock after a message with this newest time."""
        offset, limit = self._offsets.get(worker, 0.0), now - newest
        if not math.isfinite(newest):
            return offset
        if newest < self._newest.get(worker, newest) - SET_BACK_SECONDS:
            offset = self._offsets[worker] = _offset(limit)
        elif limit < offset and offset > 0:
            # The registration had been on its way for longer than this message.
            offset = self._offsets[worker] = max(0.0, _offset(limit))
        elif limit < offset < 0:  # the clock was set forward
            offset = self._offsets[worker] = limit
        self._newest[worker] = newest
        return offset


def _offset(difference: float) -> float:
    """Return what is added to a worker's time to get the driver's."""
    return difference if difference < 0 or difference > NETWORK_SECONDS else 0.0
