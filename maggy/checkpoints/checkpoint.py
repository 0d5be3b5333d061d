"""What a training function gets back when it asks for its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on this machine's disk: a directory, and where the training stood.

    It can be used wherever a path can: with ``open``, ``/`` and ``os.fspath``.

    Example:
        >>> checkpoint = Checkpoint(Path("/tmp/checkpoint"), step=3, metric=0.8)
        >>> (checkpoint / "model.keras").as_posix(), checkpoint.step
        ('/tmp/checkpoint/model.keras', 3)

    Attributes:
        path: The directory. It holds the files that the training function has written.
        step: The step that was given to ``reporter.checkpoint``.
        metric: The last metric that was broadcast before; None if there was none.
    """

    path: Path
    step: int
    metric: float | None

    def __truediv__(self, name: str) -> Path:
        """Return the path of a file in the directory."""
        return self.path / name

    def __fspath__(self) -> str:
        """Return the path of the directory."""
        return str(self.path)
