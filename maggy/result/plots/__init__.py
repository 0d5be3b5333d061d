"""Plots of an experiment's trials. matplotlib and plotly are imported when one is drawn."""

from maggy.result.plots.curves import plot_curves
from maggy.result.plots.differences import plot_differences
from maggy.result.plots.history import plot_history
from maggy.result.plots.lineage import plot_lineage
from maggy.result.plots.optuna_figures import OptunaFigures
from maggy.result.plots.parameter import plot_parameter
from maggy.result.plots.timeline import plot_timeline

__all__ = [
    "OptunaFigures",
    "plot_curves",
    "plot_differences",
    "plot_history",
    "plot_lineage",
    "plot_parameter",
    "plot_timeline",
]
