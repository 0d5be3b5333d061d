"""The result of an experiment: a dict that also shows itself as tables and plots.

It writes no records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis
from maggy.ablation.statistics import mean
from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError, NotSupportedError
from maggy.common.text_table import TextTable
from maggy.optuna_bridge.study import to_study
from maggy.result import plots, tables
from maggy.result.component_table import component_table, verdict_note
from maggy.result.differences import compare_with_base
from maggy.result.rows import TrialRow, make_row
from maggy.searchspace import Searchspace
from maggy.trial import Trial

if TYPE_CHECKING:
    import optuna
    import pandas
    from matplotlib.axes import Axes

__all__ = ["ExperimentResult", "build_result"]


class ExperimentResult(dict[str, Any]):
    """The result of an experiment: a dict of plain JSON values with tables and plots.

    Keys: ``best_id``, ``best_val``, ``best_config`` and the same with ``worst_``, ``avg``,
    ``metric_list``, ``num_trials``, ``early_stopped``, ``failed``. A search has ``best_hp`` and
    ``worst_hp``, too, and an ablation ``differences`` and what its ablator adds. All of them cover
    the trials that ended with a metric; ``failed`` counts the others.

    Example:
        >>> result = build_result(
        ...     [], kind="optimization", direction="max", optimization_key="metric"
        ... )
        >>> result["num_trials"], result["best_id"]
        (0, None)

    Args:
        values: The keys and values of the dict.
        trials: The attribute of this name.
        kind: The attribute of this name.
        direction: The attribute of this name.
        optimization_key: The attribute of this name.
        confidence: The attribute of this name.
        directory: The attribute of this name.
        searchspace: The attribute of this name.
        state: The attribute of this name.
        running: The attribute of this name.

    Attributes:
        trials: A dict for each ended trial, in the order of ending: ``trial_id``, ``number`` (from
            1, in the order of suggestion), ``status``, ``params``, ``metric``, ``early_stop``,
            ``duration`` (milliseconds), ``start`` (seconds since the epoch), ``attempts``,
            ``steps``, ``history``, ``outputs``, ``error``. A trial that ran has ``worker``, too:
            the number of its last worker, from 0. One that a rule stopped has ``stop_reason``.
        kind: ``"optimization"`` or ``"ablation"``; ``"single"`` if a function ran once and the
            experiment was opened with ``maggy.load``.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric.
        confidence: The confidence of intervals and verdicts in an ablation with repeats.
        directory: The directory of the experiment, or None.
        searchspace: The search space, or None.
        state: ``"FINISHED"``, or ``"KILLED"`` if the time of ``max_seconds`` was up. One that was
            opened with ``maggy.load`` may also be ``"RUNNING"`` or ``"FAILED"``.
        running: The trials that run, with the keys of ``trials``. Only an experiment that was
            opened with ``maggy.load`` has any.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        # These are attributes and not keys, so that the dict is what result.json holds.
        trials: Sequence[TrialRow] = (),
        kind: str = "optimization",
        direction: str = "max",
        optimization_key: str = "metric",
        confidence: float = 0.95,
        directory: str | None = None,
        searchspace: Searchspace | None = None,
        state: str = "FINISHED",
        running: Sequence[TrialRow] = (),
    ) -> None:
        super().__init__(values)
        self.trials = list(trials)
        self.kind = kind
        self.direction = direction
        self.optimization_key = optimization_key
        self.confidence = confidence
        self.directory = directory
        self.searchspace = searchspace
        self.state = state
        self.running = list(running)

    def to_pandas(self) -> pandas.DataFrame:
        """Return the trials as a data frame with one row a trial and one column a parameter.

        A parameter that is called like another column gets the prefix ``param_``.

        Raises:
            MissingDependencyError: If pandas is not installed.
        """
        return tables.data_frame(self.trials)

    def to_optuna_study(
        self,
        storage: str | optuna.storages.BaseStorage | None = None,
        study_name: str | None = None,
    ) -> optuna.Study:
        """Return the trials as a study for Optuna's plots, dashboard and analyses.

        A trial that was stopped early is PRUNED there, and a failed one FAIL. Optuna's best trial
        is the best of those that ran to their end. Values reported at steps below 0 are omitted;
        other steps are rounded down.

        Args:
            storage: The place of the study, as ``optuna.create_study`` takes it:
                ``"sqlite:///study.db"``. None keeps it in memory.
            study_name: The name of the study. None lets Optuna choose one.

        Raises:
            MissingDependencyError: If Optuna is not installed.
        """
        space = {} if self.searchspace is None else self.searchspace.to_dict()
        study: optuna.Study = to_study(
            self.trials, space, self.direction, self.optimization_key, storage, study_name
        )
        return study

    def plot(self) -> Axes:
        """Draw the outcome: a search's metrics with the best so far, an ablation's differences.

        Returns:
            The axes of matplotlib.

        Raises:
            MissingDependencyError: If matplotlib is not installed.
            NotSupportedError: If an ablation has not a single difference.
        """
        if self.kind != "ablation":
            direction = Direction.parse(self.direction)
            return plots.plot_metrics(self.trials, self.optimization_key, direction)
        differences = [entry for entry in self["differences"] if entry["difference"] is not None]
        if not differences:
            raise NotSupportedError(
                "A plot of the differences needs the base trial and a component that succeeded."
            )
        return plots.plot_differences(differences, self.optimization_key, self.confidence)

    def plot_curves(self) -> Axes:
        """Draw the values that each trial reported over the training steps, the best trial thicker.

        Returns:
            The axes of matplotlib.

        Raises:
            MissingDependencyError: If matplotlib is not installed.
        """
        return plots.plot_curves(self.trials, self.get("best_id"))

    def plot_parameter(self, name: str) -> Axes:
        """Draw the final metric of each trial over the value of one parameter.

        Args:
            name: The parameter. If not all its values are numbers, they are drawn as categories.

        Returns:
            The axes of matplotlib.

        Raises:
            BadArgumentsError: If there is no such parameter.
            MissingDependencyError: If matplotlib is not installed.
        """
        names = tables.parameter_columns(self.trials)
        if name not in names:
            raise BadArgumentsError(
                f"The parameter must be one of the experiment's ({', '.join(names) or 'none'}), "
                f"but got {name!r}."
            )
        return plots.plot_parameter(self.trials, name, self.optimization_key)

    def to_markdown(self) -> str:
        """Return the table of an ablation's components, or of the trials, in GitHub's Markdown."""
        return self._table().to_markdown()

    def to_latex(self) -> str:
        """Return the table of an ablation's components, or of the trials, in LaTeX.

        It is a ``tabular`` with the rules of the package booktabs.
        """
        return self._table().to_latex()

    def summary(self) -> pandas.DataFrame:
        """Return the components of an ablation as a data frame with one row a component.

        The columns are ``component``, which describes it, and the keys of
        ``result["differences"]``.

        Raises:
            MissingDependencyError: If pandas is not installed.
            NotSupportedError: If the experiment is no ablation.
        """
        if self.kind != "ablation":
            raise NotSupportedError(
                "summary() has a row for each component of an ablation, but this is a search. "
                "to_pandas() has a row for each trial."
            )
        return tables.component_frame(self["differences"])

    def _table(self) -> TextTable:
        if "base" in self:
            return component_table(
                self["differences"],
                self["base"],
                self.trials,
                metric=self.optimization_key,
                confidence=self.confidence,
            )
        return tables.trial_table(
            self.trials,
            metric=self.optimization_key,
            direction=Direction.parse(self.direction),
            differences=self.get("differences", ()),
        )

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows.

        It shows an ablation's components if there are repeats, and otherwise the trials, the best
        ones first and failed ones last.
        """
        caption = (
            f"{self.get('num_trials', 0)} trials, {self.get('failed', 0)} failed, "
            f"{self.get('early_stopped', 0)} stopped early, direction {self.direction}"
        )
        note = verdict_note(self["differences"]) if "base" in self else ""
        return self._table().to_html(f"{caption}. {note}" if note else caption, tables.MAX_ROWS)


def build_result(
    trials: Sequence[Trial],
    *,
    kind: str,
    direction: str,
    optimization_key: str,
    confidence: float = 0.95,
    analysis: Analysis | None = None,
) -> ExperimentResult:
    """Return the result of an experiment.

    A trial has succeeded if it is FINALIZED with a finite metric. The first of equal metrics to
    end is the best one, and also the worst one. Without a success the best, the worst and the
    average are None.

    Args:
        trials: The ended trials (FINALIZED or ERROR), in the order in which they ended.
        kind: ``"optimization"``, ``"ablation"`` or ``"single"``.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric.
        confidence: The confidence of intervals and verdicts in an ablation with repeats.
        analysis: What the ablator adds to the result of an ablation.

    Raises:
        BadArgumentsError: If the direction is neither.
    """
    rows = [make_row(trial, optimization_key) for trial in trials]
    successes = [(row["metric"], row) for row in rows if row["metric"] is not None]
    metrics = [metric for metric, _ in successes]
    best, worst = _best_and_worst(successes, Direction.parse(direction))
    keys = ("config",) if kind == "ablation" else ("hp", "config")
    values: dict[str, Any] = {
        **_row_values("best", best, keys),
        **_row_values("worst", worst, keys),
        "avg": mean(metrics) if metrics else None,
        "metric_list": metrics,
        "num_trials": len(metrics),
        "early_stopped": sum(row["early_stop"] for _, row in successes),
        "failed": len(rows) - len(successes),
    }
    if kind == "ablation":
        comparison = compare_with_base(
            rows, direction=Direction.parse(direction), confidence=confidence
        )
        values["differences"] = comparison.differences
        if comparison.base is not None:
            values["base"] = comparison.base
        if analysis is not None:
            for entry in comparison.differences:
                further = analysis.differences.get(Component.from_params(entry), {})
                entry.update(further)  # type: ignore[typeddict-item]
            values.update(analysis.result)
    return ExperimentResult(
        values,
        trials=rows,
        kind=kind,
        direction=direction,
        optimization_key=optimization_key,
        confidence=confidence,
    )


def _best_and_worst(
    successes: Sequence[tuple[float, TrialRow]], direction: Direction
) -> tuple[TrialRow | None, TrialRow | None]:
    if not successes:
        return None, None
    _, best = direction.best(successes, key=lambda pair: pair[0])
    # The negative finds the first of equal ones, which the best in the other direction is, too.
    _, worst = direction.best(successes, key=lambda pair: -pair[0])
    return best, worst


def _row_values(prefix: str, row: TrialRow | None, keys: Sequence[str]) -> dict[str, Any]:
    if row is None:
        return {f"{prefix}_{key}": None for key in ("id", "val", *keys)}
    return {
        f"{prefix}_id": row["trial_id"],
        f"{prefix}_val": row["metric"],
        # A copy for each key, so that changing one changes nothing else.
        **{f"{prefix}_{key}": dict(row["params"]) for key in keys},
    }
