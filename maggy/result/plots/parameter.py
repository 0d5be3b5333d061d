"""The plot of one parameter: the metric of each trial over its value, on the parameter's scale."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maggy.common.direction import Direction
from maggy.common.json_values import as_number, json_key
from maggy.common.types import ParameterValue
from maggy.result.plots.metric_axis import MetricAxis, Place, direction_text
from maggy.result.plots.style import (
    add_legend,
    counted,
    inches_of,
    set_texts,
    short,
    styled_axes,
    text_inches,
    use_integer_ticks,
)
from maggy.result.rows import TrialRow
from maggy.searchspace.parameter import INTEGER, LISTED, Parameter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_parameter"]

_WIDTH, _HEIGHT = 7.0, 4.4
_MARGINS = 0.8  # in inches, for what stands beside the axes
_LINE = 0.24  # the height of a row of categories, in inches
_MIN_LINE = 0.18
_MAX_HEIGHT = 15.0
_ABOVE_AND_BELOW = 1.4
_GOLDEN = 0.618034
_MARGIN = 0.04  # beside the bounds, as a share of the scale
_LARGEST = 1e307  # matplotlib needs larger numbers for ticks


@dataclass(frozen=True)
class _Categories:
    """The categories of a parameter in their order, and the place of each trial."""

    names: list[str]
    places: list[Place]


def plot_parameter(
    rows: Sequence[TrialRow],
    name: str,
    parameter: Parameter | None,
    metric: str,
    direction: Direction,
    axes: Axes | None = None,
) -> Axes:
    """Draw the final metric over the value of one parameter.

    Args:
        rows: The trials. Those without the parameter are left out and counted.
        name: The name of the parameter.
        parameter: The parameter in the search space, or None if there is none. Then numbers have a
            linear scale, and other values are categories in the order of their appearance.
        metric: The name of the metric.
        direction: The direction in which the metric improves.
        axes: The axes to draw on; None for a new figure.
    """
    group = [row for row in rows if name in row["params"]]
    values = [row["params"][name] for row in group]
    is_listed = parameter is not None and parameter.type in LISTED
    numbers = [] if is_listed else [as_number(value) for value in values]
    title = f"{short(metric)} by {short(name)} ({direction_text(direction)})"
    others = len(rows) - len(group)
    label = short(name) + (f" ({counted(others)} without it)" if others else "")
    if is_listed or None in numbers:
        categories = _categorize(group, values, parameter if is_listed else None)
        return _draw_categories(categories, title, label, short(metric), direction, axes)
    width, _ = inches_of(axes, _WIDTH - _MARGINS, _HEIGHT)
    with styled_axes(axes, _WIDTH, _HEIGHT) as plot_axes:
        set_texts(plot_axes, width, title=title, x=label, y=short(metric))
        axis = MetricAxis(plot_axes, direction)
        _set_scale(plot_axes, parameter, [number for number in numbers if number is not None])
        axis.draw(
            [
                Place(float(number), row)
                for number, row in zip(numbers, group, strict=True)
                if number is not None
            ]
        )
        add_legend(plot_axes, axis.handles, width)
    return plot_axes


def _set_scale(axes: Axes, parameter: Parameter | None, numbers: Sequence[float]) -> None:
    """Set the scale and the limits of a parameter with numbers."""
    ends: tuple[ParameterValue, ParameterValue] = (
        (min(numbers), max(numbers)) if parameter is None else parameter.ends
    )
    low, high = ends
    if parameter is not None and parameter.log:
        is_binary = parameter.type == INTEGER and _is_power_of_two(low) and _is_power_of_two(high)
        axes.set_xscale("log", base=2 if is_binary else 10)
        # The ratio of the bounds may be too large for a float.
        factor = math.exp(_MARGIN * (math.log(high) - math.log(low)))
        axes.set_xlim(max(low / factor, sys.float_info.min), min(high * factor, _LARGEST))
        if is_binary:
            axes.xaxis.set_major_formatter("{x:.0f}")
        return
    margin = _MARGIN * (high - low) or abs(low) * 0.1 or 1.0
    axes.set_xlim(low - margin, high + margin)
    if all(number == int(number) for number in (low, high, *numbers)):
        use_integer_ticks(axes)


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _categorize(
    rows: Sequence[TrialRow], values: Sequence[ParameterValue], parameter: Parameter | None
) -> _Categories:
    """Return the categories in the order of the space, or of appearance if there is no space."""
    order = [] if parameter is None else parameter.distinct
    keys = list(dict.fromkeys(map(json_key, [*order, *values])))
    names = {json_key(value): _category_name(value) for value in [*order, *values]}
    counts = dict.fromkeys(keys, 0)
    places = []
    for row, value in zip(rows, values, strict=True):
        key = json_key(value)
        counts[key] += 1
        # Multiples of the golden ratio spread trials evenly, so that fewer cover each other.
        shift = (counts[key] * _GOLDEN) % 1 - 0.5
        places.append(Place(keys.index(key) + 0.5 * shift, row))
    return _Categories([names[key] for key in keys], places)


def _category_name(value: ParameterValue) -> str:
    return short(value if isinstance(value, str) else json_key(value))


def _draw_categories(
    categories: _Categories,
    title: str,
    label: str,
    metric: str,
    direction: Direction,
    axes: Axes | None,
) -> Axes:
    """Draw categories from left to right if their names have space there, else from the top."""
    names = categories.names
    longest = text_inches(names)
    width, height = inches_of(axes, _WIDTH - _MARGINS, _HEIGHT - _ABOVE_AND_BELOW)
    is_upright = len(names) * (longest + 0.15) <= width
    if axes is None and not is_upright:
        width -= 0.5
        height = min(_MAX_HEIGHT, max(height, _LINE * len(names)))
    # The names on the horizontal axis take no width, the others a column of their own.
    beside = _MARGINS + (0.0 if is_upright else longest)
    with styled_axes(axes, width + beside, height + _ABOVE_AND_BELOW) as plot_axes:
        set_texts(
            plot_axes,
            width,
            title=title,
            x=label if is_upright else metric,
            y=metric if is_upright else label,
        )
        axis = MetricAxis(plot_axes, direction, "y" if is_upright else "x")
        axis.draw(categories.places)
        # Names that have no space are left out evenly.
        rows = max(1, int(height / _MIN_LINE))
        stride = 1 if is_upright else -(-len(names) // rows)
        ticks = range(0, len(names), stride)
        if is_upright:
            plot_axes.set_xticks(ticks, [names[tick] for tick in ticks])
            plot_axes.set_xlim(-0.6, len(names) - 0.4)
            plot_axes.grid(False, axis="x")
        else:
            plot_axes.set_yticks(ticks, [names[tick] for tick in ticks])
            plot_axes.set_ylim(len(names) - 0.4, -0.6)
            plot_axes.grid(False, axis="y")
        add_legend(plot_axes, axis.handles, width)
    return plot_axes
