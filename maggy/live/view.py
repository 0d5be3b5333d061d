"""The contract of a view, which draws snapshots of an experiment where its user looks."""

from __future__ import annotations

from abc import ABC, abstractmethod

from maggy.live.snapshot import Snapshot

__all__ = ["View"]


class View(ABC):
    """Draw an experiment in a terminal or a notebook. One thread calls all methods.

    A view draws whatever it is given and remembers nothing of the experiment. So the experiment of
    this process and a recorded one look the same.

    Attributes:
        shows_output: It shows the output of trials and the lines about them itself. Otherwise they
            are printed with :meth:`say`.
    """

    shows_output: bool = False

    @abstractmethod
    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot, in place of the earlier one."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Print lines that stay, above what is drawn."""

    @abstractmethod
    def close(self, snapshot: Snapshot) -> None:
        """Draw the last snapshot, which stays, and free everything else.

        Closing again is harmless.
        """
