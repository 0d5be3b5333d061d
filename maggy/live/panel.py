"""Draw a running experiment as a panel in the output of a notebook's cell."""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from maggy.common.optional import can_import
from maggy.live.panel_html import PARTS, PanelParts, panel_line, panel_page
from maggy.live.snapshot import Snapshot
from maggy.live.view import View

if TYPE_CHECKING:
    from anywidget import AnyWidget
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["NotebookPanel", "is_available"]

logger = logging.getLogger(__name__)

MODEL_PAUSE: Final = 0.2
"""Minimum number of seconds between two updates of the model."""
PAGE_PAUSE: Final = 3.0
"""Minimum number of seconds between two updates of the HTML."""
OUTPUT_PAUSE: Final = 2.0
"""Minimum number of seconds between two updates of much output in the model, since a Jupyter
server drops messages above 1 MB a second."""
MODEL_LIFE: Final = 15.0
"""Number of seconds after which a new model takes the place of the old one. A page that was opened
since then has not heard of the old one."""
MUCH_OUTPUT: Final = 20_000
"""Number of characters of HTML from which on output is much."""


def is_available() -> bool:
    """Return whether this process is a Jupyter kernel, whose front end can show the panel.

    A terminal is none, not even IPython's.
    """
    module = sys.modules.get("ipykernel.zmqshell")
    return module is not None and isinstance(_shell(), module.ZMQInteractiveShell)


class NotebookPanel(View):
    """Draw an experiment in the output of the cell that runs.

    The panel is HTML, which is replaced every few seconds. So a notebook that is saved at any time
    shows it without a kernel. With anywidget (extra ``notebook``) a script changes the panel in
    between, and what its reader has opened stays open. The script has a model and no view: nothing
    of it is in the notebook. It only listens, since the kernel is busy until the experiment ends.

    Args:
        clock: Returns monotonic seconds.
    """

    shows_output = True

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._id = f"maggy-{uuid.uuid4()}"
        self._model: _Model | None = None
        self._page_time: float | None = None
        self._is_closed = False

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot, unless the one before it was drawn a moment ago."""
        if self._is_closed:
            return
        now, parts = self._clock(), PanelParts(snapshot)
        if self._page_time is None:
            self._publish(parts)
            self._page_time = now
            self._model = _open_model(self._id, parts, now)
            return
        if self._model is not None:
            self._model.update(parts, now)
        if now - self._page_time >= PAGE_PAUSE:
            self._publish(parts)
            self._page_time = now

    def say(self, text: str) -> None:
        """Print lines below the panel."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def close(self, snapshot: Snapshot) -> None:
        """Draw the last snapshot, and close the model."""
        if self._is_closed:
            return
        self._is_closed = True
        parts = PanelParts(snapshot)
        try:
            # The model comes first: its script would draw the snapshot before this one again.
            if self._model is not None:
                self._model.send(parts)
            self._publish(parts)
        finally:
            model, self._model = self._model, None
            if model is not None:
                model.close()

    def _publish(self, parts: PanelParts) -> None:
        from IPython.display import display

        bundle = {
            "text/html": panel_page(parts, self._id),
            "text/plain": panel_line(parts.snapshot),
        }
        display(bundle, raw=True, display_id=self._id, update=self._page_time is not None)


class _Model:
    """What the script on the page draws: the HTML of each part.

    Args:
        panel_id: The panel that the script changes.
        parts: What the panel shows now.
        now: The time, in seconds.
    """

    def __init__(self, panel_id: str, parts: Mapping[str, str], now: float) -> None:
        self._panel_id = panel_id
        self._time = self._output_time = self._birth = now
        self._widget = self._new_widget(parts)

    def update(self, parts: Mapping[str, str], now: float) -> None:
        """Send what has changed, unless it is too early."""
        if now - self._time < MODEL_PAUSE:
            return
        self._time = now
        if now - self._birth >= MODEL_LIFE:
            self._birth = self._output_time = now
            widget, self._widget = self._widget, self._new_widget(parts)
            _close(widget)
            return
        names = list(PARTS)
        is_much = len(self._widget.output) >= MUCH_OUTPUT
        if is_much and now - self._output_time < OUTPUT_PAUSE:
            names.remove("output")
        else:
            self._output_time = now
        self.send(parts, names)

    def send(self, parts: Mapping[str, str], names: Iterable[str] = PARTS) -> None:
        """Send the parts that differ from what the page has, in one message."""
        with self._widget.hold_sync():
            for name in names:
                setattr(self._widget, name, parts[name])

    def close(self) -> None:
        """Close the connection to the page."""
        _close(self._widget)

    def _new_widget(self, parts: Mapping[str, str]) -> AnyWidget:
        return _widget_class()(panel_id=self._panel_id, **{name: parts[name] for name in PARTS})


@cache
def _widget_class() -> type[AnyWidget]:
    import anywidget
    import traitlets

    traits = {name: traitlets.Unicode().tag(sync=True) for name in ("panel_id", *PARTS)}
    script = Path(__file__).with_name("panel.js").read_text(encoding="utf-8")
    return type("PanelModel", (anywidget.AnyWidget,), {"_esm": script, **traits})


def _close(widget: AnyWidget) -> None:
    layout = widget.layout  # a model, too, which ipywidgets has made
    widget.close()
    layout.close()


def _shell() -> InteractiveShell | None:
    """Return IPython's shell, if this process has one. Import nothing."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _open_model(panel_id: str, parts: Mapping[str, str], now: float) -> _Model | None:
    if not _has_reader() or not can_import("anywidget"):
        return None
    try:
        return _Model(panel_id, parts, now)
    except Exception as error:
        logger.debug("The panel is shown without a script: %s", error)
        return None


def _has_reader() -> bool:
    """Return whether a page may run the script, as far as the kernel can tell.

    A program that runs a notebook to its end, such as nbclient, answers no input requests. It would
    store the model in the notebook. Colab runs such a script only after a switch.
    """
    shell = _shell()
    if shell is None or "google.colab" in sys.modules:
        return False
    request: Mapping[str, Mapping[str, object]] = shell.get_parent()
    return bool(request.get("content", {}).get("allow_stdin", True))
