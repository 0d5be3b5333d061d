"""The result of an experiment: a dict that also shows itself as tables and plots.

It writes no records.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis
from maggy.ablation.statistics import mean
from maggy.common.direction import Direction
from maggy.common.exceptions import NotSupportedError
from maggy.common.files import AnyFiles
from maggy.common.text_table import TextTable
from maggy.common.types import Json
from maggy.optuna_bridge.study import to_study
from maggy.result import tables
from maggy.result.component_table import component_table, verdict_note
from maggy.result.differences import ComponentDifference, compare_with_base
from maggy.result.drawing import Drawable
from maggy.result.report import report_page
from maggy.result.rows import TrialRow, make_row, parameter_names
from maggy.result.saved_checkpoints import CheckpointAccess
from maggy.result.status import caption
from maggy.result.terminal_view import terminal_text
from maggy.searchspace import Searchspace
from maggy.trial import Trial

if TYPE_CHECKING:
    import optuna
    import pandas

__all__ = ["ExperimentResult", "build_result"]


class _Printer(Protocol):
    """What IPython gives a class that prints itself."""

    def text(self, obj: str) -> None: ...


class ExperimentResult(dict[str, Any], Drawable, CheckpointAccess):
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
        record: The attribute of this name.

    Attributes:
        trials: A dict for each ended trial, in the order of ending: ``trial_id``, ``number`` (from
            1, in the order of suggestion), ``status``, ``params``, ``metric``, ``early_stop``,
            ``duration`` (milliseconds), ``start`` (seconds since the epoch), ``attempts``,
            ``steps``, ``history``, ``outputs``, ``error``. A trial that ran has ``worker``, too:
            the number of its last worker, from 0. One that a rule stopped has ``stop_reason``, and
            one that continues another trial, as after a promotion, has its id as ``parent``. A turn
            of population based training has ``member``: the number of its member, from 0.
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
        record: The content of ``maggy.json``, which says what the experiment ran with; empty if it
            is unknown.
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
        record: Mapping[str, Json] | None = None,
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
        self.record = dict(record or {})

    def to_pandas(self) -> pandas.DataFrame:
        """Return the trials as a data frame with one row a trial and one column a parameter.

        A parameter that is called like another column gets the prefix ``param_``. The columns of
        release 2.0 come first. The further columns are ``number`` (of the trial, if it is known),
        ``started`` (a timestamp in UTC), ``duration_seconds`` and ``steps`` (the number of
        reported steps). Each of these gets the prefix ``trial_`` if a parameter has its name. The
        last columns are the values that the training function has returned. A value whose name
        another column has gets the prefix ``output_``.

        Raises:
            MissingDependencyError: If pandas is not installed.
        """
        return tables.data_frame(self.trials, self.optimization_key)

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

    def report(self, path: str | os.PathLike[str]) -> str:
        """Write a page about the experiment that opens without a network, and return its path.

        It is one HTML file with a table of the trials that can be sorted and filtered, interactive
        plots, the curve of every trial, failures with their tracebacks, and what the experiment ran
        with. An existing file is replaced.

        Args:
            path: The file, such as ``"report.html"``.

        Raises:
            MissingDependencyError: If jinja2 or plotly is not installed.
            OSError: If the file cannot be written.
        """
        files = AnyFiles()
        place = files.resolve(os.fspath(path))
        files.write_bytes(place, report_page(self).encode("utf-8"))
        return place

    @property
    def _best_id(self) -> str | None:
        best_id: str | None = self.get("best_id")
        return best_id

    @property
    def _differences(self) -> list[ComponentDifference]:
        differences: list[ComponentDifference] = self.get("differences", [])
        return differences

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
        text = self._caption()
        note = verdict_note(self["differences"]) if "base" in self else ""
        return self._shown_table().to_html(f"{text}. {note}" if note else text, tables.MAX_ROWS)

    def _repr_pretty_(self, printer: _Printer, cycle: bool) -> None:
        """Give IPython in a terminal the same table as text. ``repr`` stays that of a dict."""
        table = self._shown_table()
        names = parameter_names(self.trials)
        optional = [index for index, head in enumerate(table.heads) if head in names]
        # Where the number names a trial, its id may be missing.
        spare = [table.heads.index("trial")] if "#" in table.heads else []
        text = terminal_text(table, self._caption(), optional=optional, spare=spare)
        printer.text(text)

    def _caption(self) -> str:
        text = caption([*self.trials, *self.running])
        return f"{text}. The experiment is running" if self.state == "RUNNING" else text

    def _shown_table(self) -> TextTable:
        return self._table().with_numbers_right() if "base" in self else self._table()


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
