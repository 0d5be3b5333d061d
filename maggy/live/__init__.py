"""Look at an experiment while it runs: one model of it, and the views that draw the model."""

from maggy.live.snapshot import Snapshot
from maggy.live.view import View

__all__ = ["Snapshot", "View"]
