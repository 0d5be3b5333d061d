"""The table of an ablation with repeats: one row for each component, as texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from maggy.ablation.component import Component
from maggy.ablation.statistics import mean
from maggy.common.text_table import TextTable
from maggy.result.differences import BaseMetric, ComponentDifference
from maggy.result.rows import TrialRow

__all__ = ["component_table", "verdict_note"]

_MAX_DECIMALS = 8
_SMALLEST_P = 0.001
_CONCLUSIVE = ("helps", "hurts")


def component_table(
    differences: Sequence[ComponentDifference],
    base: BaseMetric,
    rows: Iterable[TrialRow],
    *,
    metric: str,
    confidence: float,
) -> TextTable:
    """Return the table of the components of a study with repeats.

    Args:
        differences: The components.
        base: The base.
        rows: The trials, for the mean time of a component's runs.
        metric: The name of the metric.
        confidence: The confidence of the intervals.
    """
    number = _formatter(
        std for entry in differences for std in (entry["metric_std"], entry["difference_std"])
    )
    seconds = _mean_seconds(rows)
    has_failures = any(entry["failed"] for entry in differences)
    heads = [
        "without",
        "n",
        metric,
        "difference",
        f"{100 * confidence:g} % interval",
        "p adjusted",
        "verdict",
        "seconds",
        *(["failed"] if has_failures else []),
    ]
    base_seconds = seconds.get(Component.base(), "")
    base_cells = [str(base["n"]), _mean_and_std(base, number), "", "", "", "", base_seconds]
    lines = [["(base)", *base_cells, *([""] if has_failures else [])]]
    for entry in differences:
        difference, low, high = entry["difference"], entry["ci_low"], entry["ci_high"]
        p_adjusted, verdict = entry["p_adjusted"], entry["verdict"]
        cells = [
            Component.from_params(entry).describe(),
            str(entry["n"]),
            _mean_and_std(entry, number),
            "" if difference is None else f"{'+' if difference >= 0 else ''}{number(difference)}",
            "" if low is None or high is None else f"{number(low)} to {number(high)}",
            "" if p_adjusted is None else _p_text(p_adjusted),
            verdict or "",
            seconds.get(Component.from_params(entry), ""),
        ]
        if has_failures:
            cells.append(str(entry["failed"]) if entry["failed"] else "")
        lines.append(cells)
    column = heads.index("verdict")
    verdicts = enumerate(line[column] for line in lines)
    bold = frozenset((row, column) for row, verdict in verdicts if verdict in _CONCLUSIVE)
    return TextTable(heads, lines, bold)


def verdict_note(differences: Iterable[ComponentDifference]) -> str:
    """Return the sentence on intervals and verdicts; no text if there is no verdict."""
    if all(entry["verdict"] is None for entry in differences):
        return ""
    return (
        "An interval is the component's own; the verdict is stricter, since it counts all "
        "components (Holm)."
    )


def _mean_seconds(rows: Iterable[TrialRow]) -> dict[Component, str]:
    """Return the mean duration of the runs of each component that ended with a metric, as text."""
    durations: dict[Component, list[float]] = {}
    for row in rows:
        if row["metric"] is not None and row["duration"] is not None:
            component = Component.from_params(row["params"])
            durations.setdefault(component, []).append(row["duration"] / 1000)
    return {component: f"{mean(values):.1f}" for component, values in durations.items()}


def _formatter(stds: Iterable[float | None]) -> Callable[[float], str]:
    """Return a function that writes numbers with two digits of the smallest spread."""
    positive = [std for std in stds if std is not None and std > 0]
    if not positive:
        return lambda number: f"{number:.6g}"
    decimals = min(_MAX_DECIMALS, max(0, 1 - math.floor(math.log10(min(positive)))))
    return lambda number: f"{number:.{decimals}f}"


def _mean_and_std(entry: BaseMetric | ComponentDifference, number: Callable[[float], str]) -> str:
    middle, std = entry["metric_mean"], entry["metric_std"]
    if middle is None:
        return "failed"
    return number(middle) if std is None else f"{number(middle)} ± {number(std)}"


def _p_text(p_value: float) -> str:
    return f"<{_SMALLEST_P}" if p_value < _SMALLEST_P else f"{p_value:.3f}"
