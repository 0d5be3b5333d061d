"""The methods of a result that draw it. What they draw is decided in ``maggy/result/plots``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError, NotSupportedError
from maggy.result import plots
from maggy.result.differences import ComponentDifference
from maggy.result.rows import TrialRow, parameter_names
from maggy.searchspace import Searchspace
from maggy.searchspace.parameter import Parameter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from plotly.graph_objects import Figure

__all__ = ["Drawable"]


class Drawable:
    """Draw the trials of an experiment.

    The methods with an argument ``ax`` use matplotlib, the others Optuna and plotly. Metrics that
    are so much worse than most that they would hide all differences are marked at the edge of the
    axis and counted in the legend, and so are failed trials.

    Attributes:
        trials: See :class:`~maggy.result.ExperimentResult`, like the others.
        kind: ``"optimization"`` or ``"ablation"``.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric.
        confidence: The confidence of intervals and verdicts.
        searchspace: The search space, or None.
    """

    trials: list[TrialRow]
    kind: str
    direction: str
    optimization_key: str
    confidence: float
    searchspace: Searchspace | None

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the outcome: a search's metrics with the best so far, an ablation's differences.

        A search's trials stand in the order of ending. An ablation's components are sorted by
        effect. With repeats they have intervals and colours for their verdicts, and a band shows
        where the mean difference of a component that does nothing lies.

        Args:
            ax: The axes of matplotlib to draw on; None for a new figure.

        Returns:
            The axes of matplotlib.

        Raises:
            MissingDependencyError: If matplotlib is not installed.
            NotSupportedError: If an ablation has not a single difference.
        """
        if self.kind != "ablation":
            return plots.plot_history(self.trials, self.optimization_key, self._direction, ax)
        differences = [entry for entry in self._differences if entry["difference"] is not None]
        if not differences:
            raise NotSupportedError(
                "A plot of the differences needs the base trial and a component that succeeded."
            )
        return plots.plot_differences(
            differences, self.optimization_key, self._direction, self.confidence, ax
        )

    def plot_curves(self, ax: Axes | None = None) -> Axes:
        """Draw the values that each trial reported over the training steps, the best trial on top.

        Trials that were stopped early or failed are marked at their last point.

        Args:
            ax: The axes of matplotlib to draw on; None for a new figure.

        Returns:
            The axes of matplotlib.

        Raises:
            MissingDependencyError: If matplotlib is not installed.
        """
        return plots.plot_curves(
            self.trials, self.optimization_key, self._direction, self._best_id, ax
        )

    def plot_parameter(self, name: str, ax: Axes | None = None) -> Axes:
        """Draw the final metric of each trial over the value of one parameter.

        The axis has the parameter's own scale and bounds, and listed values in the order of the
        space. For a parameter that is not in the search space, such as a budget, numbers have a
        linear scale, and other values are categories in the order of their appearance.

        Args:
            name: The parameter.
            ax: The axes of matplotlib to draw on; None for a new figure.

        Returns:
            The axes of matplotlib. If the names of categories need more space, they stand on the
            vertical axis, and the metric on the horizontal one.

        Raises:
            BadArgumentsError: If there is no such parameter.
            MissingDependencyError: If matplotlib is not installed.
        """
        names = parameter_names(self.trials)
        if name not in names:
            raise BadArgumentsError(
                f"The parameter must be one of the experiment's ({', '.join(names) or 'none'}), "
                f"but got {name!r}."
            )
        specs = {} if self.searchspace is None else self.searchspace.to_dict()
        parameter = Parameter.parse(name, specs[name]) if name in specs else None
        return plots.plot_parameter(
            self.trials, name, parameter, self.optimization_key, self._direction, ax
        )

    def plot_timeline(self, ax: Axes | None = None) -> Axes:
        """Draw which trials each worker ran, and when; idle time is pale.

        Records of older releases do not say which worker ran a trial. Such trials are packed into
        as few lanes as possible, and the title says so. Of a trial that lost its worker only the
        last run is recorded.

        Args:
            ax: The axes of matplotlib to draw on; None for a new figure.

        Returns:
            The axes of matplotlib.

        Raises:
            MissingDependencyError: If matplotlib is not installed.
        """
        return plots.plot_timeline(self.trials, self._best_id, ax)

    def plot_lineage(self, ax: Axes | None = None) -> Axes:
        """Draw which trial continues which one: turns of a population, or promotions.

        Each trial stands at its budget and its final metric, with a line from its ``parent``. Where
        a member of a population has copied another one, the line is dashed. The lines that lead to
        the best trial are black.

        Args:
            ax: The axes of matplotlib to draw on; None for a new figure.

        Returns:
            The axes of matplotlib.

        Raises:
            MissingDependencyError: If matplotlib is not installed.
        """
        return plots.plot_lineage(
            self.trials,
            self.optimization_key,
            self._direction,
            self._best_id,
            () if self.searchspace is None else self.searchspace.keys(),
            ax,
        )

    def plot_importances(self) -> Figure:
        """Draw how much each parameter contributes to the metric, with Optuna.

        Only trials that ran to their end count, as in the other plots of Optuna.

        Returns:
            A figure of plotly.

        Raises:
            MissingDependencyError: If Optuna or plotly is not installed.
            NotSupportedError: If the experiment is an ablation, or fewer than two trials ran to
                their end.
        """
        return self._optuna_figures("plot_importances()").importances()

    def plot_parallel_coordinate(self, parameters: Sequence[str] | None = None) -> Figure:
        """Draw a line for each trial over its parameters and its metric, with Optuna.

        Args:
            parameters: The names of the parameters; None for all.

        Returns:
            A figure of plotly.

        Raises:
            BadArgumentsError: If a parameter is not one of the experiment's.
            MissingDependencyError: If Optuna or plotly is not installed.
            NotSupportedError: See :meth:`plot_importances`.
        """
        figures = self._optuna_figures("plot_parallel_coordinate()")
        return figures.parallel_coordinate(parameters)

    def plot_contour(self, parameters: Sequence[str] | None = None) -> Figure:
        """Draw the metric over each pair of parameters, with Optuna.

        Of more than 150 trials a sample is drawn, evenly from the best one to the worst.

        Args:
            parameters: The names of two parameters or more; None for all, or the four most
                important ones of more than four.

        Returns:
            A figure of plotly.

        Raises:
            BadArgumentsError: If there are fewer than two parameters, or one is not the
                experiment's.
            MissingDependencyError: If Optuna or plotly is not installed.
            NotSupportedError: See :meth:`plot_importances`.
        """
        return self._optuna_figures("plot_contour()").contour(parameters)

    def plot_slice(self, parameters: Sequence[str] | None = None) -> Figure:
        """Draw the metric over each parameter, side by side, with Optuna.

        Args:
            parameters: The names of the parameters; None for all.

        Returns:
            A figure of plotly.

        Raises:
            BadArgumentsError: If a parameter is not one of the experiment's.
            MissingDependencyError: If Optuna or plotly is not installed.
            NotSupportedError: See :meth:`plot_importances`.
        """
        return self._optuna_figures("plot_slice()").slice(parameters)

    @property
    def _direction(self) -> Direction:
        return Direction.parse(self.direction)

    @property
    def _best_id(self) -> str | None:
        raise NotImplementedError

    @property
    def _differences(self) -> list[ComponentDifference]:
        raise NotImplementedError

    def _optuna_figures(self, name: str) -> plots.OptunaFigures:
        if self.kind == "ablation":
            raise NotSupportedError(
                f"{name} draws the parameters of a search, but this is an ablation. plot() draws "
                "its components."
            )
        specs = {} if self.searchspace is None else self.searchspace.to_dict()
        return plots.OptunaFigures(self.trials, specs, self._direction, self.optimization_key, name)
