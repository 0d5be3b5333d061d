"""Choose the view for the place where the user looks."""

from __future__ import annotations

import logging

from maggy.live.panel import NotebookPanel, is_available
from maggy.live.terminal import open_terminal_view
from maggy.live.view import View

__all__ = ["choose_view"]

logger = logging.getLogger(__name__)


def choose_view() -> View | None:
    """Return a new view for the place where the user looks.

    In the kernel of a notebook this is the panel, and in a terminal the tables of rich. The
    packages that they need may be missing.

    Returns:
        The view; None if only a bar and plain lines can be shown.
    """
    try:
        return NotebookPanel() if is_available() else open_terminal_view()
    except Exception as error:  # It may come from any package, and must not end the experiment.
        logger.debug("There is no view for this place: %s", error)
        return None
