"""Draw a running experiment with a view: when something has changed, and not too often."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from maggy.live.experiment import LiveExperiment
from maggy.live.view import View

__all__ = ["Display"]

logger = logging.getLogger(__name__)

REDRAW_SECONDS: Final = 0.25
"""Seconds between two drawings of something new, at least."""
TICK_SECONDS: Final = 1.0
"""While trials run, the clock on the screen moves on after this time."""
MAX_SHARE: Final = 0.1
"""The share of its time that the thread may spend with drawing, on a slow terminal, too."""


class Display:
    """Draw a live experiment. Only the thread that called ``lagom`` may use it.

    It draws, and prints lines, when :meth:`draw_if_due` is called. A view that raises an exception
    is closed and not used any more.

    Args:
        view: Draws the snapshots.
        live: Gives the snapshots. Other threads feed it.
        clock: Returns monotonic seconds.

    Attributes:
        live: The live experiment.
        shows_output: The view shows the output of trials and the lines about them itself.
        has_failed: The view has raised an exception.
    """

    def __init__(
        self, view: View, live: LiveExperiment, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._view = view
        self.live = live
        self._clock = clock
        self.shows_output = view.shows_output
        self.has_failed = False
        self._is_open = False
        self._texts: list[str] = []  # to print with the next drawing
        self._next_drawing = self._next_tick = 0.0

    def open(self) -> None:
        """Draw the experiment for the first time."""
        self._is_open = True
        self._draw()

    def say(self, text: str) -> None:
        """Print lines with the next drawing."""
        self._texts.append(text)

    def next_drawing(self) -> float | None:
        """Return when to draw, in monotonic seconds; None while there is nothing new."""
        if not self._is_open or self.has_failed:
            return None
        if self._texts or self.live.has_changed:
            return self._next_drawing
        return self._next_tick if self.live.is_running else None

    def draw_if_due(self) -> None:
        """Draw if there is something new, and the last drawing is long enough ago."""
        deadline = self.next_drawing()
        if deadline is not None and self._clock() >= deadline:
            self._draw()

    def close(self, state: str) -> None:
        """Draw the last snapshot, which stays. Closing again is harmless.

        Args:
            state: How the experiment has ended, as in a snapshot.
        """
        if not self._is_open:
            return
        self._is_open = False
        if not self.has_failed:
            self._try(lambda: self._close(state))

    def take_texts(self) -> list[str]:
        """Return the lines that the view has not printed, and forget them."""
        texts, self._texts = self._texts, []
        return texts

    def _draw(self) -> None:
        start = self._clock()
        self._try(self._print_and_show)
        end = self._clock()
        pause = (end - start) * (1 / MAX_SHARE - 1)
        self._next_drawing = end + max(REDRAW_SECONDS, pause)
        self._next_tick = end + max(TICK_SECONDS, pause)

    def _print_and_show(self) -> None:
        self._print()
        self._view.show(self.live.snapshot())

    def _close(self, state: str) -> None:
        self._print()
        self._view.close(self.live.snapshot(state))

    def _print(self) -> None:
        if self._texts:
            self._view.say("\n".join(self._texts))
            self._texts.clear()

    def _try(self, call: Callable[[], None]) -> None:
        """Call a function that uses the view, whose errors must not end the experiment."""
        try:
            call()
        # rich and others end the process when a pipe is closed.
        except (Exception, SystemExit):
            logger.debug("The view %s has failed.", type(self._view).__name__, exc_info=True)
            self.has_failed = True
            self._give_up()

    def _give_up(self) -> None:
        """Let the view free what it holds, such as standard output."""
        try:
            self._view.close(self.live.snapshot())
        except (Exception, SystemExit):
            logger.debug("It could not be closed, either.", exc_info=True)
