"""The figures of a search that Optuna draws: how the parameters act together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from maggy.common.direction import Direction
from maggy.common.exceptions import MaggyError
from maggy.common.types import Json
from maggy.result.plots import OptunaFigures
from maggy.result.plots.style import LOOKS, counted, look_of
from maggy.result.report.labels import plot_label, plot_number
from maggy.result.report.metric_scale import Figure
from maggy.result.rows import TrialRow, parameter_names
from maggy.searchspace import Searchspace

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

__all__ = ["search_figures"]

_MAX_PARAMETERS = 12
"""Figures of more parameters would be too small to read."""
_MAX_CONTOUR_TRIALS = 100
"""A contour has a point for each pair of trials."""
_MAX_BYTES = 1_500_000
_MAX_IMPORTANCES = 30
_BAR, _BARS_MARGINS = 32, 100  # pixels
_MIN_WIDTH = 640
_SLICE_WIDTH = 260  # pixels for one parameter


def search_figures(
    trials: Sequence[TrialRow], searchspace: Searchspace | None, metric: str, direction: Direction
) -> tuple[list[Figure], list[str]]:
    """Return the figures, and a sentence for each one that cannot be drawn.

    Args:
        trials: The ended trials of a search.
        searchspace: The search space, or None.
        metric: The name of the metric.
        direction: The direction in which it improves.
    """
    specs = {} if searchspace is None else searchspace.to_dict()
    try:
        drawing = OptunaFigures(trials, specs, direction, metric, "The interplay of parameters")
    except MaggyError as error:
        return [], [str(error)]
    finished = [row for row in trials if look_of(row) is LOOKS["finished"]]
    names = parameter_names(finished)
    first_names = names[:_MAX_PARAMETERS]
    figures: list[Figure] = []
    problems = []
    if len(names) > 1:
        try:
            figures.append(_importances(drawing.shares(), len(finished)))
        except Exception as error:  # Optuna and scikit-learn have errors of their own
            problems.append(f"Importances: {type(error).__name__}: {error!s:.200}")
    for title, is_sensible, draw in (
        ("Parallel coordinates", bool(names), lambda: drawing.parallel_coordinate(first_names)),
        ("Slices", bool(names), lambda: drawing.slice(first_names)),
        ("Contours", len(names) > 1, lambda: drawing.contour(None)),
    ):
        if not is_sensible:
            continue
        if title == "Contours" and len(finished) > _MAX_CONTOUR_TRIALS:
            problems.append(
                f"Contours: left out, because {len(finished)} trials take too much space. "
                "result.plot_contour() draws them."
            )
            continue
        try:
            figures.append(_figure(title, draw))
        except Exception as error:  # Optuna and scikit-learn have errors of their own
            problems.append(f"{title}: {type(error).__name__}: {error!s:.200}")
    return figures, problems


def _importances(shares: Mapping[str, float], count: int) -> Figure:
    pairs = sorted(shares.items(), key=lambda pair: pair[1])[-_MAX_IMPORTANCES:]
    names: list[Json] = [plot_label(name) for name, _ in pairs]
    places: list[Json] = list(range(len(pairs)))
    bars: Figure = {
        "type": "bar",
        "orientation": "h",
        "x": [plot_number(share) for _, share in pairs],
        "y": places,
        "text": [_share_text(share) for _, share in pairs],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": "@finished"},
    }
    return {
        "title": "Importance of the parameters",
        "note": f"share of the variation of the metric, by Optuna; {counted(count)} that ran to "
        "the end",
        "height": max(240, _BARS_MARGINS + _BAR * len(pairs)),
        "data": [bars],
        "layout": {
            "xaxis": {"rangemode": "tozero", "zeroline": False},
            "yaxis": {
                "tickvals": places,
                "ticktext": names,
                "showgrid": False,
                "zeroline": False,
            },
        },
    }


def _share_text(share: float) -> str:
    return "<0.01" if 0 < share < 0.005 else f"{share:.2f}"


def _figure(title: str, draw: Callable[[], PlotlyFigure]) -> Figure:
    """Return a figure of plotly as its script takes it, without the look that the page gives it.

    Raises:
        ValueError: If it is too large for the page.
    """
    figure = draw()
    heading = (figure.layout.title.text or "").partition("<sup>")[2].partition("</sup>")[0]
    height, panels = figure.layout.height, len(list(figure.select_xaxes()))
    for name in ("template", "title", "font", "width", "height"):
        figure.layout[name] = None
    for label in figure.layout.annotations:
        label.bgcolor = None
    text = figure.to_json()
    if len(text) > _MAX_BYTES:
        raise ValueError(f"it would take {len(text) / 1e6:.1f} MB")
    content = json.loads(text)
    # A trace without points, as on the diagonal of contours, makes the script complain.
    traces: list[Json] = [
        trace for trace in content["data"] if "x" in trace or "dimensions" in trace
    ]
    return {
        "title": title,
        "note": heading,
        "data": traces,
        "layout": content["layout"],
        "wide": True,
        **({"height": height} if height else {}),
        "minWidth": max(_MIN_WIDTH, panels * _SLICE_WIDTH if title == "Slices" else 0),
    }
