"""The plot of an ablation: how the metric changes without each component."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maggy.ablation.component import Component
from maggy.ablation.statistics import Verdict, noise_band
from maggy.common.direction import Direction
from maggy.common.optional import import_optional
from maggy.result.differences import ComponentDifference
from maggy.result.plots.metric_axis import direction_text
from maggy.result.plots.style import (
    BEST_COLOR,
    EDGE_COLOR,
    MAX_TEXT,
    REMEDY,
    add_legend,
    inches_of,
    set_texts,
    short,
    styled_axes,
    text_inches,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["VERDICT_COLORS", "plot_differences"]

VERDICT_COLORS: dict[Verdict | None, str] = {
    None: "#0072B2",
    "helps": "#009E73",
    "hurts": "#D55E00",
    "inconclusive": "#B0B7BF",
}
# Not "helps" and "hurts": a choice is named after the value that replaces the base's.
_VERDICT_TEXTS: dict[Verdict | None, str] = {
    None: "no verdict",
    "helps": "metric gets worse",
    "hurts": "metric gets better",
    "inconclusive": "inconclusive",
}
_BAND_COLOR = "#e3e6ea"
_WIDTH = 5.6  # of the axes, in inches; the names of the components come on top
_SIDE = 0.6  # beside the axes and the names
_LINE = 0.27  # the height of a bar, in inches
_MIN_LINE = 0.17
_MAX_HEIGHT = 24.0
_MARGINS = 1.7  # above and below the bars
_MAX_NAME = MAX_TEXT + len("feature ")
_MAX_RATIO = 10.0
"""A difference that is larger than this many times the usual metric lies beyond the axis."""


@dataclass(frozen=True)
class _Bar:
    """The bar of one component: its difference, and the interval if there is one."""

    name: str
    value: float
    low: float | None
    high: float | None
    verdict: Verdict | None
    std: float | None
    n: int

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def plot_differences(
    differences: Sequence[ComponentDifference],
    metric: str,
    direction: Direction,
    confidence: float,
    axes: Axes | None = None,
) -> Axes:
    """Draw a bar for the difference of each component from the base, sorted by effect.

    With repeats each bar has the interval and the colour of its verdict, and a band around 0 shows
    where the mean difference of a component that does nothing lies, if the noise of all components
    is equal.

    Args:
        differences: The components that have a difference.
        metric: The name of the metric.
        direction: The direction in which it improves.
        confidence: The confidence of the intervals, and the share of such means in the band.
        axes: The axes to draw on; None for a new figure.
    """
    entries = sorted(differences, key=lambda entry: entry["difference"] or 0)
    bars = [_make_bar(entry) for entry in entries]
    limit = _largest_on_axis(entries)
    inside = [bar for bar in bars if abs(bar.value) <= limit]
    names = [bar.name for bar in bars]
    height = min(_MAX_HEIGHT, _MARGINS + _LINE * max(4, len(bars)))
    inner, bars_height = inches_of(axes, _WIDTH - _SIDE, height - _MARGINS)
    with styled_axes(axes, _WIDTH + text_inches(names), height) as plot_axes:
        name = short(metric)
        set_texts(
            plot_axes,
            inner,
            title=f"{name} without each component ({direction_text(direction)})",
            x=f"difference of {name} from the base",
            y="",
        )
        handles = _draw_bars(plot_axes, bars, limit)
        band = _draw_band(plot_axes, inside, confidence)
        _set_limits(plot_axes, inside, 0.0 if band is None else band.get_width() / 2)
        beyond = [(level, bar) for level, bar in enumerate(bars) if abs(bar.value) > limit]
        handles += [] if band is None else [band]
        handles += _mark_beyond(plot_axes, beyond)
        plot_axes.axvline(0, color=BEST_COLOR, linewidth=0.9, zorder=4)
        stride = -(-len(bars) // max(1, int(bars_height / _MIN_LINE)))
        ticks = range(0, len(bars), stride)
        plot_axes.set_yticks(ticks, [names[tick] for tick in ticks])
        # The first component belongs to the top.
        plot_axes.set_ylim(len(bars) - 0.4, -0.6)
        plot_axes.tick_params(axis="y", length=0)
        plot_axes.grid(False, axis="y")
        plot_axes.spines["left"].set_visible(False)
        has_verdicts = any(bar.half_width is not None for bar in bars)
        add_legend(plot_axes, handles if has_verdicts or beyond else [], inner)
    return plot_axes


def _make_bar(entry: ComponentDifference) -> _Bar:
    return _Bar(
        short(Component.from_params(entry).describe(), _MAX_NAME),
        entry["difference"] or 0.0,
        entry.get("ci_low"),
        entry.get("ci_high"),
        entry.get("verdict"),
        entry.get("difference_std"),
        entry.get("n", 1),
    )


def _largest_on_axis(entries: Sequence[ComponentDifference]) -> float:
    """Return the size of the largest difference that the axis shows.

    A component may well matter a hundred times as much as all others, so differences are not
    compared with each other but with the metrics, which a diverged training leaves far behind.
    """
    metrics = sorted(abs(entry["metric"] or 0.0) for entry in entries)
    bases = [abs((entry["metric"] or 0.0) - (entry["difference"] or 0.0)) for entry in entries]
    usual = max(metrics[math.floor(0.75 * (len(metrics) - 1))], min(bases))
    return _MAX_RATIO * usual or math.inf


def _draw_bars(axes: Axes, bars: Sequence[_Bar], limit: float) -> list[Any]:
    """Draw the bars and their intervals, and return a patch for each verdict."""
    patches = import_optional("matplotlib.patches", "A plot", REMEDY)
    axes.barh(
        range(len(bars)),
        [math.copysign(min(abs(bar.value), limit), bar.value) for bar in bars],
        height=0.7,
        color=[VERDICT_COLORS[bar.verdict] for bar in bars],
        zorder=3,
    )
    intervals = [
        (level, bar.value, bar.half_width)
        for level, bar in enumerate(bars)
        if bar.half_width is not None and abs(bar.value) <= limit
    ]
    if intervals:
        levels, values, widths = zip(*intervals, strict=True)
        axes.errorbar(
            values,
            levels,
            xerr=widths,
            fmt="none",
            ecolor="#333333",
            elinewidth=1.1,
            capsize=2.5,
            zorder=5,
        )
    return [
        patches.Patch(color=VERDICT_COLORS[verdict], label=_VERDICT_TEXTS[verdict])
        for verdict in VERDICT_COLORS
        if any(bar.verdict == verdict for bar in bars)
    ]


def _draw_band(axes: Axes, bars: Sequence[_Bar], confidence: float) -> Any:  # noqa: ANN401
    """Draw where the mean difference of a component that does nothing lies; None if unknown."""
    noise = noise_band(
        [(bar.std, bar.n) for bar in bars if bar.std is not None and bar.n > 1], confidence
    )
    if noise is None:
        return None
    label = f"{100 * confidence:g} % of components that do nothing"
    return axes.axvspan(-noise, noise, color=_BAND_COLOR, label=label, zorder=0.5, linewidth=0)


def _set_limits(axes: Axes, bars: Sequence[_Bar], noise: float) -> None:
    """Show all bars on the axis, with their intervals and the band."""
    ends = [0.0, noise, -noise]
    for bar in bars:
        width = bar.half_width or 0.0
        ends += [bar.value - width, bar.value + width]
    low, high = min(ends), max(ends)
    margin = 0.04 * (high - low) or 1.0
    axes.set_xlim(low - margin, high + margin)


def _mark_beyond(axes: Axes, beyond: Sequence[tuple[int, _Bar]]) -> list[Any]:
    """Write the difference of each bar that leaves the axis at the end where it does."""
    patches = import_optional("matplotlib.lines", "A plot", REMEDY)
    for level, bar in beyond:
        is_high = bar.value > 0
        axes.plot(
            0.985 if is_high else 0.015,
            level,
            marker=">" if is_high else "<",
            color=EDGE_COLOR,
            markersize=7,
            markeredgecolor="white",
            markeredgewidth=0.8,
            transform=axes.get_yaxis_transform(),
            zorder=6,
        )
        axes.annotate(
            f"{bar.value:+.3g}",
            (0.96 if is_high else 0.04, level),
            xycoords=axes.get_yaxis_transform(),
            ha="right" if is_high else "left",
            va="center",
            color="white",
            fontweight="bold",
            fontsize=8,
            zorder=6,
        )
    if not beyond:
        return []
    return [
        patches.Line2D(
            [],
            [],
            linestyle="none",
            marker=">",
            color=EDGE_COLOR,
            label=f"beyond the axis ({len(beyond)})",
        )
    ]
