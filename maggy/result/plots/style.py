"""The style that all plots share: colours, markers, fonts, texts, and axes that need no display.

The colours are those of Okabe and Ito, which people who are colour-blind can tell apart.
https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

import textwrap
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BEST_COLOR",
    "EDGE_COLOR",
    "FAINT_COLOR",
    "LOOKS",
    "MAX_TEXT",
    "REMEDY",
    "TEXT_COLOR",
    "Look",
    "add_legend",
    "counted",
    "inches_of",
    "look_of",
    "rounded",
    "say_that_it_is_empty",
    "set_texts",
    "short",
    "styled_axes",
    "text_inches",
    "use_integer_ticks",
]

REMEDY = install_command("plots")
MAX_TEXT = 40
"""Longer names lose their middle."""
BEST_COLOR = "#000000"
EDGE_COLOR = "#595959"
FAINT_COLOR = "#e9ecef"
TEXT_COLOR = "#262626"

_FONT_SIZE = 9.0
_ROW_POINTS = 15.0  # the height of one row of the legend
_INCHES_A_CHARACTER = 0.068  # of the font above, and on the safe side
_INCHES_A_TITLE = 0.09  # one character of a title
_INCHES_A_HANDLE = 0.5
# Everything else is as matplotlib has it, whatever the user has set.
_PREFIXES = (
    "axes.", "axes3d.", "boxplot.", "errorbar.", "font.", "grid.", "hatch.", "image.", "legend.",
    "lines.", "markers.", "mathtext.", "patch.", "path.", "scatter.", "text.", "xaxis.", "xtick.",
    "yaxis.", "ytick.",
)  # fmt: skip
_SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": EDGE_COLOR,
    "axes.grid": True,
    "axes.labelcolor": TEXT_COLOR,
    "axes.labelsize": 10.0,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "figure.edgecolor": "white",
    "figure.facecolor": "white",
    "font.size": _FONT_SIZE,
    "grid.color": FAINT_COLOR,
    "grid.linewidth": 0.8,
    "legend.fontsize": _FONT_SIZE,
    "legend.frameon": False,
    "text.color": TEXT_COLOR,
    "xtick.color": EDGE_COLOR,
    "xtick.labelcolor": TEXT_COLOR,
    "ytick.color": EDGE_COLOR,
    "ytick.labelcolor": TEXT_COLOR,
}


@dataclass(frozen=True)
class Look:
    """How the plots show one kind of trial.

    Attributes:
        label: Its name in the legend, the same as in tables.
        color: Its colour.
        marker: Its marker, so that colour is never the only difference.
        is_hollow: Whether only the outline of the marker is drawn.
    """

    label: str
    color: str
    marker: str
    is_hollow: bool = False

    @property
    def face(self) -> str:
        """The colour inside the marker."""
        return "none" if self.is_hollow else self.color

    @property
    def colors(self) -> dict[str, Any]:
        """The colours of the marker as ``scatter`` takes them."""
        # A cross has no inside, and matplotlib warns of a colour for its outline.
        outline = {} if self.marker == "x" else {"edgecolors": self.color}
        return {"facecolors": self.face, **outline}


LOOKS = {
    "finished": Look("finished", "#0072B2", "o"),
    "stopped": Look("stopped early", "#E69F00", "s", is_hollow=True),
    "failed": Look("failed", "#D55E00", "x"),
}


def look_of(row: TrialRow) -> Look:
    """Return the look of a trial."""
    if row["metric"] is None:
        return LOOKS["failed"]
    return LOOKS["stopped" if row["early_stop"] else "finished"]


@contextmanager
def styled_axes(axes: Axes | None, width: float, height: float) -> Iterator[Axes]:
    """Provide axes in the style of the plots. The user's settings are the same afterwards.

    Args:
        axes: The user's axes, or None for new ones.
        width: The width of a new figure in inches.
        height: The height of a new figure in inches.

    Raises:
        MissingDependencyError: If matplotlib is not installed.
    """
    matplotlib = import_optional("matplotlib", "A plot", REMEDY)
    settings = {
        name: value
        for name, value in matplotlib.rcParamsDefault.items()
        if name.startswith(_PREFIXES)
    }
    is_interactive = matplotlib.is_interactive()
    try:
        with matplotlib.rc_context({**settings, **_SETTINGS}):
            plot_axes = _new_figure(width, height).add_subplot() if axes is None else axes
            # The first figure of a notebook loads what shows figures, and that turns this on.
            is_interactive = matplotlib.is_interactive()
            _restyle(plot_axes)
            yield plot_axes
    finally:
        matplotlib.interactive(is_interactive)


def _new_figure(width: float, height: float) -> Figure:
    """Return a figure of pyplot, which notebooks and ``show()`` display, or else one of its own.

    pyplot needs the main thread, and a display if the user has chosen a backend with windows.
    """
    figure: Figure
    if threading.current_thread() is threading.main_thread():
        with suppress(Exception):
            pyplot = import_optional("matplotlib.pyplot", "A plot", REMEDY)
            figure = pyplot.figure(figsize=(width, height), layout="constrained")
            return figure
    figures = import_optional("matplotlib.figure", "A plot", REMEDY)
    figure = figures.Figure(figsize=(width, height), layout="constrained")
    return figure


def _restyle(axes: Axes) -> None:
    """Set the style that the user's axes lack, and the one that ticks take when they are drawn."""
    axes.set_facecolor("white")
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(EDGE_COLOR)
    axes.tick_params(which="both", color=EDGE_COLOR, labelcolor=TEXT_COLOR, labelsize=_FONT_SIZE)
    axes.set_axisbelow(True)
    axes.grid(True, color=FAINT_COLOR, linewidth=0.8)


def short(text: str, limit: int = MAX_TEXT) -> str:
    """Return a name as plots write it: one line, not too long, and no mathematics."""
    line = " ".join(text.split())
    line = "".join("?" if unicodedata.category(sign) == "Cc" else sign for sign in line)
    if len(line) > limit:
        half = limit // 2
        line = f"{line[:half]}…{line[1 - half :]}"
    # matplotlib would read what stands between two dollars as a formula.
    return line.replace("$", r"\$")


def counted(number: int, noun: str = "trial") -> str:
    """Return a number with its noun: ``1 trial``, ``2 trials``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def rounded(number: float | None) -> str:
    """Return a number with four significant digits."""
    return "" if number is None else f"{number:.4g}"


def inches_of(axes: Axes | None, width: float, height: float) -> tuple[float, float]:
    """Return the width and the height of the user's axes, or the usual ones if there are none."""
    if axes is None:
        return width, height
    return axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi


def text_inches(texts: Sequence[str]) -> float:
    """Return the width of the longest text, at most a little too large."""
    return max(map(len, texts), default=0) * _INCHES_A_CHARACTER


def set_texts(axes: Axes, width: float, *, title: str, x: str, y: str) -> None:
    """Set the title and the names of the axes. Names in them must be ``short`` before.

    Args:
        axes: The axes.
        width: The width of the axes in inches. A longer title gets more lines.
        title: The title.
        x: The name of the horizontal axis.
        y: The name of the vertical axis.
    """
    title = _wrap(title, max(20, int(width / _INCHES_A_TITLE)))
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=TEXT_COLOR)
    axes.set_xlabel(x, fontsize=10, color=TEXT_COLOR)
    axes.set_ylabel(y, fontsize=10, color=TEXT_COLOR)


def _wrap(title: str, limit: int) -> str:
    """Return a title in lines; what stands in brackets at its end begins a new one."""
    if len(title) <= limit:
        return title
    head, bracket, tail = title.rpartition(" (")
    parts = [head, bracket.lstrip() + tail] if bracket else [tail]
    return "\n".join(textwrap.fill(part, limit, break_long_words=False) for part in parts)


def add_legend(axes: Axes, handles: Sequence[Any], width: float) -> None:
    """Add a legend in rows between the title and the axes, where it hides nothing.

    Args:
        axes: The axes, with a title.
        handles: What the legend explains.
        width: How wide the legend may be, in inches.
    """
    if not handles:
        return
    labels = [handle.get_label() for handle in handles]
    columns = len(handles)
    while columns > 1 and sum(map(_column_inches, _split(labels, columns))) > width:
        columns -= 1
    rows = -(-len(handles) // columns)
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        borderpad=0.2,
        columnspacing=1.5,
        handletextpad=0.6,
        labelspacing=0.35,
        labelcolor=TEXT_COLOR,
    )
    axes.set_title(axes.get_title(loc="left"), loc="left", pad=6 + _ROW_POINTS * rows)


def _split(labels: Sequence[str], columns: int) -> list[Sequence[str]]:
    """Return the columns of a legend, as matplotlib fills them: the first ones may be longer."""
    size, longer = divmod(len(labels), columns)
    starts = [column * size + min(column, longer) for column in range(columns + 1)]
    return [labels[start:end] for start, end in pairwise(starts)]


def _column_inches(labels: Sequence[str]) -> float:
    return text_inches(labels) + _INCHES_A_HANDLE


def use_integer_ticks(axes: Axes) -> None:
    """Have ticks at whole numbers only on the horizontal axis."""
    ticker = import_optional("matplotlib.ticker", "A plot", REMEDY)
    axes.xaxis.set_major_locator(ticker.MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))


def say_that_it_is_empty(axes: Axes, text: str) -> None:
    """Write into empty axes why nothing is there."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center")
    axes.set_xticks([])
    axes.set_yticks([])
