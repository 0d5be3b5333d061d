"""The table of an ablation with repeats: one row for each component, as texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from maggy.ablation.component import Component
from maggy.ablation.statistics import mean
from maggy.common.text_table import TextTable
from maggy.result.differences import BaseMetric, ComponentDifference
from maggy.result.rows import TrialRow

__all__ = ["component_table", "verdict_note"]

_MAX_DECIMALS = 8
_SMALLEST_P = 0.001
_CONCLUSIVE = ("helps", "hurts", "worse", "better")
_OF_ALTERNATIVES = {"helps": "worse", "hurts": "better"}
"""What the table says of components whose labels name what stands in the base's place. That the
base's value helps would be read as if the named one did."""

_ALTERNATIVES_NOTE = "Better and worse say how the metric is with what the row names."


def component_table(
    differences: Sequence[ComponentDifference],
    base: BaseMetric,
    rows: Sequence[TrialRow],
    *,
    metric: str,
    confidence: float,
) -> TextTable:
    """Return the table of the components of a study with repeats.

    Args:
        differences: The components.
        base: The base.
        rows: The trials, for the mean time of a component's trials and the size of its model.
        metric: The name of the metric.
        confidence: The confidence of the intervals.
    """
    number = _formatter(
        std for entry in differences for std in (entry["metric_std"], entry["difference_std"])
    )
    heads = [
        "without",
        "n",
        metric,
        "difference",
        f"{100 * confidence:g} % interval",
        "p adjusted",
        "verdict",
    ]
    lines = [["(base)", str(base["n"]), _mean_and_std(base, number), "", "", "", ""]]
    for entry in differences:
        difference, low, high = entry["difference"], entry["ci_low"], entry["ci_high"]
        p_adjusted = entry["p_adjusted"]
        component = Component.from_params(entry)
        cells = [
            component.describe(),
            str(entry["n"]),
            _mean_and_std(entry, number),
            "" if difference is None else _with_sign(number(difference)),
            "" if low is None or high is None else f"{number(low)} to {number(high)}",
            "" if p_adjusted is None else _p_text(p_adjusted),
            _verdict_text(component, entry["verdict"]),
        ]
        lines.append(cells)
    for head, column_cells in _optional_columns(differences, base, rows):
        heads.append(head)
        for line, cell in zip(lines, column_cells, strict=True):
            line.append(cell)
    column = heads.index("verdict")
    verdicts = enumerate(line[column] for line in lines)
    bold = frozenset((row, column) for row, verdict in verdicts if verdict in _CONCLUSIVE)
    return TextTable(heads, lines, bold)


def verdict_note(differences: Sequence[ComponentDifference]) -> str:
    """Return the sentence on intervals and verdicts; no text if there is no verdict."""
    if all(entry["verdict"] is None for entry in differences):
        return ""
    note = (
        "An interval is the component's own; the verdict is stricter, since it counts all "
        "components (Holm)."
    )
    has_alternatives = any(
        Component.from_params(entry).is_named_after_alternative
        and entry["verdict"] in _OF_ALTERNATIVES
        for entry in differences
    )
    return f"{note} {_ALTERNATIVES_NOTE}" if has_alternatives else note


def _verdict_text(component: Component, verdict: str | None) -> str:
    if component.is_named_after_alternative:
        return _OF_ALTERNATIVES.get(verdict or "", verdict or "")
    return verdict or ""


def _optional_columns(
    differences: Sequence[ComponentDifference], base: BaseMetric, rows: Sequence[TrialRow]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the head and the cells of each column that has something to show, the base first."""
    components = [Component.base(), *map(Component.from_params, differences)]
    for head, cell_by_component in (
        ("parameters", _parameters(rows)),
        ("seconds", _mean_seconds(rows)),
    ):
        if cell_by_component:
            yield head, [cell_by_component.get(component, "") for component in components]
    for head, counts in (
        ("failed", [_base_failures(rows), *(entry["failed"] for entry in differences)]),
        ("stopped early", [entry.get("stopped_early", 0) for entry in (base, *differences)]),
    ):
        if any(counts):
            yield head, [str(count) if count else "" for count in counts]


def _base_failures(rows: Iterable[TrialRow]) -> int:
    return sum(
        row["metric"] is None and Component.from_params(row["params"]).is_base for row in rows
    )


def _parameters(rows: Iterable[TrialRow]) -> dict[Component, str]:
    """Return the number of parameters of each component's model, if it is known, as text."""
    texts: dict[Component, str] = {}
    for row in rows:
        if "model" in row and (parameters := row["model"]["parameters"]) is not None:
            texts.setdefault(Component.from_params(row["params"]), f"{parameters:,}")
    return texts


def _mean_seconds(rows: Iterable[TrialRow]) -> dict[Component, str]:
    """Return the mean duration of each component's trials that ended with a metric, as text."""
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
        return lambda number: _without_negative_zero(f"{number:.6g}")
    decimals = min(_MAX_DECIMALS, max(0, 1 - math.floor(math.log10(min(positive)))))
    return lambda number: _without_negative_zero(f"{number:.{decimals}f}")


def _without_negative_zero(text: str) -> str:
    # Differences of equal means are often not 0, but as small as -7e-18.
    return text if float(text) else text.removeprefix("-")


def _with_sign(text: str) -> str:
    return f"+{text}" if float(text) > 0 else text


def _mean_and_std(entry: BaseMetric | ComponentDifference, number: Callable[[float], str]) -> str:
    middle, std = entry["metric_mean"], entry["metric_std"]
    if middle is None:
        return "failed"
    return number(middle) if std is None else f"{number(middle)} ± {number(std)}"


def _p_text(p_value: float) -> str:
    return f"<{_SMALLEST_P}" if p_value < _SMALLEST_P else f"{p_value:.3f}"
