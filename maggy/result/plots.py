"""Plots of an experiment's trials. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from maggy.ablation.component import Component
from maggy.common.direction import Direction
from maggy.common.optional import import_optional
from maggy.result.differences import ComponentDifference
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REMEDY = "pip install 'maggy[plots]'"
_VERDICT_COLORS = {
    None: "tab:blue",
    "helps": "tab:green",
    "hurts": "tab:red",
    "inconclusive": "tab:grey",
}

__all__ = ["plot_curves", "plot_differences", "plot_metrics", "plot_parameter"]


def plot_metrics(rows: Sequence[TrialRow], metric: str, direction: Direction) -> Axes:
    """Draw the final metrics in the order of ending, and the best one so far.

    Args:
        rows: The trials. Failed ones leave a gap.
        metric: The name of the metric.
        direction: The direction in which it improves.
    """
    axes = _new_axes("trial, in the order of ending", metric)
    points = [
        (position, row["metric"]) for position, row in enumerate(rows) if row["metric"] is not None
    ]
    # Failed trials keep their position, so that the axis shows how many have ended.
    best: list[float] = []
    for _, value in points:
        best.append(direction.best([*best[-1:], value]))
    positions = [position for position, _ in points]
    axes.scatter(positions, [value for _, value in points], label="trial")
    axes.step(positions, best, where="post", label="best so far")
    axes.legend()
    return axes


def plot_differences(
    differences: Sequence[ComponentDifference], metric: str, confidence: float
) -> Axes:
    """Draw a bar for the difference of each component from the base, sorted by effect.

    With repeats each bar has the interval and the colour of its verdict, and a band around 0 shows
    where the mean difference of a component that does nothing lies.

    Args:
        differences: The components that have a difference.
        metric: The name of the metric.
        confidence: The confidence of the intervals, and the share of such means in the band.
    """
    axes = _new_axes(f"difference of {metric} from the base", "")
    entries = sorted(differences, key=lambda entry: entry["difference"] or 0)
    names = [Component.from_params(entry).describe() for entry in entries]
    values = [entry["difference"] or 0 for entry in entries]
    verdicts = [entry.get("verdict") for entry in entries]
    axes.barh(names, values, color=[_VERDICT_COLORS[verdict] for verdict in verdicts])
    intervals = [
        (name, value, low, high)
        for name, value, entry in zip(names, values, entries, strict=True)
        if (low := entry.get("ci_low")) is not None and (high := entry.get("ci_high")) is not None
    ]
    for name, value, low, high in intervals:
        axes.errorbar(value, name, xerr=[[value - low], [high - value]], color="black", capsize=3)
    if intervals:
        half_widths = [(high - low) / 2 for _, _, low, high in intervals]
        noise = math.sqrt(math.fsum(width**2 for width in half_widths) / len(half_widths))
        label = f"{100 * confidence:g} % of components that do nothing"
        band = axes.axvspan(-noise, noise, color="grey", alpha=0.2, label=label, zorder=0)
        patches = import_optional("matplotlib.patches", "A plot", _REMEDY)
        verdict_handles = [
            patches.Patch(color=_VERDICT_COLORS[verdict], label=verdict or "no verdict")
            for verdict in dict.fromkeys(verdicts)
        ]
        # Below the axes, where it hides no bar.
        figure = axes.get_figure()
        assert figure is not None
        figure.legend(handles=[*verdict_handles, band], loc="outside lower center", ncols=2)
    axes.axvline(0, color="black", linewidth=0.8)
    # Bars start at the bottom, but the first component belongs to the top.
    axes.invert_yaxis()
    return axes


def plot_curves(rows: Sequence[TrialRow], best_id: str | None) -> Axes:
    """Draw the reported values of each trial over the training steps, the best trial thicker.

    Args:
        rows: The trials.
        best_id: The id of the best trial, or None.
    """
    axes = _new_axes("training step", "reported metric")
    for row in rows:
        is_best = row["trial_id"] == best_id
        axes.plot(
            row["steps"],
            # matplotlib leaves a gap at NaN, which the record holds as None.
            [math.nan if value is None else value for value in row["history"]],
            linewidth=2.5 if is_best else 0.8,
            label=f"best: {best_id}" if is_best else None,
            # Later lines would otherwise cover it.
            zorder=3 if is_best else 2,
        )
    if best_id is not None:
        axes.legend()
    return axes


def plot_parameter(rows: Sequence[TrialRow], name: str, metric: str) -> Axes:
    """Draw the final metric over the value of one parameter.

    Args:
        rows: The trials.
        name: The parameter. If not all its values are numbers, they are categories, in text.
        metric: The name of the metric.
    """
    points = [
        (row["params"][name], row["metric"])
        for row in rows
        if row["metric"] is not None and name in row["params"]
    ]
    values = [value for value, _ in points]
    # matplotlib would place texts and numbers on one axis in the order of appearance.
    are_numbers = all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )
    axes = _new_axes(name, metric)
    axes.scatter(
        values if are_numbers else [str(value) for value in values],
        [final_metric for _, final_metric in points],
    )
    return axes


def _new_axes(x_label: str, y_label: str) -> Axes:
    pyplot = import_optional("matplotlib.pyplot", "A plot", _REMEDY)
    axes: Axes = pyplot.subplots(layout="constrained")[1]
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return axes
