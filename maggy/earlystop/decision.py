"""The decision of a trial rule about one running trial."""

from __future__ import annotations

from enum import Enum

__all__ = ["Decision"]


class Decision(Enum):
    """Say what happens to a running trial after a check."""

    CONTINUE = "continue"
    """The trial goes on."""

    STOP = "stop"
    """The trial ends at its next report and keeps its metric."""

    PAUSE = "pause"
    """The trial leaves its worker after its next checkpoint, and may go on from there later.

    It goes on when there is no further trial to begin, the best one first. A trial that saves no
    checkpoints does not pause.
    """
