"""Plots of an experiment's trials, given as plain rows. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from maggy.common.optional import import_optional

__all__ = ["plot_curves", "plot_differences", "plot_metrics", "plot_parameter"]

Row = Mapping[str, Any]


def plot_metrics(rows: Sequence[Row], metric: str, direction: str) -> Any:
    """The final metrics in the order of ending, and the best so far; returns the axes."""
    axes = _axes("trial, in the order of ending", metric)
    points = [(at, row["metric"]) for at, row in enumerate(rows) if row["metric"] is not None]
    choose = max if direction == "max" else min
    best: list[float] = []
    for _, value in points:
        best.append(choose([*best[-1:], value]))
    places = [at for at, _ in points]
    axes.scatter(places, [value for _, value in points], label="trial")
    axes.step(places, best, where="post", label="best so far")
    axes.legend()
    return axes


def plot_differences(differences: Mapping[str, float], metric: str) -> Any:
    """A bar for each component's difference from the base; returns the axes."""
    axes = _axes(f"difference of {metric} from the base", "")
    axes.barh(list(differences), list(differences.values()))
    axes.axvline(0, color="black", linewidth=0.8)
    axes.invert_yaxis()
    return axes


def plot_curves(rows: Sequence[Row], best_id: str | None) -> Any:
    """What each trial reported over the training steps, the best one thicker; returns the axes."""
    axes = _axes("training step", "reported metric")
    for row in rows:
        is_best = row["trial_id"] == best_id
        values = [math.nan if value is None else value for value in row["history"]]
        label = f"best: {best_id}" if is_best else None
        axes.plot(
            row["steps"],
            values,
            linewidth=2.5 if is_best else 0.8,
            label=label,
            zorder=3 if is_best else 2,
        )
    if best_id is not None:
        axes.legend()
    return axes


def plot_parameter(rows: Sequence[Row], name: str, metric: str) -> Any:
    """The final metric over one parameter's value; values that are not all numbers are shown as text."""
    shown = [row for row in rows if row["metric"] is not None and name in row["params"]]
    values = [row["params"][name] for row in shown]
    numbers = all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )
    axes = _axes(name, metric)
    axes.scatter(
        values if numbers else [str(value) for value in values], [row["metric"] for row in shown]
    )
    return axes


def _axes(x_label: str, y_label: str) -> Any:
    pyplot = import_optional("matplotlib.pyplot", "A plot", "pip install 'maggy[plots]'")
    _, axes = pyplot.subplots(layout="constrained")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return axes
