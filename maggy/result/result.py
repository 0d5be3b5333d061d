"""What an experiment returns: the result dict, its text, its table and its plots. Records are written elsewhere."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from maggy.common.exceptions import BadArgumentsError, NotSupportedError
from maggy.common.json_values import to_plain
from maggy.common.optional import import_optional
from maggy.optuna_bridge.study import to_study
from maggy.result import plots
from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["ExperimentResult", "build_result", "summary_text"]

_SHOWN_ROWS = 100


class ExperimentResult(dict[str, Any]):
    """The result of an experiment: a dict of plain JSON values that also shows itself as a table and as plots.

    Keys: ``best_id``, ``best_val``, ``best_config`` and the same with ``worst_``, ``avg``, ``metric_list``,
    ``num_trials``, ``early_stopped``, ``failed``; a search has ``best_hp`` and ``worst_hp`` too, an ablation
    ``differences``. They cover the trials that ended with a metric, ``failed`` counts the others.

    Example:
        >>> result = build_result([], kind="optimization", direction="max", optimization_key="metric")
        >>> result["num_trials"], result["best_id"]
        (0, None)

    Attributes:
        trials: A dict for each ended trial, in the order of ending: ``trial_id``, ``status``, ``params``,
            ``metric``, ``early_stop``, ``duration`` (milliseconds), ``start`` (seconds since the epoch),
            ``attempts``, ``steps``, ``history``, ``outputs``, ``error``.
        kind: ``"optimization"`` or ``"ablation"``.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric.
        directory: The experiment's directory, or None.
        searchspace: What was searched, or None.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        trials: Sequence[dict[str, Any]] = (),
        kind: str = "optimization",
        direction: str = "max",
        optimization_key: str = "metric",
        directory: str | None = None,
        searchspace: Searchspace | None = None,
    ) -> None:
        super().__init__(values)
        self.trials = list(trials)
        self.kind = kind
        self.direction = direction
        self.optimization_key = optimization_key
        self.directory = directory
        self.searchspace = searchspace

    def to_pandas(self) -> Any:
        """The trials as a ``pandas.DataFrame``, one row each, with a column for each parameter.

        A parameter that is called like another column gets the prefix ``param_``.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        pandas = import_optional("pandas", "to_pandas()", "pip install 'maggy[plots]'")
        parameters = self._parameter_columns()
        rows = [
            {"trial_id": row["trial_id"]}
            | {column: row["params"].get(name) for name, column in parameters.items()}
            | {name: row[name] for name in _PLAIN_COLUMNS}
            for row in self.trials
        ]
        return pandas.DataFrame(rows, columns=["trial_id", *parameters.values(), *_PLAIN_COLUMNS])

    def to_optuna_study(self, storage: Any = None, study_name: str | None = None) -> Any:
        """The trials as an ``optuna.Study``, so that Optuna's plots, dashboard and analyses work on them.

        A trial that was stopped early is PRUNED there, and a failed one FAIL. Optuna's best trial is the best of those
        that ran to their end. Reported values at steps below 0 are left out; other steps are rounded down.

        Args:
            storage: Where it is kept, as ``optuna.create_study`` takes it: ``"sqlite:///study.db"``; None for memory.
            study_name: Its name; None for one that Optuna makes up.

        Raises:
            MissingDependencyError: Optuna is not installed.
        """
        space = {} if self.searchspace is None else self.searchspace.to_dict()
        return to_study(
            self.trials, space, self.direction, self.optimization_key, storage, study_name
        )

    def plot(self) -> Any:
        """The outcome at a glance: a search's metrics with the best so far, an ablation's differences from the base.

        Returns:
            The ``matplotlib`` axes.

        Raises:
            MissingDependencyError: matplotlib is not installed.
            NotSupportedError: An ablation without a single difference.
        """
        if self.kind != "ablation":
            return plots.plot_metrics(self.trials, self.optimization_key, self.direction)
        known = {
            _component(each): each["difference"]
            for each in self["differences"]
            if each["difference"] is not None
        }
        if not known:
            raise NotSupportedError(
                "A plot of the differences needs the base trial and a component that succeeded."
            )
        return plots.plot_differences(known, self.optimization_key)

    def plot_curves(self) -> Any:
        """What each trial reported while it ran, over the training steps; the best trial is drawn thicker.

        Returns:
            The ``matplotlib`` axes.

        Raises:
            MissingDependencyError: matplotlib is not installed.
        """
        return plots.plot_curves(self.trials, self.get("best_id"))

    def plot_parameter(self, name: str) -> Any:
        """The final metric of each trial over the value of one parameter.

        Returns:
            The ``matplotlib`` axes.

        Raises:
            BadArgumentsError: A ``ValueError``: there is no such parameter.
            MissingDependencyError: matplotlib is not installed.
        """
        if name not in self._parameter_columns():
            known = ", ".join(self._parameter_columns()) or "none"
            raise BadArgumentsError(
                f"The parameter must be one of the experiment's ({known}), but got {name!r}."
            )
        return plots.plot_parameter(self.trials, name, self.optimization_key)

    def _repr_html_(self) -> str:
        """The table that a notebook shows: the best trials first, failed ones last."""
        differences = {
            (d["ablated_feature"], d["ablated_layer"]): d["difference"]
            for d in self.get("differences", ())
        }
        names = list(self._parameter_columns())
        heads = [
            "trial",
            *names,
            self.optimization_key,
            *(["difference"] if differences else []),
            "status",
        ]
        rows = []
        for row in self._ranked()[:_SHOWN_ROWS]:
            values = [row["params"].get(name, "") for name in names]
            shown = [_short(value) if isinstance(value, float) else value for value in values]
            cells = [row["trial_id"], *shown, _short(row["metric"])]
            if differences:
                labels = _labels(row["params"])
                cells.append("base" if labels == ("None", "None") else _signed(differences[labels]))
            cells.append(
                "stopped early"
                if row["metric"] is not None and row["early_stop"]
                else row["status"]
            )
            rows.append(
                "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
            )
        head = "".join(f"<th>{escape(str(name))}</th>" for name in heads)
        more = len(self.trials) - len(rows)
        text = (
            f"{self.get('num_trials', 0)} trials, {self.get('failed', 0)} failed, "
            f"{self.get('early_stopped', 0)} stopped early, direction {self.direction}"
            + (f"; {more} more trials are not shown" if more > 0 else "")
        )
        return (
            f"<table><caption>{escape(text)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>"
        )

    def _ranked(self) -> list[dict[str, Any]]:
        sign = -1 if self.direction == "max" else 1
        return sorted(
            self.trials, key=lambda row: (row["metric"] is None, sign * (row["metric"] or 0))
        )

    def _parameter_columns(self) -> dict[str, str]:
        """Each parameter's name and the name of its column, in the order of first appearance."""
        taken = {"trial_id", *_PLAIN_COLUMNS}
        names = dict.fromkeys(name for row in self.trials for name in row["params"])
        return {name: f"param_{name}" if name in taken else name for name in names}


_PLAIN_COLUMNS = ("metric", "status", "early_stop", "duration", "start", "attempts", "error")


def build_result(
    trials: Sequence[Trial], *, kind: str, direction: str, optimization_key: str
) -> ExperimentResult:
    """The result of an experiment.

    A trial counts as a success when it is FINALIZED with a finite metric. Of equal metrics the one that ended
    first is best, and also worst. Without a success the best, the worst and the average are None.

    Args:
        trials: The ended trials (FINALIZED or ERROR), in the order in which they ended.
        kind: ``"optimization"`` or ``"ablation"``.
        direction: ``"max"`` or ``"min"``.
        optimization_key: The name of the metric.
    """
    rows = [_row(trial, optimization_key) for trial in trials]
    succeeded = [row for row in rows if row["metric"] is not None]
    metrics = [row["metric"] for row in succeeded]
    highest = max(succeeded, key=lambda row: row["metric"], default=None)
    lowest = min(succeeded, key=lambda row: row["metric"], default=None)
    best, worst = (highest, lowest) if direction == "max" else (lowest, highest)
    values: dict[str, Any] = {
        **_named("best", best, kind),
        **_named("worst", worst, kind),
        "avg": _mean(metrics),
        "metric_list": metrics,
        "num_trials": len(metrics),
        "early_stopped": sum(row["early_stop"] for row in succeeded),
        "failed": len(rows) - len(succeeded),
    }
    if kind == "ablation":
        values["differences"] = _differences(rows)
    return ExperimentResult(
        values, trials=rows, kind=kind, direction=direction, optimization_key=optimization_key
    )


def summary_text(
    result: ExperimentResult, *, name: str, kind: str, direction: str, seconds: float
) -> str:
    """The text that is printed at the end of an experiment.

    Args:
        result: What :func:`build_result` gave.
        name: The name of the optimizer or ablator.
        kind: ``"optimization"`` or ``"ablation"``.
        direction: ``"max"`` or ``"min"``.
        seconds: How long the experiment took.
    """
    minutes, second = divmod(max(0, int(seconds)), 60)
    hour, minute = divmod(minutes, 60)
    took = f"{hour} hours, {minute} minutes, {second} seconds"
    if kind == "ablation":
        lines = [
            f"------ {name} Results ------",
            *_extremes(result, "Config Excludes"),
            f"Total Job Time {took}",
        ]
        return "\n".join([*lines, *_failures(result), *_difference_lines(result)])
    lines = [
        f"------ {name} Results ------ direction({direction})",
        *_extremes(result, "combination"),
        f"EARLY STOPPED Trials -- {result['early_stopped']}",
        f"Total job time {took}",
    ]
    return "\n".join([*lines, *_failures(result)])


def _row(trial: Trial, optimization_key: str) -> dict[str, Any]:
    metric = trial.final_metric
    succeeded = trial.status == Trial.FINALIZED and metric is not None and math.isfinite(metric)
    returned = {optimization_key: metric} if succeeded and trial.outputs is None else trial.outputs
    return {
        "trial_id": trial.trial_id,
        "status": trial.status,
        "params": to_plain(trial.params),
        "metric": metric if succeeded else None,
        "early_stop": bool(trial.early_stop),
        "duration": trial.duration,
        "start": trial.start,
        "attempts": trial.attempts,
        "steps": to_plain(trial.step_history),
        "history": to_plain(trial.metric_history),
        "outputs": to_plain(returned),
        "error": trial.error,
    }


def _named(prefix: str, row: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    keys = ("config",) if kind == "ablation" else ("hp", "config")
    return {
        f"{prefix}_id": row and row["trial_id"],
        f"{prefix}_val": row and row["metric"],
        # A copy each, so that changing one changes nothing else.
        **{f"{prefix}_{key}": row and dict(row["params"]) for key in keys},
    }


def _mean(metrics: Sequence[float]) -> float | None:
    if not metrics:
        return None
    try:
        return math.fsum(metrics) / len(metrics)
    except OverflowError:
        return math.fsum(metric / len(metrics) for metric in metrics)


def _differences(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each component's difference from the base, in the order in which the trials started."""
    base = next((row["metric"] for row in rows if _labels(row["params"]) == ("None", "None")), None)
    # Without a start (it never ran) a trial comes last.
    ordered = sorted(rows, key=lambda row: math.inf if row["start"] is None else row["start"])
    found = []
    for row in ordered:
        feature, layer = _labels(row["params"])
        if (feature, layer) == ("None", "None"):
            continue
        metric = row["metric"]
        difference = None if metric is None or base is None else to_plain(metric - base)
        found.append(
            {
                "ablated_feature": feature,
                "ablated_layer": layer,
                "metric": metric,
                "difference": difference,
            }
        )
    return found


def _labels(params: Mapping[str, Any]) -> tuple[str, str]:
    return str(params.get("ablated_feature", "None")), str(params.get("ablated_layer", "None"))


def _extremes(result: ExperimentResult, word: str) -> list[str]:
    if result["best_id"] is None:
        return ["No trial ended with a metric"]
    return [
        *(
            f"{which.upper()} {word} {json.dumps(result[f'{which}_config'])} -- metric {result[f'{which}_val']}"
            for which in ("best", "worst")
        ),
        f"AVERAGE metric -- {result['avg']}",
    ]


def _failures(result: ExperimentResult) -> list[str]:
    return [f"FAILED Trials -- {result['failed']}"] if result["failed"] else []


def _difference_lines(result: ExperimentResult) -> list[str]:
    differences = result["differences"]
    if not differences:
        return []
    width = max(len(_component(each)) for each in differences)
    rows = {_labels(row["params"]): row["metric"] for row in result.trials}
    base = rows.get(("None", "None"))
    lines = ["", f"Difference from the base{'' if base is None else f' ({_short(base)})'}, without"]
    for each in differences:
        shown = (
            "failed" if each["metric"] is None else _signed(each["difference"]) or "the base failed"
        )
        lines.append(f"  {_component(each):<{width}}  {shown}")
    return lines


def _component(difference: Mapping[str, Any]) -> str:
    feature, layer = difference["ablated_feature"], difference["ablated_layer"]
    # What is no single layer says itself what it is: "Layers prefixed P", "Custom model: ID", a list.
    named = layer.startswith(("Layers prefixed ", "Custom model: "))
    word = "" if named else "layers " if layer.startswith("[") else "layer "
    parts = [f"feature {feature}"] if feature != "None" else []
    return ", ".join([*parts, *([f"{word}{layer}"] if layer != "None" else [])])


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"


def _signed(number: float | None) -> str:
    return "" if number is None else f"{number:+.6g}"
