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
