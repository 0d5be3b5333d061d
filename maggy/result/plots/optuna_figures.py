"""Figures of plotly that Optuna draws of a result's study: how parameters act together."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError, NotSupportedError
from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.optuna_bridge.study import to_study
from maggy.optuna_bridge.tools import quiet
from maggy.result.plots.limits import is_beyond, worst_on_axis
from maggy.result.plots.metric_axis import direction_text
from maggy.result.plots.style import LOOKS, TEXT_COLOR, counted, look_of
from maggy.result.rows import TrialRow, parameter_names, sort_rows
from maggy.searchspace.parameter_rules import WrittenSpec

if TYPE_CHECKING:
    from optuna import Study
    from plotly.graph_objects import Figure

__all__ = ["OptunaFigures"]

_REMEDY = install_command("optuna")
_MAX_CONTOURS = 4
"""Contours of more parameters would be too small to read."""
_MIN_TRIALS = 2
_MAX_CONTOUR_TRIALS = 150
"""A contour has a grid of all values of one parameter by all of the other.

A browser takes minutes for that of 1,000 trials.
"""
_MAX_CATEGORY = 16
_MAX_AXIS_TITLE = 20
"""Maximum number of characters beside one of several contours."""
_CHARACTERS = 120  # in a row of a figure of the usual width


class OptunaFigures:
    """Draw the finished trials of a search with Optuna.

    A diverged trial would leave all others the same colour. So metrics that are beyond the axis of
    our own plots count as the worst metric on it, and the title says how many they are.

    Args:
        rows: The trials. Optuna draws those that ran to their end.
        specs: The search space as a dict.
        direction: The direction in which the metric improves.
        metric: The name of the metric.
        name: The method that the user called, for errors.

    Raises:
        MissingDependencyError: If Optuna or plotly is not installed.
        NotSupportedError: If fewer than two trials ran to their end.
    """

    def __init__(
        self,
        rows: Sequence[TrialRow],
        specs: Mapping[str, WrittenSpec],
        direction: Direction,
        metric: str,
        name: str,
    ) -> None:
        for package in ("optuna", "plotly"):
            import_optional(package, name, _REMEDY)
        self._finished = [row for row in rows if look_of(row) is LOOKS["finished"]]
        if len(self._finished) < _MIN_TRIALS:
            raise NotSupportedError(
                f"{name} needs at least two trials that ran to their end, but there "
                f"{'is one' if self._finished else 'are none'}."
            )
        self._specs = specs
        self._direction = direction
        self._metric = metric
        self._name = name

    def importances(self) -> Figure:
        """Return bars of the parameters' importances, the most important one on top."""
        from optuna.visualization import plot_param_importances

        # This is a matter of ranks, which a diverged trial does not disturb.
        study, _ = self._make_study(self._finished, clips=False)
        figure = plot_param_importances(study)
        figure.update_traces(marker_color=LOOKS["finished"].color)
        figure.update_layout(xaxis_title="share of the variation", yaxis_title="parameter")
        return self._finish(figure, "Importance of the parameters for", self._finished)

    def shares(self) -> dict[str, float]:
        """Return the importance of each parameter, the most important one first."""
        from optuna.importance import get_param_importances

        study, _ = self._make_study(self._finished, clips=False)
        with quiet():
            importances: dict[str, float] = get_param_importances(study)
        return importances

    def parallel_coordinate(self, parameters: Sequence[str] | None) -> Figure:
        """Return a line for each trial over all parameters."""
        from optuna.visualization import plot_parallel_coordinate

        names = self._checked(parameters)
        figure = self._draw(plot_parallel_coordinate, names, "Parameters and")
        # The value of a category stands to the left of its axis, and must end before the next one.
        limit = max(6, _CHARACTERS // (len(names) + 1))
        for label in figure.layout.annotations:
            label.update(text=_short_text(label.text, limit), bgcolor="rgba(255, 255, 255, 0.7)")
        return figure

    def contour(self, parameters: Sequence[str] | None) -> Figure:
        """Return the metric over each pair of the parameters, or of the most important ones."""
        from optuna.visualization import plot_contour

        names = self._checked(parameters)
        if len(names) < 2:
            raise BadArgumentsError(
                f"{self._name} needs at least two parameters, but got {names!r:.200}."
            )
        words = "Pairs of parameters and"
        if parameters is None and len(names) > _MAX_CONTOURS:
            words = f"Pairs of the {_MAX_CONTOURS} most important of {len(names)} parameters and"
            names = self._most_important(names)
        rows = self._sample(_MAX_CONTOUR_TRIALS)
        figure = self._draw(plot_contour, names, words, rows)
        figure.update_traces(line_width=0, selector={"type": "contour"})
        small = {"size": 3, "line": {"width": 0}, "color": TEXT_COLOR}
        figure.update_traces(marker=small, selector={"type": "scatter"})
        figure.update_layout(height=max(500, 220 * len(names)) if len(names) > 2 else 500)
        if len(names) > 2:
            for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
                if axis.title.text:
                    axis.title.text = _short_text(axis.title.text, _MAX_AXIS_TITLE)
        aliases = self._aliases()
        figure.update_xaxes(labelalias=aliases).update_yaxes(labelalias=aliases)
        return _with_powers(figure)

    def slice(self, parameters: Sequence[str] | None) -> Figure:
        """Return the metric over each parameter, side by side."""
        from optuna.visualization import plot_slice

        figure = self._draw(plot_slice, self._checked(parameters), "Each parameter and")
        figure.update_xaxes(labelalias=self._aliases())
        return _with_powers(figure)

    def _checked(self, parameters: Sequence[str] | None) -> list[str]:
        names = parameter_names(self._finished)
        if parameters is None:
            return names
        if isinstance(parameters, str) or not set(parameters) <= set(names):
            raise BadArgumentsError(
                f"The parameters must be a list of the experiment's ({', '.join(names)}), "
                f"but got {parameters!r:.200}."
            )
        return list(dict.fromkeys(parameters))

    def _most_important(self, names: Sequence[str]) -> list[str]:
        importances = self.shares()
        return sorted(names, key=lambda name: -importances.get(name, 0.0))[:_MAX_CONTOURS]

    def _sample(self, limit: int) -> list[TrialRow]:
        """Return trials evenly from the best to the worst, at most ``limit`` of them."""
        rows = sort_rows(self._finished, self._direction)
        if len(rows) <= limit:
            return self._finished
        last = len(rows) - 1
        return [rows[round(position * last / (limit - 1))] for position in range(limit)]

    def _make_study(self, rows: Sequence[TrialRow], *, clips: bool) -> tuple[Study, int]:
        """Return a study, and the number of metrics beyond the axis, which it clips on demand."""
        all_metrics = [row["metric"] for row in self._finished if row["metric"] is not None]
        worst = worst_on_axis(all_metrics, self._direction)
        metrics = [row["metric"] for row in rows if row["metric"] is not None]
        is_clipped = [clips and is_beyond(metric, worst, self._direction) for metric in metrics]
        clipped = [
            {**row, "metric": worst} if clip else {**row}
            for row, clip in zip(rows, is_clipped, strict=True)
        ]
        study: Study = to_study(clipped, self._specs, self._direction.value, self._metric)
        return study, sum(is_clipped)

    def _aliases(self) -> dict[str, str]:
        """Return what stands beside an axis for each category, as Optuna writes it."""
        texts = {
            value
            for row in self._finished
            for value in row["params"].values()
            if isinstance(value, str)
        }
        return {
            label: _short_text(text, _MAX_CATEGORY)
            for text in texts
            for label in (text, repr(text))
        }

    def _draw(
        self,
        plot: Callable[..., Figure],
        names: Sequence[str],
        words: str,
        sample: Sequence[TrialRow] | None = None,
    ) -> Figure:
        rows = self._finished if sample is None else sample
        study, count = self._make_study(rows, clips=True)
        with quiet():
            figure = plot(study, params=list(names), target_name=html.escape(self._metric))
        return self._finish(figure, words, rows, count)

    def _finish(
        self, figure: Figure, words: str, rows: Sequence[TrialRow], count: int = 0
    ) -> Figure:
        """Set the title and the style."""
        selection = f"{len(rows)} of " if len(rows) < len(self._finished) else ""
        beyond = f"; {counted(count)} beyond the axis drawn at its end" if count else ""
        figure.update_layout(
            template="plotly_white",
            title={
                "text": f"<b>{words} {html.escape(self._metric)}</b><br><sup>{selection}"
                f"{counted(len(self._finished))} that ran to the end, "
                f"{direction_text(self._direction)}{beyond}</sup>",
                "x": 0.02,
                "xanchor": "left",
                "y": 0.97,
                "yanchor": "top",
                "yref": "container",
            },
            font={"color": TEXT_COLOR},
        )
        return figure


def _with_powers(figure: Figure) -> Figure:
    """Let axes say 10 to the power of -4, and not 100 micro, which stands beside 0.001."""
    power = {"exponentformat": "power"}
    return figure.update_xaxes(power).update_yaxes(power)


def _short_text(text: str, limit: int) -> str:
    """Return a text that is not too long; a longer one loses its middle."""
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]}…{text[half + 1 - limit :]}"
