"""The table of an ablation with repeats: one row for each component, as texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from maggy.ablation.component import Component
from maggy.common.text_table import TextTable
from maggy.result.differences import BaseMetric, ComponentDifference

__all__ = ["component_table"]

_MAX_DECIMALS = 8
_SMALLEST_P = 0.001
_CONCLUSIVE = ("helps", "hurts")


def component_table(
    differences: Sequence[ComponentDifference],
    base: BaseMetric,
    *,
    metric: str,
    confidence: float,
) -> TextTable:
    """Return the table of the components of a study with repeats.

    Args:
        differences: The components.
        base: The base.
        metric: The name of the metric.
        confidence: The confidence of the intervals.
    """
    number = _formatter(
        std for entry in differences for std in (entry["metric_std"], entry["difference_std"])
    )
    has_failures = any(entry["failed"] for entry in differences)
    heads = [
        "without",
        "n",
        metric,
        "difference",
        f"{100 * confidence:g} % interval",
        "p adjusted",
        "verdict",
        *(["failed"] if has_failures else []),
    ]
    base_cells = [str(base["n"]), _mean_and_std(base, number), "", "", "", ""]
    rows = [["(base)", *base_cells, *([""] if has_failures else [])]]
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
        ]
        if has_failures:
            cells.append(str(entry["failed"]) if entry["failed"] else "")
        rows.append(cells)
    column = heads.index("verdict")
    verdicts = enumerate(row[column] for row in rows)
    bold = frozenset((row, column) for row, verdict in verdicts if verdict in _CONCLUSIVE)
    return TextTable(heads, rows, bold)


def _formatter(stds: Iterable[float | None]) -> Callable[[float], str]:
    """Return a function that writes numbers with two digits of the smallest spread."""
    positive = [std for std in stds if std is not None and std > 0]
    if not positive:
        return lambda number: f"{number:.6g}"
    decimals = min(_MAX_DECIMALS, max(0, 1 - math.floor(math.log10(min(positive)))))
    return lambda number: f"{number:.{decimals}f}"


def _mean_and_std(entry: BaseMetric | ComponentDifference, number: Callable[[float], str]) -> str:
    mean, std = entry["metric_mean"], entry["metric_std"]
    if mean is None:
        return "failed"
    return number(mean) if std is None else f"{number(mean)} ± {number(std)}"


def _p_text(p_value: float) -> str:
    return f"<{_SMALLEST_P}" if p_value < _SMALLEST_P else f"{p_value:.3f}"
